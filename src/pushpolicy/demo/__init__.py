"""`pushpolicy demo`: the tool's whole way, shown on a small sample application with real commands.

Everything that is shown has just been run as a process of its own: git, pytest, a SARIF scanner
(bandit) and pushpolicy itself. Only the vulnerability report is a sample, and is called so.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from pushpolicy.demo.passage import Kind, Passage
from pushpolicy.demo.shell import Shell
from pushpolicy.demo.story import tell
from pushpolicy.errors import UsageError
from pushpolicy.files import real

__all__ = ["Kind", "Passage", "run"]


def run(*, keep: Path | None, environ: Mapping[str, str], show: Callable[[Passage], None]) -> None:
    """Tell the story, from the sample application to the audit of its push.

    Args:
        keep: a new or empty folder that the project stays in; None for one that is deleted at the end.
        environ: the environment, of which the commands get to see PATH and little else.
        show: called with each passage as soon as it is known.

    Raises:
        UsageError: when a tool the demo needs is not there, or the folder is in use.
        UnexpectedExitError: when a command ends otherwise than the story says; has its exit code.
    """
    _require_tools(environ)
    if keep is not None:
        _tell_in(_empty_folder(keep), environ, show)
        return
    with tempfile.TemporaryDirectory(prefix="pushpolicy-demo-") as folder:
        _tell_in(Path(folder), environ, show)


def _tell_in(folder: Path, environ: Mapping[str, str], show: Callable[[Passage], None]) -> None:
    for passage in tell(Shell.of(real(folder), environ)):
        show(passage)


def _require_tools(environ: Mapping[str, str]) -> None:
    if shutil.which("git", path=environ.get("PATH")) is None:
        raise UsageError("the demo needs git, which is not on PATH", hint="install git")
    modules = {"pytest": "pytest", "bandit": "bandit", "sarif_om": "bandit's SARIF writer"}
    absent = [name for module, name in modules.items() if find_spec(module) is None]
    if absent:
        raise UsageError(
            f"the demo needs {' and '.join(absent)}, not installed in this Python environment",
            hint="pip install pytest 'bandit[sarif]'",
        )


def _empty_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if next(folder.iterdir(), None) is not None:
            raise UsageError(f"--keep {folder}: the folder is not empty", hint="name a new folder")
    except OSError as error:
        raise UsageError(f"--keep {folder}: {error.strerror}", hint="name a new folder") from error
    return folder

"""docs/audit.md: the check of pull requests to a policy repository is a pipeline, and says what it should."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from pushpolicy import errors
from pushpolicy.cli.main import cli as program
from tests.integration.test_audit_verify import Signing
from tests.policies import ROOT, rule, write_policy
from tests.programs import tool
from tests.workspace import IMAGE, Workspace

_SHOWN = re.compile(r"`(?P<path>\.git[^`\n]+)`:\n\n```yaml\n(?P<text>.*?)```", re.DOTALL)
_PLACES = {"app": "oci:registry", "denials": "oci:denials"}
NAMES = [".github/workflows/what-if.yml", ".gitlab-ci.yml"]


def shown(path: str) -> str:
    """A file of the section."""
    text = (ROOT / "docs/audit.md").read_text(encoding="utf-8")
    files = {found["path"]: found["text"] for found in _SHOWN.finditer(text)}
    assert sorted(files) == NAMES
    return files[path]


def command(path: str) -> list[str]:
    """The words of its command."""
    job: dict[str, Any] = yaml.safe_load(shown(path))
    steps = job["jobs"]["what-if"]["steps"] if "jobs" in job else []
    scripts = [step["run"] for step in steps if "run" in step] or job["what-if"]["script"]
    (words,) = [shlex.split(script) for script in scripts if script.startswith("pushpolicy ")]
    return words[1:]


@pytest.mark.parametrize("path", NAMES)
def test_its_command_is_one(path: str) -> None:
    group, name, *arguments = command(path)
    with click.Context(program) as context:
        found = program.get_command(context, group)
        assert isinstance(found, click.Group)
        replay = found.get_command(context, name)
        assert replay
        replay.make_context(name, list(arguments), parent=context)


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "what-if.yml"
    path.write_text(shown(NAMES[0]))
    arguments = [str(tool("actionlint")), "-shellcheck=", "-pyflakes=", str(path)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.fixture
def history(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A push, and a denial by the rule `large`, both signed."""
    signing = Signing(workspace, tmp_path / "keys")
    for folder in ("current", "proposed"):
        (workspace.folder.parent / folder).mkdir()
    Path(signing.trust).rename(workspace.folder.parent / "current/trust.yaml")
    write_policy(workspace.folder.parent / "proposed", large("1"))
    given = ("--key", signing.key(), "--policy", "pack", "--denials", "oci:denials", "-q")
    assert workspace.push(*given, target="oci:registry:1").code == errors.EXIT_OK
    denied = workspace.run("push", IMAGE, "oci:registry:2", *given, "--policy", "../proposed")
    assert denied.code == errors.EXIT_DENIED
    return workspace


def large(least: str) -> dict[str, str]:
    return {"large": rule("large", f'deny contains {{"at": {{}}, "msg": "n"}} if input.image.size > {least}')}


@pytest.mark.parametrize("path", NAMES)
def test_what_loosens_waits_and_what_does_not_passes(history: Workspace, path: str) -> None:
    words = [
        _PLACES.get(word.rpartition("/")[2], word) if "/team/" in word else word for word in command(path)
    ]
    trust = words.index("--trust") + 1
    words[trust] = "../current/trust.yaml"
    last = len(words) - words[::-1].index("--policy")
    assert words[last] in ("proposed", ".")
    words[last] = "../proposed"
    ran = history.run(*words)
    assert (ran.code, ran.out.splitlines()[0]) == (0, "stricter: 1 of 2 past decisions: 1 would be denied")
    assert history.path("what-if.json").is_file()
    write_policy(history.folder.parent / "proposed", large("100000000"))
    ran = history.run(*words)
    assert ran.code == errors.EXIT_DIFFERS
    assert ran.out.splitlines()[0] == "looser: 1 of 2 past decisions: 1 would be let in"
    assert "looser: oci:registry:2  DENY -> ALLOW  verified by ci" in ran.out

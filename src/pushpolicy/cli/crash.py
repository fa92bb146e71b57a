"""What is kept of a bug in pushpolicy: a file that its finder can attach to a report."""

from __future__ import annotations

import sys
import tempfile
import traceback

from pushpolicy import __version__
from pushpolicy.cli import environment
from pushpolicy.gather.secrets import secret_values


def write_report(error: Exception) -> str:
    """Write the traceback to a file that only this user can read; returns its path.

    Raises:
        OSError: when it cannot be written anywhere.
    """
    text = "".join(traceback.format_exception(error))
    # A message of another library may quote what it was given.
    for name, value in secret_values(environment.environment(), None).items():
        text = text.replace(value.strip(), f"<{name}>")
    with tempfile.NamedTemporaryFile(
        "w", prefix="pushpolicy-crash-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
    ) as report:
        report.write(f"pushpolicy {__version__}\nPython {sys.version}\n{text}")
    return report.name


def where(error: Exception) -> str:
    """The place in the code, as file, line and function."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}, {last.name}"

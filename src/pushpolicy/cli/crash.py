"""What is kept of a bug in pushpolicy: a file that its finder can attach to a report."""

from __future__ import annotations

import sys
import tempfile
import traceback

from pushpolicy import __version__
from pushpolicy.cli.report import without_secrets


def write_report(error: Exception) -> str:
    """Write the traceback to a file that only this user can read; returns its path.

    Raises:
        OSError: when it cannot be written anywhere.
    """
    text = without_secrets("".join(traceback.format_exception(error)))
    with tempfile.NamedTemporaryFile(
        "w", prefix="pushpolicy-crash-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
    ) as report:
        report.write(f"pushpolicy {__version__}\nPython {sys.version}\n{text}")
    return report.name


def where(error: Exception) -> str:
    """The place in the code, as file, line and function."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}, {last.name}"

"""The error that a run ends with, as a report."""

from __future__ import annotations

from pushpolicy.cli.formats import Kind, Report
from pushpolicy.model.document import Document

SCHEMA = "pushpolicy.error/v1"


def failure(exit_code: int, message: str, hint: str | None) -> Report:
    """What is told on standard error, as ``pushpolicy.error/v1``; message and hint are printable."""
    value = {"schema": SCHEMA, "exit_code": exit_code, "message": message}
    return Report(
        Kind.ERROR,
        lambda: [*message.split("\n"), *([hint] if hint else [])],
        lambda: Document.of({**value, "hint": hint} if hint else value),
    )

"""The error that a run ends with, as a report."""

from __future__ import annotations

from msgspec.structs import replace

from pushpolicy.cli.formats import Kind, Report
from pushpolicy.errors import EXIT_POLICY
from pushpolicy.evaluate.faults import Fault
from pushpolicy.model.document import Document, plain

SCHEMA = "pushpolicy.error/v1"


def failure(exit_code: int, message: str, hint: str | None) -> Report:
    """What is told on standard error, as ``pushpolicy.error/v1``; message and hint are printable.

    Where a policy does not hold, each line is a problem of its own: {file, line, rule, message, fix}.
    """
    value: dict[str, object] = {"schema": SCHEMA, "exit_code": exit_code, "message": message}
    lines = message.split("\n")
    if exit_code == EXIT_POLICY:
        faults = [Fault.parse(line) for line in lines]
        # The hint is about the whole; where there is one problem, it is what to do about that.
        if len(faults) == 1 and not faults[0].fix and hint:
            faults = [replace(faults[0], fix=hint)]
        value["problems"] = [plain(fault) for fault in faults]
    return Report(
        Kind.ERROR,
        lambda: [*lines, *([hint] if hint else [])],
        lambda: Document.of({**value, "hint": hint} if hint else value),
    )

"""``--format text``: for people."""

from __future__ import annotations

from pushpolicy.cli.formats import Report


def render(report: Report) -> str:
    """The lines of a report."""
    return "".join(f"{line}\n" for line in report.lines())

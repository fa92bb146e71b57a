"""``--format text``: for people."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.cli.formats import Report


def render(report: Report) -> Iterator[str]:
    """The lines of a report, as they come."""
    return (f"{line}\n" for line in report.lines())

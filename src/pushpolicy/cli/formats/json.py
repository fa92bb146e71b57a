"""``--format json``: for programs; canonical JSON on one line, told apart by its `schema`."""

from __future__ import annotations

from pushpolicy.cli.formats import Report


def render(report: Report) -> str:
    """The document of a report."""
    return report.document().content.decode() + "\n"

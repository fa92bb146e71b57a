"""``--format jsonl``: for programs that read a row at a time; each line is a JSON object."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.cli.formats import Report
from pushpolicy.model import canonical


def render(report: Report) -> Iterator[str]:
    """A line for each row as it comes; what it has not is null."""
    table = report.as_table()
    for row in table.rows():
        cells = dict(zip(table.columns, row, strict=True))
        yield canonical.encode({"schema": table.schema, **cells}).decode() + "\n"

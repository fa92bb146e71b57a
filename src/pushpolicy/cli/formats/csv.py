"""``--format csv``: for spreadsheets, which must take no cell for a formula (RFC 4180; UTF-8)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from pushpolicy.cli.formats import Cell, Report
from pushpolicy.model.text import printable

# What a spreadsheet calculates, or hands to another program (CWE-1236).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# No cell of a spreadsheet holds more.
_LONGEST = 32_000


def render(report: Report) -> Iterator[str]:
    """The header, and a line for each row as it comes."""
    table = report.as_table()
    yield _line(table.columns)
    for row in table.rows():
        yield _line(row)


def _line(cells: Iterable[Cell]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="\n").writerow(map(_text, cells))
    return line.getvalue()


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int | float):
        return str(cell)
    text = cell if isinstance(cell, str) else ", ".join(cell)
    # Looked at before what is not shown is escaped: a tab would be a space.
    mark = "'" if text.startswith(_FORMULA) else ""
    return mark + printable(text, _LONGEST)

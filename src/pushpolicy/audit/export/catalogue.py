"""docs/tables.md, written from the tables: `make index`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pushpolicy.audit.export.tables import TABLES

DOCUMENT = Path("docs/tables.md")
_HEAD = """\
# Tables of an export

Written by `make index`. [sql.md](sql.md) has questions that they answer.

Each is a view over the files of `audit export`, and a file of `audit export --as parquet`. What a document
does not say is NULL. Columns are only ever added.
"""


def markdown() -> str:
    """The page."""
    return _HEAD + "".join(_sections())


def _sections() -> Iterator[str]:
    for name, table in TABLES.items():
        yield f"\n## {name}\n\nA row: {table.about}.\n\n| column | type | |\n| --- | --- | --- |\n"
        for column in table.columns:
            yield f"| `{column.name}` | {column.type} | {column.about} |\n"


if __name__ == "__main__":
    DOCUMENT.write_text(markdown(), encoding="utf-8")

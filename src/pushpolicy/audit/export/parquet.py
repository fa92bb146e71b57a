"""The tables of an export as Parquet files, by DuckDB: a few megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from pushpolicy.audit.export.format import RECORDS
from pushpolicy.audit.export.tables import TABLES, VIEWS, Sizes, quoted, records, views
from pushpolicy.errors import InputError, UsageError
from pushpolicy.files import write_whole
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ROWS = 20_480
# Of what is taken apart at once.
_BATCH = 4 * 1024 * 1024
_MEMORY, _TIMES = 512 * 1024 * 1024, 64
_OF_RECORDS = tuple(name for name in TABLES if name not in ("tags", "problems"))
# What DuckDB would take for a pattern in the name of a file.
_PATTERN = frozenset("*?[")


def check_duckdb(folder: Path) -> None:
    """Require DuckDB, and a folder that it can be told the name of.

    Raises:
        UsageError: when there is none, or it cannot.
    """
    if find_spec("duckdb") is None:
        raise UsageError("--as parquet needs DuckDB", "pip install 'pushpolicy[parquet]'")
    if _PATTERN & set(str(folder.absolute())):
        where = printable(str(folder))
        raise UsageError(f"{where}: DuckDB reads a *, ? or [ in a path as a pattern", "name another folder")


def write_tables(export: Path, sizes: Sizes, folder: Path) -> None:
    """Write each table of an export into a file, and the views of them.

    Args:
        export: a folder inside `folder`; the files are written there first.
        sizes: of what is in it.
        folder: where the files go, when all are complete.

    Raises:
        InputError: when DuckDB cannot.
    """
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{max(_MEMORY, _TIMES * max(sizes)) // 1024}KiB",
        "temp_directory": str(export / "spilled"),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        # Each has buffers of its own.
        "threads": 2,
    }
    try:
        with duckdb.connect(config=config) as connection:
            for view in views(sizes, export):
                connection.execute(view)
            # They are looked up in for each batch.
            connection.execute("CREATE TABLE now AS FROM tags; CREATE OR REPLACE VIEW tags AS FROM now")
            for number, view in enumerate(_batches(export, sizes.longest)):
                connection.execute(view)
                for name in _OF_RECORDS:
                    _copy(connection, name, export / f"{name}-{number:06}.parquet")
            for name in TABLES:
                rows = name
                if name in _OF_RECORDS:
                    rows = f"(FROM read_parquet({quoted(export / f'{name}-*.parquet')}))"
                _copy(connection, rows, export / f"{name}.parquet")
    except duckdb.Error as error:
        raise InputError(f"DuckDB cannot write the tables: {printable(str(error), 500)}") from error
    for name in TABLES:
        (export / f"{name}.parquet").replace(folder / f"{name}.parquet")
    with write_whole(folder / VIEWS) as file:
        for name in TABLES:
            file.write(f"CREATE OR REPLACE VIEW {name} AS FROM '{name}.parquet';\n".encode())


def _copy(connection: DuckDBPyConnection, rows: str, file: Path) -> None:
    options = f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROWS})"
    connection.execute(f"COPY {rows} TO {quoted(file)} {options}")


def _batches(export: Path, longest: int) -> Iterator[str]:
    """For each few megabytes of records what makes a view of them; a file of them is there meanwhile.

    DuckDB takes apart some two thousand documents at once, and in each expression anew.
    """
    with (export / RECORDS).open("rb") as file:
        for number in count():
            lines = file.readlines(_BATCH)
            if not lines and number:
                return
            batch = export / f"batch-{number:06}.jsonl"
            batch.write_bytes(b"".join(lines))
            yield records(batch, longest)
            batch.unlink()

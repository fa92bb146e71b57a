"""The tables of an export as Parquet files, by DuckDB: a row group at a time."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from pushpolicy.audit.export.tables import TABLES, VIEWS, Sizes, quoted, views
from pushpolicy.errors import InputError, UsageError
from pushpolicy.files import write_whole
from pushpolicy.model.text import printable

_ROWS = 20_480
# A document is held several times while it is taken apart.
_MEMORY, _TIMES = 512 * 1024 * 1024, 12
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

    memory = max(_MEMORY, _TIMES * max(sizes))
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory // 1024}KiB",
        "temp_directory": str(export / "spilled"),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "preserve_insertion_order": "false",
    }
    try:
        with duckdb.connect(config=config) as connection:
            for view in views(sizes, export):
                connection.execute(view)
            for name in TABLES:
                options = f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROWS})"
                connection.execute(f"COPY {name} TO {quoted(_file(export, name))} {options}")
    except duckdb.Error as error:
        raise InputError(f"DuckDB cannot write the tables: {printable(str(error), 500)}") from error
    for name in TABLES:
        _file(export, name).replace(_file(folder, name))
    with write_whole(folder / VIEWS) as file:
        for name in TABLES:
            file.write(f"CREATE OR REPLACE VIEW {name} AS FROM '{name}.parquet';\n".encode())


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"

"""The folder of an export: what may be there, and who writes it."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pushpolicy import __version__
from pushpolicy.audit.export import format as names
from pushpolicy.audit.export.format import Header
from pushpolicy.audit.export.source import read_header
from pushpolicy.audit.export.write import Writer
from pushpolicy.errors import InputError, UsageError
from pushpolicy.model.text import printable
from pushpolicy.registry.layout import OWN_PREFIX


@contextmanager
def writing(
    folder: Path, *, append: bool = False, raw: bool = False, verified: bool = False
) -> Iterator[Writer]:
    """Begin an export in a folder, or go on with one.

    Args:
        folder: where it is written; made if it is absent.
        append: whether an export may be there, to which what is new is added.
        raw: whether raw reports are written, too.
        verified: whether only records are read that a listed key vouches for.

    Raises:
        UsageError: when something else is in the folder, or another run writes there.
        InputError: when the folder cannot be written, or the export that is there is not valid.
    """
    where = printable(str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _held(folder):
            is_there = (folder / names.HEADER).exists()
            if not is_there and any(folder.iterdir()):
                raise UsageError(
                    f"{where} is not empty, and has no export", "name a folder that is not there"
                )
            empty = Header(schema="pushpolicy.audit.export/v1", version=__version__, complete=False)
            header = read_header(folder) if is_there else empty
            if header.parts and not append:
                raise UsageError(
                    f"{where} has an export already", "--append adds what is new; or name another"
                )
            writer = Writer(folder, header, raw=raw, verified=verified)
            try:
                yield writer
            finally:
                writer.close()
    except OSError as error:
        raise _unwritable(folder, error) from error


@contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """A folder for the export that something else is made of, which goes again, inside the empty one of that.

    Raises:
        UsageError: when something is in that folder.
        InputError: when it cannot be written.
    """
    where = printable(str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{where} is not empty", "name a folder that is not there")
        with tempfile.TemporaryDirectory(prefix=OWN_PREFIX, dir=folder) as made:
            yield Path(made)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> InputError:
    reason = f"{printable(str(folder))} cannot be written: {error.strerror}"
    return InputError(reason, "check the path, and the room on the disk")


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise UsageError(f"{printable(str(folder))}: another run writes there", "wait for its end") from error
    finally:
        os.close(descriptor)

"""Files, opened and written with care: no named pipe stops the run, no half of a file is ever found."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class NotRegularError(OSError):
    """What was to be opened is a folder, a named pipe, a socket or a device."""

    def __init__(self) -> None:
        super().__init__(errno.EINVAL, "it is not a regular file")


def real(path: str | os.PathLike[str]) -> Path:
    """Where a path leads through all links, absolute; as it is where that cannot be told.

    `Path.resolve` would raise a RuntimeError for a link that leads back to itself, before Python 3.13.
    """
    try:
        return Path(os.path.realpath(path))
    except OSError:  # a link of /proc that another user may follow
        return Path(os.path.abspath(path))  # noqa: PTH100 - `..` goes


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a path leads to a folder; no where nothing can be told of it, which must not hide anything.

    `Path.is_dir` raises where this user may not look, or a link's target is no name, before Python 3.14.
    """
    return stat.S_ISDIR(_mode(path))


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether a path leads to a regular file; no where nothing can be told of it, as for `is_folder`."""
    return stat.S_ISREG(_mode(path))


def work_trees_around(folder: Path) -> list[Path]:
    """Every folder, from this one upwards, that has a `.git`."""
    return [place for place in (folder, *folder.parents) if os.path.lexists(place / ".git")]


def _mode(path: str | os.PathLike[str]) -> int:
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - a name may be one that no path has
    except (OSError, ValueError):
        return 0


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading; links are followed.

    Raises:
        NotRegularError: when it is something else; a named pipe that nobody writes to is not waited for.
        OSError: when it is absent or unreadable, or the name cannot be that of a file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except ValueError as error:
        raise OSError(errno.EINVAL, "no file can have this name") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegularError
    return os.fdopen(descriptor, "rb")


def read_file(path: Path, limit: int) -> bytes:
    """Read a regular file of at most `limit` bytes.

    Raises:
        OSError: when it is absent, unreadable, over the limit, or a folder, pipe or device.
    """
    with open_regular(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it is over the limit of {limit} bytes")
    return content


@contextmanager
def write_whole(path: Path, temporary: Path | None = None, *, for_good: bool = True) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` at the end of the context; a failure changes nothing.

    Args:
        path: what is written; its folder is there.
        temporary: where it is written meanwhile, in the same file system; None for a hidden file beside it.
        for_good: whether it is there after a loss of power, too, which takes its time for each file.

    Raises:
        OSError: when it cannot be written, or cannot be kept for good (fsync).
    """
    kept = temporary or path.with_name(f".pushpolicy-{os.urandom(8).hex()}.tmp")
    try:
        with kept.open("xb") as file:
            yield file
            if for_good:
                file.flush()
                os.fsync(file.fileno())
        kept.replace(path)
    finally:
        kept.unlink(missing_ok=True)

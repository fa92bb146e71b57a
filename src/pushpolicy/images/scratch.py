"""Temporary files without a name: the system frees them when the process ends, however it ends.

They are made in TMPDIR. Since no folder lists them, a run that was killed leaves nothing to be swept.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, cast

from pushpolicy.errors import InputError
from pushpolicy.images.section import Section


class Scratch:
    """A file that is only appended to; `size` is its length in bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0

    def write(self, content: bytes) -> None:
        """Append.

        Raises:
            InputError: when there is no room.
        """
        rest = memoryview(content)
        with _explained():
            while rest:  # on a full disk fewer bytes may be written than were given
                rest = rest[self._file.write(rest) :]
        self.size += len(content)

    def since(self, start: int) -> Section:
        """What was written from there on; readable until the file is closed."""
        return Section(self._file.fileno(), start, self.size - start)

    def reopen(self) -> BinaryIO:
        """The file itself, at its start; closing it frees the disk space."""
        self._file.seek(0)
        return cast("BinaryIO", self._file)

    def close(self) -> None:
        """Free the disk space."""
        self._file.close()


def scratch() -> Scratch:
    """A new file, which the caller closes.

    Raises:
        InputError: when none can be made.
    """
    with _explained():
        return Scratch(tempfile.TemporaryFile("w+b", buffering=0, prefix="pushpolicy-"))


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{tempfile.gettempdir()}: the image's layers cannot be kept there: {error.strerror}",
            "set TMPDIR to a folder on a disk with room for the image",
        ) from error

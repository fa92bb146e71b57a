"""Temporary files without a name, which the system frees however the process ends, and sections of files.

They are made in TMPDIR. Since no folder lists them, a run that was killed leaves nothing to be swept.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, cast

import msgspec

from pushpolicy.budget import count_as_image
from pushpolicy.errors import InputError

_BUFFER = 1024 * 1024


class Section(msgspec.Struct, frozen=True):
    """A part of an open file, such as one member of an archive: read by position, several at a time.

    The file descriptor is kept open by somebody else; offset and size are in bytes.
    """

    descriptor: int
    offset: int
    size: int

    def open(self) -> BinaryIO:
        """Open it from its start; closing leaves the file open."""
        return cast("BinaryIO", io.BufferedReader(_Reader(self), _BUFFER))

    def blocks(self, size: int) -> Iterator[bytes]:
        """Its content in blocks of this size, of which only the last may be shorter.

        Raises:
            ValueError: when the file has become shorter.
        """
        for start in range(0, self.size, size):
            wanted = min(size, self.size - start)
            block = os.pread(self.descriptor, wanted, self.offset + start)
            if len(block) != wanted:
                raise ValueError("was cut off while it was read")
            yield block


class _Reader(io.RawIOBase):
    def __init__(self, section: Section) -> None:
        self._descriptor = section.descriptor
        self._start = section.offset
        self._size = section.size
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset from the start, from here, or from the end."""
        base = (0, self._position, self._size)[whence]
        self._position = min(max(base + offset, 0), self._size)
        return self._position

    def readinto(self, buffer: object) -> int:
        """Read on into a buffer."""
        view = memoryview(cast("bytearray", buffer))[: self._size - self._position]
        count = os.preadv(self._descriptor, [view], self._start + self._position) if len(view) else 0
        self._position += count
        return count


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
        file = tempfile.TemporaryFile("w+b", buffering=0, prefix="pushpolicy-")  # noqa: SIM115
        count_as_image(file)
        return Scratch(file)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{tempfile.gettempdir()}: the image's layers cannot be kept there: {error.strerror}",
            "set TMPDIR to a folder on a disk with room for the image",
        ) from error

"""A part of an open file, such as one member of an archive; read by position, so several may be at once."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import BinaryIO, cast

import msgspec

_BUFFER = 1024 * 1024


class Section(msgspec.Struct, frozen=True):
    """Where content is: a file descriptor, which somebody else keeps open, and offset and size in bytes."""

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

"""A report file, opened once, bounded, and hashed while it is read."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pushpolicy.gather.format import ReportError
from pushpolicy.model.digest import Digest

HEAD_SIZE = 64 * 1024
_CHUNK = 256 * 1024


class ReportFile:
    """One open file; what follows the first bytes is read once, in pieces or whole."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.size = size
        self.head = stream.read(HEAD_SIZE)
        self._stream = stream
        self._hash = hashlib.sha256(self.head)
        self._read = len(self.head)
        self._content: bytes | None = None

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they are, in pieces.

        Raises:
            ReportError: when the file grows while it is read.
        """
        if self._content is not None:
            yield self._content
            return
        yield self.head
        while piece := self._stream.read(_CHUNK):
            self._take(piece)
            yield piece

    def content(self) -> bytes:
        """All bytes as they are.

        Raises:
            ReportError: when the file grows while it is read.
        """
        if self._content is None:
            rest = self._stream.read(self.size - self._read + 1) if self.size > self._read else b""
            self._take(rest)
            self._content = self.head + rest if rest else self.head
        return self._content

    def finish(self) -> Digest:
        """The digest of the whole file, whatever was read of it so far."""
        if self._content is None:
            while piece := self._stream.read(_CHUNK):
                self._take(piece)
        if self._read != self.size:
            raise ReportError("it was cut off while it was read")
        return Digest("sha256", self._hash.hexdigest())

    def _take(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._read += len(piece)
        if self._read > self.size:
            raise ReportError("it grew while it was read")


@contextmanager
def open_report(path: Path, max_size: int) -> Iterator[ReportFile]:
    """Open a report.

    Raises:
        ReportError: when it is absent, unreadable, not a regular file, or over `max_size`.
    """
    try:
        # Not blocking: a named pipe must not stop the run.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ReportError(f"it cannot be read: {error.strerror}") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise ReportError("it is not a regular file")
    with os.fdopen(descriptor, "rb") as stream:
        if status.st_size > max_size:
            raise ReportError(f"its {status.st_size} bytes are over the limit of {max_size}")
        try:
            yield ReportFile(stream, status.st_size)
        except OSError as error:
            raise ReportError(f"it cannot be read: {error.strerror}") from error

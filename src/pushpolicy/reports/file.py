"""A report file, opened once, bounded, decompressed where it is compressed, and hashed while it is read."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from pushpolicy.files import NotRegularError, open_regular
from pushpolicy.model.digest import Digest
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.parsing.jsondoc import utf8

if TYPE_CHECKING:
    from pathlib import Path

    from pushpolicy.reports.compressed import Bounded

HEAD_SIZE = 64 * 1024
COMPRESSED_SUFFIXES = (".gz", ".zip")
_CHUNK = 256 * 1024
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
# What deflate can grow to at most (zlib's technical notes), so what any file that was read once can become.
MAX_RATIO = 1032
_FREE = 1024 * 1024  # a small file may hold this much, whatever the ratio


class Bounds(msgspec.Struct, frozen=True):
    """How many bytes may be decompressed, and how many for each byte of the file."""

    size: int
    ratio: int

    def of(self, size: int) -> int:
        """The bound for a file of this size."""
        return min(self.size, max(_FREE, size * self.ratio))


def bare_name(name: str) -> str:
    """The name of the file within."""
    return next((name[: -len(end)] for end in COMPRESSED_SUFFIXES if name.lower().endswith(end)), name)


def is_compressed(start: bytes) -> bool:
    """Whether a file that begins like this is compressed."""
    return start.startswith((GZIP, ZIP))


class ReportFile:
    """One open file; what follows the first bytes is read once, in pieces or whole.

    Attributes:
        size: of the file as it is.
        head: the first bytes, decompressed.
        compressed: the file as it is, where it is compressed.
    """

    def __init__(self, stream: BinaryIO, size: int, bounds: Bounds | None, seconds: int | None) -> None:
        self.size = size
        self.head = stream.read(HEAD_SIZE)
        self.compressed = b""
        self._stream = stream
        self._hash = hashlib.sha256(self.head)
        self._read = len(self.head)
        self._content: bytes | None = None
        self._utf8: bytes | None = None
        self._inner: Bounded | None = None
        self._seconds = seconds
        self._started = time.monotonic()
        if bounds and is_compressed(self.head):
            self._decompress(bounds)

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they are, decompressed, in pieces.

        Raises:
            ReportError: when the file grows while it is read, is damaged, or over a limit.
        """
        if self._content is not None:
            yield self._content
            return
        yield self.head
        while piece := self._next(_CHUNK):
            if self._seconds is not None and time.monotonic() - self._started > self._seconds:
                raise ReportError(f"reading it took more than {self._seconds} seconds")
            yield piece

    def content(self) -> bytes:
        """All bytes as they are, decompressed.

        Raises:
            ReportError: when the file grows while it is read, is damaged, or over a limit.
        """
        if self._content is None:
            self._content = self.head + self._inner.read() if self._inner else self._whole()
        return self._content

    def utf8(self) -> bytes:
        """The same as UTF-8 without a byte order mark.

        Raises:
            ReportError: when it is not text, or as of `content`.
        """
        if self._utf8 is None:
            self._utf8 = utf8(self.content())
        return self._utf8

    def finish(self) -> Digest:
        """The digest of the whole file as it is, whatever was read of it so far.

        Raises:
            ReportError: when the file changed while it was read.
        """
        if self._content is None and self._inner is None:
            while self._next(_CHUNK):
                pass
        if self._read != self.size:
            raise ReportError("it was cut off while it was read")
        return Digest("sha256", self._hash.hexdigest())

    def _whole(self) -> bytes:
        # From the start again: joining the head with the rest would copy, and hold twice, the whole file.
        self._stream.seek(0)
        content = self._stream.read(self.size + 1)
        if not content.startswith(self.head):
            raise ReportError("it changed while it was read")
        self._hash, self._read = hashlib.sha256(), 0
        self._take(content)
        return content

    def _next(self, size: int) -> bytes:
        if self._inner is not None:
            return self._inner.read(size)
        piece = self._stream.read(size)
        self._take(piece)
        return piece

    def _decompress(self, bounds: Bounds) -> None:
        from pushpolicy.reports.compressed import decompress

        # A compressed report is held whole: what is decompressed are then exactly the bytes that were hashed.
        rest = self._stream.read(self.size - self._read + 1)
        self._take(rest)
        self.compressed = self.head + rest
        self._inner = decompress(self.compressed, bounds)
        self.head = b""
        while len(self.head) < HEAD_SIZE and (piece := self._inner.read(HEAD_SIZE - len(self.head))):
            self.head += piece

    def _take(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._read += len(piece)
        if self._read > self.size:
            raise ReportError("it grew while it was read")


def opened(path: Path) -> BinaryIO:
    """The file, open for reading.

    Raises:
        ReportError: when it is absent, unreadable, or not a regular file.
    """
    try:
        return open_regular(path)
    except NotRegularError as error:
        raise ReportError(error.strerror) from error
    except OSError as error:
        raise ReportError(f"it cannot be read: {error.strerror}") from error


@contextmanager
def open_report(
    path: Path, max_size: int, *, bounds: Bounds | None = None, seconds: int | None = None
) -> Iterator[ReportFile]:
    """Open a report.

    Args:
        path: where it is.
        max_size: bytes of the file.
        bounds: how far a compressed file may grow; None reads it as it is.
        seconds: how long reading it piece by piece may take; None for as long as it takes.

    Raises:
        ReportError: when it is absent, unreadable, not a regular file, or over a limit.
    """
    with opened(path) as stream, report_of(stream, max_size, bounds=bounds, seconds=seconds) as file:
        yield file


@contextmanager
def report_of(
    stream: BinaryIO, max_size: int, *, bounds: Bounds | None = None, seconds: int | None = None
) -> Iterator[ReportFile]:
    """A report that is open already, as `open_report` gives it.

    Raises:
        ReportError: when it cannot be read, or is over a limit.
    """
    size = os.fstat(stream.fileno()).st_size
    if size > max_size:
        raise ReportError(f"its {size} bytes are over the limit of {max_size}")
    try:
        yield ReportFile(stream, size, bounds, seconds)
    except OSError as error:
        raise ReportError(f"it cannot be read: {error.strerror}") from error

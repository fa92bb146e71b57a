"""Reports that were compressed: gzip (RFC 1952), and zip archives of exactly one file.

What is unpacked is bounded by its size and by how far it outgrows the file, so that a bomb costs no more
than a report of the size that is allowed anyway.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

import msgspec

from pushpolicy.model.text import printable
from pushpolicy.reports.format import ReportError

ENDS = (".gz", ".zip")
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
# What deflate can grow to at most (zlib's technical notes), so what any file that was read once unpacks to.
MAX_RATIO = 1032
_FREE = 1024 * 1024  # a small file may unpack to this much, whatever the ratio


class Bounds(msgspec.Struct, frozen=True):
    """How many bytes may be unpacked, and how many for each byte of the file."""

    size: int
    ratio: int

    def of(self, packed: int) -> int:
        """The bound for a file of this size."""
        return min(self.size, max(_FREE, packed * self.ratio))


def bare_name(name: str) -> str:
    """The name of the file within."""
    return next((name[: -len(end)] for end in ENDS if name.lower().endswith(end)), name)


def is_packed(start: bytes) -> bool:
    """Whether a file that begins like this is compressed."""
    return start.startswith((_GZIP, _ZIP))


class Bounded(io.RawIOBase):
    """The unpacked bytes, as long as they are within the bounds."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__()
        self._stream, self._limit, self._taken = stream, limit, 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; all that are left when it is negative.

        Raises:
            ReportError: when there are more than the bound, or what is there cannot be unpacked.
        """
        room = self._limit - self._taken + 1
        with _explained():
            piece = self._stream.read(room if size < 0 else min(size, room))
        self._taken += len(piece)
        if self._taken > self._limit:
            raise ReportError(
                f"it unpacks to more than the {self._limit} bytes that are allowed for its size"
            )
        return piece


def unpacked(content: bytes, bounds: Bounds) -> Bounded:
    """What a compressed file holds.

    Raises:
        ReportError: when it is damaged, or an archive of another number of files than one.
    """
    packed = io.BytesIO(content)
    with _explained():
        stream = _member(packed) if content.startswith(_ZIP) else _gunzip(packed)
    return Bounded(stream, bounds.of(len(content)))


def _gunzip(packed: io.BytesIO) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=packed))


def _member(packed: io.BytesIO) -> IO[bytes]:
    archive = zipfile.ZipFile(packed)
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        raise ReportError(f"it is an archive of {len(members)} files, not of one report; unpack it")
    if members[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ReportError("its archive is compressed in another way than deflate")
    return archive.open(members[0])


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
        raise ReportError(f"it cannot be unpacked: {printable(str(error))}") from error
    except (NotImplementedError, RuntimeError, ValueError, LookupError) as error:
        # An encrypted member, an unknown compression, a malformed header.
        raise ReportError(f"it cannot be unpacked: {printable(str(error))}") from error

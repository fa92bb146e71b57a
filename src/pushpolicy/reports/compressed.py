"""What a compressed report holds: a gzip file (RFC 1952), or a zip archive of exactly one file.

It is bounded by its size and by how far it outgrows the file, so that a bomb costs no more than a report of
the size that is allowed anyway.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from pushpolicy.model.text import printable
from pushpolicy.reports.file import ZIP, Bounds
from pushpolicy.reports.format import ReportError


class Bounded(io.RawIOBase):
    """The decompressed bytes, as long as they are within the bounds."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__()
        self._stream, self._limit, self._taken = stream, limit, 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; all that are left when it is negative.

        Raises:
            ReportError: when there are more than the bound, or what is there cannot be decompressed.
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


def decompress(content: bytes, bounds: Bounds) -> Bounded:
    """What a compressed file holds.

    Raises:
        ReportError: when it is damaged, or an archive of another number of files than one.
    """
    file = io.BytesIO(content)
    with _explained():
        is_zip = content.startswith(ZIP)
        stream = _only_member(file) if is_zip else cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    return Bounded(stream, bounds.of(len(content)))


def _only_member(file: io.BytesIO) -> IO[bytes]:
    archive = zipfile.ZipFile(file)
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        raise ReportError(f"it is an archive of {len(members)} files, not of one report; unpack it")
    if members[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ReportError("its archive is compressed in another way than deflate")
    if min(member.header_offset for member in archive.infolist()):
        raise ReportError("something lies before its archive, which may be another one")
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

"""An image layout in an uncompressed tar, read in place (what ``docker buildx build -o type=oci`` writes).

Nothing is extracted: the headers are walked once, and blobs are read by their offset. An archive that
holds links, devices, sparse files, names twice, or names that lead out of it is refused as a whole.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from pushpolicy.images.limits import Limits
from pushpolicy.model.digest import Digest
from pushpolicy.registry.layout_files import LayoutFiles, blob_name

_BUFFER = 1024 * 1024
# The largest extended header; tarfile reads one whole.
_MAX_HEADER = 1024 * 1024
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}


class ArchiveFiles:
    """The members of an open archive, by name: their offset and size."""

    def __init__(self, archive: BinaryIO, members: dict[str, tuple[int, int]]) -> None:
        self._archive = archive
        self._members = members

    def read(self, name: str, limit: int) -> bytes | None:
        """The content of a file at the top of the layout; None when it is absent."""
        if name not in self._members:
            return None
        if self._members[name][1] > limit:
            raise ValueError(f"{name} is over the limit of {limit} bytes")
        with self._section(name) as file:
            return file.read()

    def size(self, digest: Digest) -> int | None:
        """The size in bytes of a blob; None when it is absent."""
        member = self._members.get(blob_name(digest))
        return member[1] if member else None

    def open(self, digest: Digest) -> BinaryIO:
        """Open a blob from its start."""
        if blob_name(digest) not in self._members:
            raise FileNotFoundError(2, f"{blob_name(digest)} is not in the archive")
        return self._section(blob_name(digest))

    def _section(self, name: str) -> BinaryIO:
        section = _Section(self._archive.fileno(), *self._members[name])
        return cast("BinaryIO", io.BufferedReader(section, _BUFFER))


class _Section(io.RawIOBase):
    """A part of an open file; positioned reads, so that several may be read at once."""

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        self._descriptor = descriptor
        self._offset = offset
        self._left = size

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: object) -> int:
        """Read on into a buffer."""
        view = memoryview(cast("bytearray", buffer))[: self._left]
        count = os.preadv(self._descriptor, [view], self._offset) if len(view) else 0
        self._offset += count
        self._left -= count
        return count


@contextmanager
def open_archive(path: Path, limits: Limits) -> Iterator[LayoutFiles]:
    """The layout in an archive.

    Raises:
        ValueError: when it is not an uncompressed tar, or a member is not what a layout needs.
    """
    if not path.is_file():
        raise FileNotFoundError(2, f"there is no file {path}")
    with path.open("rb") as archive:
        _check_uncompressed(archive)
        yield ArchiveFiles(archive, _members(archive, limits))


def _check_uncompressed(archive: BinaryIO) -> None:
    start = archive.read(8)
    archive.seek(0)
    for magic, name in _COMPRESSED.items():
        if start.startswith(magic):
            raise ValueError(
                f"is compressed with {name}; decompress it first, its layers are compressed anyway"
            )


def _members(archive: BinaryIO, limits: Limits) -> dict[str, tuple[int, int]]:
    end = os.fstat(archive.fileno()).st_size
    members: dict[str, tuple[int, int]] = {}
    for member in _headers(archive):
        name = _checked_name(member)
        if member.isdir():
            continue
        if member.offset_data + member.size > end:
            raise ValueError(f"is cut off within {name}")
        if name in members:
            raise ValueError(f"holds {name} twice")
        members[name] = (member.offset_data, member.size)
        if len(members) > limits.archive_members:
            raise ValueError(f"holds more than {limits.archive_members} files")
    return members


def _headers(archive: BinaryIO) -> Iterator[tarfile.TarInfo]:
    try:
        with tarfile.open(fileobj=cast("BinaryIO", _BoundedReader(archive)), mode="r:") as tar:
            previous = -1
            while (member := tar.next()) is not None:
                # A negative size would send the reader round in a circle.
                if member.size < 0 or member.offset <= previous:
                    raise ValueError("has a malformed header")
                previous = member.offset
                yield member
    except (tarfile.TarError, OverflowError, EOFError) as error:
        raise ValueError(f"is not a readable tar: {error}") from error


def _checked_name(member: tarfile.TarInfo) -> str:
    name = member.name.removeprefix("./")
    shown = name[:100]
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise ValueError(f"holds {shown!r}, which is neither a regular file nor a folder")
    if name.startswith("/") or ".." in name.split("/"):
        raise ValueError(f"holds {shown!r}, a name that leads out of it")
    return name


class _BoundedReader:
    """What tarfile reads headers through; refuses what a hostile header would make it read at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        """Read a header."""
        if not 0 <= size <= _MAX_HEADER:
            raise ValueError("has an extended header over the limit of 1 MiB")
        return self._file.read(size)

    def seek(self, offset: int) -> int:
        """Go on to the next header."""
        return self._file.seek(offset)

    def tell(self) -> int:
        """Where the next header begins."""
        return self._file.tell()

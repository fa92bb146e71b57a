"""An image layout in an uncompressed tar, read in place (what ``docker buildx build -o type=oci`` writes).

Nothing is extracted: the headers are walked once, and blobs are read by their offset. An archive that
holds devices, sparse files, names twice, names that lead out of it, or links is refused as a whole; only
where links are part of the format they are followed, within the archive.
"""

from __future__ import annotations

import os
import posixpath
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from pushpolicy.images.options import Limits
from pushpolicy.images.scratch import Section
from pushpolicy.model.digest import Digest
from pushpolicy.registry.layout import LAYOUT_MARKER, LayoutFiles, blob_name

DOCKER_MANIFEST = "manifest.json"
# Of extended headers, for one member and for all. A path has at most 4096 bytes (PATH_MAX); tarfile reads
# headers whole, and older versions of it search them in quadratic time (CVE-2024-6232).
_MAX_HEADER = 8 * 1024
_MAX_HEADERS = 4 * 1024 * 1024
# `docker save` and `podman save` write some layers as links to others.
_LONGEST_CHAIN = 16
# What runtimes, scanners and GNU tar tell by the first bytes. Some take a skippable frame (RFC 8878, 3.1.2)
# for the start of zstd, and others for a tar: a layer that begins so is refused under either type.
SKIPPABLE = "a skippable frame of zstd"
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    **{bytes((first, 0x2A, 0x4D, 0x18)): SKIPPABLE for first in range(0x50, 0x60)},
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x5d\x00\x00": "lzma",
    b"LZIP": "lzip",
    b"\x89LZO": "lzop",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x1f\x9d": "compress",
}


class ArchiveFiles:
    """The members of an open archive, by name."""

    def __init__(self, members: Mapping[str, Section]) -> None:
        self._members = members

    def read(self, name: str, limit: int) -> bytes | None:
        """The content of a file at the top of the layout; None when it is absent."""
        if name not in self._members:
            return None
        if self._members[name].size > limit:
            raise ValueError(f"{name} is over the limit of {limit} bytes")
        with self._members[name].open() as file:
            return file.read()

    def size(self, digest: Digest) -> int | None:
        """The size in bytes of a blob; None when it is absent."""
        member = self._members.get(blob_name(digest))
        return member.size if member else None

    def open(self, digest: Digest) -> BinaryIO:
        """Open a blob from its start."""
        if blob_name(digest) not in self._members:
            raise FileNotFoundError(2, f"{blob_name(digest)} is not in the archive")
        return self._members[blob_name(digest)].open()


@contextmanager
def open_archive(path: Path, limits: Limits) -> Iterator[LayoutFiles]:
    """The layout in an archive.

    Raises:
        ValueError: when it is not an uncompressed tar, or a member is not what a layout needs.
    """
    if not path.is_file():
        raise FileNotFoundError(2, f"there is no file {path}")
    with path.open("rb") as archive:
        if name := compression(archive.read(8)):
            raise ValueError(
                f"is compressed with {name}; decompress it first, its layers are compressed anyway"
            )
        archive.seek(0)
        members = read_members(archive, limits)
        if LAYOUT_MARKER not in members and DOCKER_MANIFEST in members:
            raise ValueError("is what `docker save` writes; write docker-archive:FILE")
        yield ArchiveFiles(members)


def is_docker_archive(path: Path) -> bool:
    """Whether it looks like the output of ``docker save``, the only archive that may be compressed."""
    with path.open("rb") as archive:
        if compression(archive.read(8)):
            return True
        archive.seek(0)
        try:
            return any(member.name.removeprefix("./") == DOCKER_MANIFEST for member in _headers(archive))
        except ValueError:
            return False


def compression(start: bytes) -> str | None:
    """The name of the format that content with this start is compressed in; None when it is in none."""
    return next((name for magic, name in _COMPRESSED.items() if start.startswith(magic)), None)


def read_members(archive: BinaryIO, limits: Limits, *, follow: bool = False) -> dict[str, Section]:
    """The regular files of a tar, by name.

    Args:
        archive: an open file, at the start of the tar.
        limits: bounds of the archive.
        follow: whether links within the archive are part of the format.

    Raises:
        ValueError: when it is not a readable tar, or holds what it must not.
    """
    end = os.fstat(archive.fileno()).st_size
    files: dict[str, Section] = {}
    targets: dict[str, str] = {}
    for member in _headers(archive):
        is_link = follow and (member.issym() or member.islnk())
        name = _checked_name(member, is_link=is_link)
        if member.isdir():
            continue
        if name in files or name in targets:
            raise ValueError(f"holds {name} twice")
        if is_link:
            targets[name] = _link_target(member, name)
        elif member.offset_data + member.size > end:
            raise ValueError(f"is cut off within {name}")
        else:
            files[name] = Section(archive.fileno(), member.offset_data, member.size)
        if len(files) + len(targets) > limits.archive_members:
            raise ValueError(f"holds more than {limits.archive_members} files")
    return files | _resolve(targets, files)


def _headers(archive: BinaryIO) -> Iterator[tarfile.TarInfo]:
    try:
        reader = _BoundedReader(archive)
        with tarfile.open(fileobj=cast("BinaryIO", reader), mode="r:") as tar:
            previous = -1
            while (member := tar.next()) is not None:
                reader.next_member()
                if tar.pax_headers:
                    raise ValueError("has an extended header for all of its members")
                tar.members.clear()  # type: ignore[attr-defined]  # each with its headers
                # A negative size would move the reader back, to read the same headers for ever.
                if member.size < 0 or member.offset <= previous:
                    raise ValueError("has a malformed header")
                previous = member.offset
                yield member
    except (tarfile.TarError, OverflowError, EOFError) as error:
        raise ValueError(f"is not a readable tar: {error}") from error


def _checked_name(member: tarfile.TarInfo, *, is_link: bool) -> str:
    name = member.name.removeprefix("./")
    shown = name[:100]
    if not (member.isreg() or member.isdir() or is_link) or member.issparse():
        raise ValueError(f"holds {shown!r}, which is neither a regular file nor a folder")
    if name.startswith("/") or ".." in name.split("/"):
        raise ValueError(f"holds {shown!r}, a name that leads out of it")
    return name


def _link_target(member: tarfile.TarInfo, name: str) -> str:
    """The name that a link stands for; ValueError when it leads out of the archive."""
    # A symbolic link is relative to its folder, a hard link to the top (POSIX pax, linkname).
    base = posixpath.dirname(name) if member.issym() else ""
    found = posixpath.normpath(posixpath.join(base, member.linkname))
    if found.startswith("/") or found.split("/")[0] == "..":
        raise ValueError(f"holds {name[:100]!r}, a link that leads out of it")
    return found


def _resolve(links: Mapping[str, str], files: Mapping[str, Section]) -> dict[str, Section]:
    """The files that links lead to, by the links' names; a link to nothing or to a folder is left out."""
    found = {}
    for link in links:
        name = link
        for _ in range(_LONGEST_CHAIN):
            if name not in links:
                break
            name = links[name]
        else:
            raise ValueError(f"holds {link[:100]!r}, a link that has no end")
        if name in files:
            found[link] = files[name]
    return found


class _BoundedReader:
    """What tarfile reads headers through; refuses what a hostile header would make it read at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._extended = self._of_all = 0

    def next_member(self) -> None:
        """The headers of a member end."""
        self._extended = 0

    def read(self, size: int) -> bytes:
        """Read a header."""
        # A plain member has one block; what belongs to an extended header comes on top.
        self._extended += size
        self._of_all += size - tarfile.BLOCKSIZE
        if size < 0 or self._extended > _MAX_HEADER + tarfile.BLOCKSIZE or self._of_all > _MAX_HEADERS:
            raise ValueError(
                f"has extended headers over the limit of {_MAX_HEADER >> 10} KiB for a member, "
                f"{_MAX_HEADERS >> 20} MiB for all"
            )
        return self._file.read(size)

    def seek(self, offset: int) -> int:
        """Go on to the next header."""
        return self._file.seek(offset)

    def tell(self) -> int:
        """Where the next header begins."""
        return self._file.tell()

"""Reads a work tree, following no link: each file is hashed and compared with its entry in the commit."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from pushpolicy.gather.checkout.attributes import AttributeFiles
from pushpolicy.gather.checkout.conversion import NotComparableError, is_converted, is_same_undone, pointer
from pushpolicy.gather.checkout.effort import Effort
from pushpolicy.gather.checkout.objects import HASHES, Objects, blob_name
from pushpolicy.gather.checkout.tree import LINK, PROGRAM, Entry, join

_PIECE = 1024 * 1024
# A larger file is converted by nobody who wants to keep working with it.
_MAX_CONVERTED = 32 * _PIECE
# To hash more than this takes longer than to ask git how much it should be.
_LARGE = 64 * _PIECE
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_OPEN_FOLDER = _OPEN | os.O_DIRECTORY


class Compared(Enum):
    """What a file is, compared with its entry in the commit."""

    SAME = "same"
    DIFFERENT = "different"
    ABSENT = "absent"
    NOT_COMPARABLE = "not comparable"


@contextmanager
def opened_folder(root: int, path: str) -> Iterator[int]:
    """A descriptor of a folder below `root`; no segment of the path may be a link.

    Raises:
        OSError: when it is absent, a link, or no folder.
    """
    descriptor = os.dup(root)
    try:
        for segment in path.split("/") if path else ():
            deeper = os.open(segment, _OPEN_FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = deeper
        yield descriptor
    finally:
        os.close(descriptor)


class Files:
    """Compares the files of a work tree; to be used from several threads.

    Args:
        root: the top of the work tree.
        effort: once it is spent, reading fails.
    """

    def __init__(self, root: Path, objects: Objects, attributes: AttributeFiles, effort: Effort) -> None:
        self._effort = effort
        self._root = root
        self._objects = objects
        self._attributes = attributes
        self._own = threading.local()

    def compare(self, folder: str, entries: dict[str, Entry]) -> list[tuple[str, Compared]]:
        """What has become of files of one folder; those that are the same are left out."""
        root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with opened_folder(root, folder) as place:
                found = [
                    (name, self._state(place, join(folder, name), each)) for name, each in entries.items()
                ]
        except FileNotFoundError:
            found = [(name, Compared.ABSENT) for name in entries]
        except OSError:  # a link, a file, or closed to us
            found = [(name, Compared.DIFFERENT) for name in entries]
        finally:
            os.close(root)
        return [(join(folder, name), state) for name, state in found if state != Compared.SAME]

    def _state(self, folder: int, path: str, entry: Entry) -> Compared:
        name = path.rpartition("/")[2]
        try:
            if entry.mode == LINK:
                target = os.fsencode(os.readlink(name, dir_fd=folder))
                is_same = blob_name(target, self._objects.algorithm) == entry.name
                return Compared.SAME if is_same else Compared.DIFFERENT
            # Not blocking: a named pipe may stand where the file was.
            descriptor = os.open(name, _OPEN | os.O_NONBLOCK, dir_fd=folder)
        except FileNotFoundError:
            return Compared.ABSENT
        except OSError:
            return Compared.DIFFERENT
        try:
            about = os.fstat(descriptor)
            # Whether it may be run as its entry says, whatever core.fileMode says.
            runs = about.st_mode & 0o100 if entry.mode == PROGRAM else not about.st_mode & 0o111
            if not stat.S_ISREG(about.st_mode) or not runs:
                return Compared.DIFFERENT
            return self._content(descriptor, about.st_size, path, entry)
        except OSError:
            return Compared.DIFFERENT
        finally:
            os.close(descriptor)

    def _content(self, descriptor: int, size: int, path: str, entry: Entry) -> Compared:
        # The commit may hold a pointer for a large file, which is then not read for the blob's hash too.
        attributes = self._attributes.of(path) if size > _PIECE else None
        if attributes is None or attributes.filter != "lfs":
            if self._is_blob(descriptor, size, entry):
                return Compared.SAME
            attributes = self._attributes.of(path)
        if attributes.filter == "lfs":
            return self._pointed_at(descriptor, size, entry)
        if attributes.filter:
            return Compared.NOT_COMPARABLE
        if not is_converted(attributes):
            return Compared.DIFFERENT
        if size > _MAX_CONVERTED:
            return Compared.NOT_COMPARABLE
        try:
            is_same = is_same_undone(os.pread(descriptor, size, 0), attributes, entry.name, self._objects)
        except NotComparableError:
            return Compared.NOT_COMPARABLE
        return Compared.SAME if is_same else Compared.DIFFERENT

    def _pointed_at(self, descriptor: int, size: int, entry: Entry) -> Compared:
        """A file that Git LFS keeps: its pointer names size and content; else it is a blob like others."""
        if named := pointer(entry.name, self._objects):
            is_same = size == named[0] and self._hash(descriptor, size, "sha256") == named[1]
        else:
            is_same = self._is_blob(descriptor, size, entry)
        return Compared.SAME if is_same else Compared.DIFFERENT

    def _is_blob(self, descriptor: int, size: int, entry: Entry) -> bool:
        """Whether a file is the blob of an entry as it is; a large one of another size is not even read."""
        if size > _LARGE and self._objects.size(entry.name) not in (size, None):
            return False
        return self._hash(descriptor, size, self._objects.algorithm, b"blob %d\0" % size) == entry.name

    def _hash(self, descriptor: int, size: int, algorithm: str, header: bytes = b"") -> str | None:
        """The digest of a file; None where it is not of this size any more."""
        buffer = self._buffer()
        digest = HASHES[algorithm](header, usedforsecurity=False)
        os.lseek(descriptor, 0, os.SEEK_SET)
        rest = size
        while rest > 0 and (count := os.readv(descriptor, [buffer])):
            self._effort.check()
            digest.update(buffer[:count])
            rest -= count
        return None if rest else digest.hexdigest()

    def _buffer(self) -> memoryview:
        if not hasattr(self._own, "buffer"):
            self._own.buffer = memoryview(bytearray(_PIECE))
        buffer: memoryview = self._own.buffer
        return buffer

"""Much that is put into a layout at once: blobs as they come, in any thread, and the index now and then.

`LayoutRepository` writes the index with each manifest, which of ten thousand would be that many indexes. Here
whoever is stopped leaves blobs that are whole, and the index of before: what is put again is found to be
there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Self

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.registry.admitted import Chunk
from pushpolicy.registry.layout import INDEX_FILE, LayoutFolder, LayoutIndex, locked

_READ_SIZE = 1024 * 1024


class LayoutWriter:
    """Writes a layout that it has to itself; safe to use from several threads.

    Every method raises ValueError for a layout or content that is not what it should be, and OSError as the
    system does.
    """

    def __init__(self, folder: LayoutFolder) -> None:
        self.folder = folder
        self._index = LayoutIndex.read(folder)
        self._listed = {entry.digest for entry in self._index.entries}
        self._whole = set[Digest]()
        self._tags: dict[str, Manifest] = {}
        self._untagged: dict[Digest, Manifest] = {}
        self._adding = Lock()

    @classmethod
    @contextmanager
    def of(cls, folder: LayoutFolder) -> Iterator[Self]:
        """The writer of a folder, which is made a layout; nobody else writes it meanwhile.

        Raises:
            TimeoutError: when another process writes it for a minute.
            ValueError: when the folder holds something else.
        """
        folder.prepare()
        with locked(folder):
            yield cls(folder)

    def names(self, tag: str) -> Digest | None:
        """What a tag of the index names."""
        return next(iter(self._index.tagged.get(tag, {})), None)

    def lists(self, digest: Digest) -> bool:
        """Whether the index lists a manifest: then all that it names was there, for good."""
        return digest in self._listed

    def has(self, digest: Digest, size: int | None = None) -> bool:
        """Whether there is a blob, of this size if one is given.

        What the index does not list is read: a run that was stopped, and the system with it, may have left
        anything under its name.
        """
        if digest not in self._whole and not self.lists(digest):
            if self.folder.size(digest) is None:
                return False
            algorithm = hashlib.new(digest.algorithm)
            with self.folder.open(digest) as file:
                while chunk := file.read(_READ_SIZE):
                    algorithm.update(chunk)
            if algorithm.hexdigest() != digest.hex:
                return False
            self._whole.add(digest)
        return size in (None, self.folder.size(digest))

    def store(self, blob: Descriptor, chunks: Iterable[Chunk]) -> None:
        """Write a blob unless it is there, its digest and size verified."""
        if not self.has(blob.digest, blob.size):
            self.folder.store(blob, chunks, for_good=False)
            self._whole.add(blob.digest)

    def put(self, manifest: Manifest, tag: str | None = None, *, is_listed: bool = True) -> None:
        """Write a manifest, after all that it names; the index lists it from the next `commit` on.

        Args:
            manifest: what is written.
            tag: what is to name it, if something is.
            is_listed: whether the index is to list it where no tag names it.
        """
        self.store(manifest.descriptor, [manifest.content])
        with self._adding:
            if tag is not None:
                self._tags[tag] = manifest
            elif is_listed:
                self._untagged[manifest.digest] = manifest

    def commit(self) -> None:
        """Write the index, where it has to say something else; all that it lists is there by then."""
        with self._adding:
            index = self._index.with_all(self._tags, self._untagged.values())
            self._tags, self._untagged = {}, {}
        if index.document != self._index.document:
            os.sync()  # once, instead of for each file
            self.folder.replace(INDEX_FILE, index.encoded())
        self._index = index
        self._listed = {entry.digest for entry in index.entries}

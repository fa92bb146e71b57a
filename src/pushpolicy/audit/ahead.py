"""A repository whose records are read before they are asked for, and what they share is read once.

A record takes an answer for its manifest, and one for each of its documents. Nothing of them is parsed ahead
but the manifest, which says what there is to read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from threading import Lock
from typing import NamedTuple

import msgspec

from pushpolicy.errors import PushError
from pushpolicy.http.parallel import Ahead
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.records.format import ARTIFACT_TYPE, POLICY_TYPE
from pushpolicy.registry.interface import RepositoryReader

# Evidence and decision of a record that are read ahead; larger ones are read when they are asked for.
_MAX_AHEAD = 1024 * 1024
# Bytes of manifests, and of policies, that are kept.
_MAX_KEPT = 16 * 1024 * 1024


class _Parts(msgspec.Struct, frozen=True):
    """What was read ahead of a record."""

    manifest: Manifest | None
    blobs: dict[Digest, bytes]


class ReadAhead:
    """A `RepositoryReader` over another one.

    What was read once under a digest is there, whatever becomes of it meanwhile: audit reads what was.
    """

    def __init__(self, client: RepositoryReader) -> None:
        self._client = client
        self._ahead = Ahead(self._read, lambda: client.distant)
        self._manifests, self._policies = _Kept(), _Kept()
        self._parts: dict[Digest, bytes] = {}

    def begin(self, record: Digest) -> None:
        """Read a record ahead."""
        self._ahead.begin(record)

    @property
    def most(self) -> int:
        """How many records are worth to be begun before they are asked for."""
        return 2 * self._ahead.at_once

    @property
    def repository(self) -> Repository:
        """The repository's name."""
        return self._client.repository

    @property
    def distant(self) -> bool:
        """Whether what it answers takes long to come."""
        return self._client.distant

    def resolve(self, tag: str) -> Manifest | None:
        """The manifest a tag names now."""
        return self._noted(self._client.resolve(tag))

    def manifest(self, digest: Digest) -> Manifest | None:
        """The manifest of this digest; of a record that was read ahead its documents are at hand then."""
        if parts := self._ahead.take(digest):
            self._parts = parts.blobs
            return parts.manifest
        return self._manifest(digest)

    def read_blob(self, blob: Descriptor) -> Iterator[bytes]:
        """Stream a blob."""
        kept = self._policies.get(blob.digest)
        found = kept.content if kept else self._parts.get(blob.digest)
        if found is not None and len(found) == blob.size:
            yield found
        elif blob.media_type == POLICY_TYPE and blob.size <= _MAX_KEPT:
            content = b"".join(self._client.read_blob(blob))
            self._policies.add(blob.digest, _Content(blob.media_type, content))
            yield content
        else:
            yield from self._client.read_blob(blob)

    def tags(self) -> tuple[str, ...]:
        """Every tag."""
        return self._client.tags()

    def subjects(self) -> tuple[Digest, ...]:
        """Manifests that others are listed with."""
        return self._client.subjects()

    def is_known(self) -> bool:
        """Whether there is such a repository."""
        return self._client.is_known()

    def referrers(self, subject: Digest, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """The manifests that are listed with this one."""
        return self._client.referrers(subject, artifact_type)

    def _read(self, record: Digest) -> _Parts:
        manifest = self._client.manifest(record)
        blobs: dict[Digest, bytes] = {}
        if manifest is None or manifest.artifact_type != ARTIFACT_TYPE:
            return _Parts(manifest, blobs)
        for layer in manifest.layers[:2]:
            if layer.size <= _MAX_AHEAD:
                try:
                    blobs[layer.digest] = b"".join(self._client.read_blob(layer))
                except PushError:  # told by whoever asks for it
                    break
        return _Parts(manifest, blobs)

    def _manifest(self, digest: Digest) -> Manifest | None:
        if kept := self._manifests.get(digest):
            return Manifest.parse(kept.content, kept.media_type)
        return self._noted(self._client.manifest(digest))

    def _noted(self, manifest: Manifest | None) -> Manifest | None:
        if manifest:
            self._manifests.add(manifest.digest, _Content(manifest.media_type, manifest.content))
        return manifest


class _Content(NamedTuple):
    media_type: str
    content: bytes


class _Kept:
    """Contents by their digests: those that were asked for last, up to so many bytes together."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._contents = OrderedDict[Digest, _Content]()
        self._size = 0

    def get(self, digest: Digest) -> _Content | None:
        with self._lock:
            found = self._contents.get(digest)
            if found is not None:
                self._contents.move_to_end(digest)
            return found

    def add(self, digest: Digest, kept: _Content) -> None:
        with self._lock:
            if digest not in self._contents:
                self._contents[digest] = kept
                self._size += len(kept.content)
            while self._size > _MAX_KEPT:
                _, oldest = self._contents.popitem(last=False)
                self._size -= len(oldest.content)

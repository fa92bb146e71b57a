"""An opened image: every manifest and config read and checked, its layers still where they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from pushpolicy.images.store import Store
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry.interface import OpenBlob


class BlobSource(Protocol):
    """Where an image's layers are read from."""

    def open_blob(self, blob: Descriptor) -> OpenBlob:
        """A function that opens the blob's content from its start, as often as needed."""


class Referrers(msgspec.Struct, frozen=True, kw_only=True):
    """What refers to an image at its source, and is to be carried along with it.

    Attributes:
        manifests: in push order; one with a subject comes after that subject.
        blobs: every config and layer of them, once each.
        left_out: why each of the others is not carried, for people.
    """

    manifests: tuple[Manifest, ...] = ()
    blobs: tuple[Descriptor, ...] = ()
    left_out: tuple[str, ...] = ()


NO_REFERRERS = Referrers()


class Image(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a push would publish.

    Attributes:
        source: the IMAGE argument as the user wrote it.
        name: the name or tag the source gives the image, if it gives one.
        manifests: the closure in push order: children before the index that names them, the top last.
        configs: the content of each image config, by its digest.
        blobs: every config and layer of the closure, once each.
        repository: the repository of a registry that it is read from, if it is: a push to another
            repository of that registry can mount its blobs from there.
        referrers: what was asked to be carried along with it.
        footers: the layers that end as one with a table of contents does (`lazy`).
        store: where its manifests were read from, and what others attached to it is; None where nothing is.
        layers_compared: whether each layer was found to be its diff_id when the image was opened.
        notes: what became of it on opening that the user has to know, as whole sentences.
    """

    source: str
    name: str | None
    manifests: tuple[Manifest, ...]
    configs: Mapping[Digest, bytes]
    blobs: tuple[Descriptor, ...]
    content: BlobSource
    store: Store | None = None
    repository: Repository | None = None
    referrers: Referrers = NO_REFERRERS
    notes: tuple[str, ...] = ()
    footers: frozenset[Digest] = frozenset()
    layers_compared: bool = False

    @property
    def top(self) -> Manifest:
        """The manifest or index that the tag will name."""
        return self.manifests[-1]

    @property
    def size(self) -> int:
        """Bytes of all blobs and manifests."""
        return sum(blob.size for blob in self.blobs) + sum(len(m.content) for m in self.manifests)

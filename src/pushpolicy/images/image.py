"""An opened image: every manifest and config read and checked, its layers still where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.registry.interface import OpenBlob


class BlobSource(Protocol):
    """Where an image's layers are read from."""

    def open_blob(self, blob: Descriptor) -> OpenBlob:
        """A function that opens the blob's content from its start, as often as needed."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """What a push would publish.

    Attributes:
        source: the IMAGE argument as the user wrote it.
        name: the name or tag the source gives the image, if it gives one.
        manifests: the closure in push order: children before the index that names them, the top last.
        configs: the content of each image config, by its digest.
        blobs: every config and layer of the closure, once each.
    """

    source: str
    name: str | None
    manifests: tuple[Manifest, ...]
    configs: Mapping[Digest, bytes] = field(repr=False)
    blobs: tuple[Descriptor, ...]
    content: BlobSource = field(repr=False)

    @property
    def top(self) -> Manifest:
        """The manifest or index that the tag will name."""
        return self.manifests[-1]

    @property
    def size(self) -> int:
        """Bytes of all blobs and manifests."""
        return sum(blob.size for blob in self.blobs) + sum(len(m.content) for m in self.manifests)

"""An image that was built here: its manifest and config in memory, its layers in files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import BinaryIO

from pushpolicy.images.scratch import Section
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.registry.interface import OpenBlob


class BuiltContent:
    """The config and the layers (a `BlobSource`)."""

    def __init__(self, config: bytes, layers: Mapping[Digest, Section]) -> None:
        self._config = config
        self._layers = layers

    def open_blob(self, blob: Descriptor) -> OpenBlob:
        """A function that opens the blob from its start, as often as needed."""

        def opened() -> AbstractContextManager[BinaryIO]:
            layer = self._layers.get(blob.digest)
            return layer.open() if layer else io.BytesIO(self._config)

        return opened

    def size(self, digest: Digest) -> int | None:
        """The size of a blob; None when there is none of this digest."""
        if digest in self._layers:
            return self._layers[digest].size
        return len(self._config) if digest.matches(self._config) else None


class BuiltStore:
    """The image as a `Store`."""

    def __init__(self, manifest: Manifest, content: BuiltContent) -> None:
        self._manifest = manifest
        self._content = content

    def manifest(self, entry: Descriptor) -> bytes | None:
        """The content of the manifest; None for another."""
        return self._manifest.content if entry.digest == self._manifest.digest else None

    def blob(self, blob: Descriptor) -> bytes:
        """The content of a small blob."""
        with self._content.open_blob(blob)() as file:
            return file.read()

    def size(self, blob: Descriptor) -> int | None:
        """The size of a blob; None when it is absent."""
        return self._content.size(blob.digest)

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:  # noqa: ARG002
        """Nothing refers to an image that did not exist before."""
        return ()

    def named(self, tag: str) -> Manifest | None:  # noqa: ARG002
        """Nor does a tag name anything."""
        return None

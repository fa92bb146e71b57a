"""What is attached to an image: a manifest whose subject the image is, and the blobs it names.

Source: image-spec 1.1, manifest.md, "Guidelines for Artifact Usage".
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import cast

import msgspec

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import Manifest
from pushpolicy.registry.interface import OpenBlob, Settle


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """One blob of an artifact and how to open it."""

    descriptor: Descriptor
    open: OpenBlob

    @classmethod
    def of(cls, content: bytes, media_type: str, annotations: Mapping[str, str] | None = None) -> Blob:
        """A blob held in memory."""
        descriptor = Descriptor.of(content, media_type, annotations=annotations or {})
        return cls(descriptor=descriptor, open=lambda: BytesIO(content))

    @classmethod
    def stored(cls, descriptor: Descriptor, path: Path) -> Blob:
        """A blob held in a file."""
        return cls(descriptor=descriptor, open=lambda: path.open("rb"))


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A finished artifact that is not in a repository yet.

    Attributes:
        name: what it is called in messages, such as ``record``.
        manifest: its exact bytes.
        blobs: what has to be there before the manifest: its config and its layers.

    Raises:
        ValueError: when the manifest has no subject, or names other blobs than these.
    """

    name: str
    manifest: Manifest
    blobs: tuple[Blob, ...]

    def __post_init__(self) -> None:
        if self.manifest.subject is None:
            raise ValueError(f"the {self.name} has no subject to be attached to")
        named = {item.digest for item in (self.manifest.config, *self.manifest.layers) if item}
        if named != {blob.descriptor.digest for blob in self.blobs}:
            raise ValueError(f"the {self.name} names other blobs than it brings")

    @property
    def subject(self) -> Descriptor:
        """What it is attached to."""
        return cast("Descriptor", self.manifest.subject)


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact that is in the repository as a referrer of its subject.

    Attributes:
        settle: see `RepositoryClient.put_referrer`; the push step calls it, once, before it moves a tag.
    """

    artifact: Artifact
    settle: Settle

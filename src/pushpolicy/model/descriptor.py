"""OCI content descriptors (image-spec, descriptor.md)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Self

import msgspec

from pushpolicy.model import fields
from pushpolicy.model.digest import Digest
from pushpolicy.model.strict_json import Shape

# image-spec 1.1, image-index.md and descriptor.md; docker schema 2 adds `features`.
PLATFORM_SHAPE = Shape(
    dict.fromkeys(("architecture", "os", "os.version", "os.features", "variant", "features"))
)
DESCRIPTOR_SHAPE = Shape(
    {
        **dict.fromkeys(("mediaType", "digest", "size", "urls", "annotations", "data", "artifactType")),
        "platform": PLATFORM_SHAPE,
    }
)


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """The platform an image runs on; `str` gives ``os/architecture[/variant]``."""

    os: str
    architecture: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``os/architecture[/variant]``.

        Raises:
            ValueError: when it has another form.
        """
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(part and part.isprintable() for part in parts):
            raise ValueError(f"{text[:80]!r} is no platform; write OS/ARCHITECTURE[/VARIANT], as linux/amd64")
        return cls(os=parts[0], architecture=parts[1], variant=parts[2] if len(parts) == 3 else None)

    @property
    def runnable(self) -> bool:
        """False for the ``unknown/unknown`` that build tools give to attestation manifests."""
        return self.os != "unknown" and self.architecture != "unknown"

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """Media type, digest and size in bytes of some content, as a manifest names it."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = msgspec.field(default_factory=lambda: fields.NO_TEXTS)
    artifact_type: str | None = None
    platform: Platform | None = None
    urls: tuple[str, ...] = ()

    def __hash__(self) -> int:
        # Annotations are a mapping, which has no hash.
        return hash((self.media_type, self.digest, self.size))

    @classmethod
    def of(cls, content: bytes, media_type: str, **more: Any) -> Self:
        """The descriptor of these bytes."""
        return cls(media_type=media_type, digest=Digest.of(content), size=len(content), **more)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read a descriptor of a manifest or index.

        Raises:
            ValueError: when a required field is absent or a field has another type than the spec's.
        """
        if not isinstance(value, dict):
            raise ValueError("a descriptor is not an object")
        media_type, size = value.get("mediaType"), value.get("size")
        if not isinstance(media_type, str) or not media_type:
            raise ValueError("a descriptor has no mediaType")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 2**53:
            raise ValueError("a descriptor has no valid size")
        text = value.get("digest")
        if not isinstance(text, str):
            raise ValueError("a descriptor has no digest")
        digest = Digest.parse(text)
        _check_data(fields.text(value, "data"), digest, size)
        return cls(
            media_type=media_type,
            digest=digest,
            size=size,
            annotations=fields.text_map(value, "annotations"),
            artifact_type=fields.text(value, "artifactType"),
            platform=_platform(value.get("platform")),
            urls=fields.texts(value, "urls"),
        )

    def to_json(self) -> dict[str, Any]:
        """The descriptor as it stands in a manifest, index or referrers list."""
        result: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.artifact_type:
            result["artifactType"] = self.artifact_type
        if self.annotations:
            result["annotations"] = dict(self.annotations)
        if self.platform:
            result["platform"] = {
                "os": self.platform.os,
                "architecture": self.platform.architecture,
            }
            if self.platform.variant:
                result["platform"]["variant"] = self.platform.variant
        if self.urls:
            result["urls"] = list(self.urls)
        return result


def _check_data(data: str | None, digest: Digest, size: int) -> None:
    """Embedded content (descriptor.md, "data"), which some programs take instead of fetching it."""
    if data is None:
        return
    try:
        content = base64.b64decode(data, validate=True)
    except ValueError as error:
        raise ValueError("the data of a descriptor is not base64") from error
    if len(content) != size or not digest.matches(content):
        raise ValueError(f"the data in the descriptor of {digest} is other content than that")


def _platform(value: object) -> Platform | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError("platform is not an object")
    system, architecture = value.get("os"), value.get("architecture")
    if not isinstance(system, str) or not isinstance(architecture, str):
        raise ValueError("platform has no os or architecture")
    return Platform(os=system, architecture=architecture, variant=fields.text(value, "variant"))

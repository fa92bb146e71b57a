"""Manifests and indexes, kept as the bytes they are and read beside that (image-spec)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from pushpolicy.model import canonical, fields, strict_json
from pushpolicy.model.descriptor import DESCRIPTOR_SHAPE, Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.redacted import Redacted

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
EMPTY_CONTENT = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"

MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_INDEX})
CONFIG_TYPES = frozenset({OCI_CONFIG, DOCKER_CONFIG})

EMPTY_CONFIG = Descriptor.of(EMPTY_CONTENT, EMPTY_TYPE)

# distribution-spec, "Pushing Manifests": registries should take manifests of at least 4 MiB.
MAX_MANIFEST_SIZE = 4 * 1024 * 1024

# Of manifests and indexes alike (image-spec 1.1, docker schema 2): programs read either into one type.
SHAPE = strict_json.Shape(
    {
        **dict.fromkeys(("schemaVersion", "mediaType", "artifactType", "annotations")),
        **dict.fromkeys(("config", "layers", "manifests", "subject"), DESCRIPTOR_SHAPE),
    }
)


class Manifest(Redacted, frozen=True, kw_only=True):
    """One manifest or index: its exact bytes, and what they say.

    Attributes:
        media_type: the type it is stored and pushed under.
        content: the bytes as received; never re-serialised, so the digest cannot change.
        config: the config descriptor of an image manifest; None for an index.
        layers: the layers of an image manifest, in order; empty for an index.
        manifests: the children of an index, in order; empty for an image manifest.
    """

    hidden_fields = frozenset({"content"})

    media_type: str
    content: bytes
    digest: Digest
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None
    artifact_type: str | None
    annotations: Mapping[str, str]

    @classmethod
    def parse(cls, content: bytes, media_type: str | None = None) -> Self:
        """Read a manifest.

        Args:
            content: the bytes of the manifest.
            media_type: the type its descriptor or Content-Type gives; None where only the bytes are known.

        Raises:
            ValueError: when it is too large, not strict JSON, of an unknown type, or contradicts itself.
        """
        if len(content) > MAX_MANIFEST_SIZE:
            raise ValueError(f"a manifest of {len(content)} bytes is over the limit of 4 MiB")
        value = _json_object(content)
        kind = _media_type(value, media_type)
        is_index = kind in INDEX_TYPES
        if is_index == ("layers" in value or "config" in value) or (not is_index and "manifests" in value):
            # The confusion of CVE-2021-41190: bytes that read as both manifest and index.
            raise ValueError(f"the fields do not fit the media type {kind}")
        subject = value.get("subject")
        artifact_type = value.get("artifactType")
        if artifact_type is not None and not isinstance(artifact_type, str):
            raise ValueError("artifactType is not a string")
        return cls(
            media_type=kind,
            content=content,
            digest=Digest.of(content),
            config=None if is_index else Descriptor.from_json(value.get("config")),
            layers=() if is_index else _descriptors(value, "layers"),
            manifests=_descriptors(value, "manifests") if is_index else (),
            subject=None if subject is None else Descriptor.from_json(subject),
            artifact_type=artifact_type,
            annotations=fields.text_map(value, "annotations"),
        )

    def document(self) -> dict[str, Any]:
        """What the bytes say, with every field, as a new object."""
        # Its known fields are spelled as they are known: `parse` required that.
        value: dict[str, Any] = strict_json.read(self.content)
        return value

    @property
    def is_index(self) -> bool:
        """Whether this names other manifests rather than layers."""
        return self.media_type in INDEX_TYPES

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor under which this manifest is found; carries what a referrers list shows."""
        artifact_type = self.artifact_type
        if artifact_type is None and self.config is not None:
            artifact_type = self.config.media_type  # distribution-spec, "Listing Referrers"
        return Descriptor(
            media_type=self.media_type,
            digest=self.digest,
            size=len(self.content),
            artifact_type=artifact_type,
            annotations=self.annotations,
        )


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        value = strict_json.read(content, SHAPE)
    except ValueError as error:
        raise ValueError(f"a manifest {error}") from error
    if not isinstance(value, dict):
        raise ValueError("a manifest is not an object")
    if value.get("schemaVersion") == 1:
        raise ValueError("a manifest is of docker's schema 1, which names no config; push the image anew")
    if value.get("schemaVersion") != 2:
        raise ValueError("a manifest has not schemaVersion 2")
    return value


def _media_type(value: Mapping[str, Any], expected: str | None) -> str:
    stated = value.get("mediaType")
    if stated is not None and not isinstance(stated, str):
        raise ValueError("mediaType is not a string")
    if stated and expected and stated != expected:
        raise ValueError(f"mediaType {stated[:100]!r} is not the {expected[:100]!r} it is stored as")
    kind = stated or expected or (OCI_INDEX if "manifests" in value else OCI_MANIFEST)
    if kind not in MANIFEST_TYPES | INDEX_TYPES:
        raise ValueError(f"unknown manifest type {kind[:100]!r}")
    return kind


def _descriptors(value: Mapping[str, Any], name: str) -> tuple[Descriptor, ...]:
    items = value.get(name)
    if not isinstance(items, list):
        raise ValueError(f"{name} is not a list")
    return tuple(Descriptor.from_json(item) for item in items)


def written_artifact(
    artifact_type: str,
    layers: Iterable[Descriptor],
    annotations: Mapping[str, str],
    subject: Descriptor | None = None,
) -> bytes:
    """The manifest of an artifact with the empty config, in canonical JSON.

    Source: image-spec 1.1, manifest.md, "Guidelines for Artifact Usage".

    Args:
        artifact_type: a media type.
        layers: in order.
        annotations: of the manifest.
        subject: what it refers to.

    Raises:
        ValueError: when that is no JSON.
    """
    value: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": EMPTY_CONFIG.to_json(),
        "layers": [layer.to_json() for layer in layers],
        "annotations": dict(annotations),
    }
    if subject:
        about = {"mediaType": subject.media_type, "digest": str(subject.digest), "size": subject.size}
        value["subject"] = about
    return canonical.encode(value)

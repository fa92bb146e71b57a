"""Small layouts made by hand, so that a test can break each part of them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, BinaryIO

from pushpolicy.model.descriptor import Descriptor, Platform
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Manifest
from pushpolicy.registry.interface import OpenBlob, RepositoryClient

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class LayoutMaker:
    """Writes an image layout; each method returns what it wrote."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "blobs" / "sha256").mkdir(parents=True)
        (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self.entries: list[dict[str, Any]] = []
        self.index()

    def path(self, digest: Digest) -> Path:
        return self.root / "blobs" / digest.algorithm / digest.hex

    def blob(self, content: bytes, media_type: str = LAYER, **fields: Any) -> Descriptor:
        descriptor = Descriptor.of(content, media_type, **fields)
        self.path(descriptor.digest).write_bytes(content)
        return descriptor

    def json(self, value: Any, media_type: str, **fields: Any) -> Descriptor:
        return self.blob(json.dumps(value).encode(), media_type, **fields)

    def image(
        self,
        *,
        architecture: str = "amd64",
        config: Mapping[str, Any] | None = None,
        content: bytes = b"layer",
        **extra: Any,
    ) -> Manifest:
        layer = tar_layer("file", content)
        return self.manifest(
            config=self.json(
                {
                    "os": "linux",
                    "architecture": architecture,
                    "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(layer))]},
                    "config": {"Env": ["PATH=/bin", "TOKEN=hidden"], "Labels": {"a": "b"}, "User": "app"},
                    **(config or {}),
                },
                OCI_CONFIG,
            ),
            layers=[self.blob(gzip.compress(layer, mtime=0))],
            **extra,
        )

    def manifest(self, *, config: Descriptor, layers: list[Descriptor], **extra: Any) -> Manifest:
        value = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config.to_json(),
            "layers": [layer.to_json() for layer in layers],
            **extra,
        }
        return self._stored({key: item for key, item in value.items() if item is not None}, OCI_MANIFEST)

    def nest(self, *children: Descriptor) -> Manifest:
        value = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [child.to_json() for child in children],
        }
        return self._stored(value, OCI_INDEX)

    def _stored(self, value: Mapping[str, Any], media_type: str) -> Manifest:
        content = json.dumps(value).encode()
        self.blob(content)
        return Manifest.parse(content, media_type)

    def add(self, manifest: Manifest, **annotations: str) -> Manifest:
        entry = {
            "mediaType": manifest.media_type,
            "digest": str(manifest.digest),
            "size": len(manifest.content),
        }
        if annotations:
            names = {"name": "org.opencontainers.image.ref.name", "full": "io.containerd.image.name"}
            entry["annotations"] = {names[key]: value for key, value in annotations.items()}
        self.entries.append(entry)
        self.index()
        return manifest

    def index(self) -> None:
        value = {"schemaVersion": 2, "manifests": self.entries}
        (self.root / "index.json").write_text(json.dumps(value))


def child(manifest: Manifest, platform: str | None = None, **annotations: str) -> Descriptor:
    """The descriptor of a manifest in an index."""
    system, _, architecture = (platform or "").partition("/")
    return Descriptor(
        media_type=manifest.media_type,
        digest=manifest.digest,
        size=len(manifest.content),
        platform=Platform(os=system, architecture=architecture) if platform else None,
        annotations=annotations,
    )


def tar_layer(name: str, content: bytes) -> bytes:
    """An uncompressed layer with one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def pack(root: Path, archive: Path, prefix: str = "") -> Path:
    """The layout as an archive."""
    with tarfile.open(archive, "w") as tar:
        for path in sorted(root.rglob("*")):
            tar.add(path, prefix + str(path.relative_to(root)), recursive=False)
    return archive


def of_bytes(content: bytes) -> OpenBlob:
    """A blob's content from memory."""

    def opened() -> AbstractContextManager[BinaryIO]:
        return closing(io.BytesIO(content))

    return opened


def push(
    repository: RepositoryClient, maker: LayoutMaker, manifest: Manifest, tag: str | None = None
) -> Manifest:
    """Push an image, or a referrer where there is no tag."""
    for blob in filter(None, (manifest.config, *manifest.layers)):
        repository.put_blob(blob, of_bytes(maker.path(blob.digest).read_bytes()))
    if manifest.subject and not tag:
        repository.put_referrer(manifest)()
    else:
        repository.put_manifest(manifest, tag)
    return manifest


def referrer(maker: LayoutMaker, subject: Manifest, content: bytes, **extra: object) -> Manifest:
    """A small artifact about another manifest."""
    config = maker.json({}, "application/vnd.oci.empty.v1+json")
    return maker.manifest(
        config=config,
        layers=[maker.blob(content, "text/plain")],
        subject=subject.descriptor.to_json(),
        **{"artifactType": "text/x-note", **extra},
    )

"""Archives as `docker save` and its relatives write them, small and in every style."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_CONFIG, OCI_MANIFEST
from tests.layouts import tar_layer

PLAIN = "application/vnd.oci.image.layer.v1.tar"
LAYERS = (tar_layer("base", b"b" * 3_000_000), tar_layer("app", b"print()"))


def config_of(layers: Sequence[bytes], **fields: Any) -> bytes:
    """A config as Docker writes it."""
    value = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"User": "app", "Healthcheck": {"Test": ["CMD", "true"]}},
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(layer)) for layer in layers]},
        **fields,
    }
    return json.dumps(value).encode()


def old_style(
    layers: Sequence[bytes] = LAYERS, *, tags: Sequence[str] | None = ("app:1",), config: bytes | None = None
) -> dict[str, Any]:
    """Until Docker 24, and podman: a folder for each layer. Bytes and JSON are files, text is a link."""
    content = config or config_of(layers)
    files: dict[str, Any] = {}
    names: list[str] = []
    for layer in layers:
        first = next((name for name in names if files[name] == layer), None)
        names.append(name := f"{hashlib.sha256(str(len(names)).encode()).hexdigest()}/layer.tar")
        files[name] = f"../{first}" if first else layer
    files[f"{hashlib.sha256(content).hexdigest()}.json"] = content
    files["manifest.json"] = [
        {"Config": f"{hashlib.sha256(content).hexdigest()}.json", "RepoTags": tags, "Layers": names}
    ]
    files["repositories"] = {"app": {"1": "whatever"}}
    return files


def new_style(
    layers: Sequence[bytes] = LAYERS, *, media_type: str = PLAIN, stored: Mapping[bytes, bytes] | None = None
) -> dict[str, Any]:
    """Since Docker 25: an OCI layout beside the older files; `stored` are layers as they are stored there."""
    content = config_of(layers)
    files: dict[str, Any] = {"oci-layout": {"imageLayoutVersion": "1.0.0"}}

    def blob(data: bytes, kind: str) -> Descriptor:
        files[blob_file(data)] = data
        return Descriptor.of(data, kind)

    parts = [blob((stored or {}).get(layer, layer), media_type) for layer in layers]
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": blob(content, OCI_CONFIG).to_json(),
            "layers": [part.to_json() for part in parts],
        }
    ).encode()
    entry = blob(manifest, OCI_MANIFEST).to_json()
    entry["annotations"] = {"io.containerd.image.name": "docker.io/library/app:1"}
    files["index.json"] = {"schemaVersion": 2, "manifests": [entry]}
    files["manifest.json"] = [
        {
            "Config": blob_file(content),
            "RepoTags": ["app:1"],
            "Layers": [f"blobs/sha256/{part.digest.hex}" for part in parts],
        }
    ]
    return files


def blob_file(content: bytes) -> str:
    """Where a layout keeps this."""
    return f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"


def write(path: Path, files: Mapping[str, Any]) -> Path:
    """The archive of these files."""
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                tar.addfile(member)
                continue
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path

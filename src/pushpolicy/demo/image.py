"""Builds the demo's container image from files, without Docker (OCI image-spec v1.1).

The same files and commit give the same bytes: every entry has a fixed time, owner and mode. Image ID
and DiffIDs are digests of uncompressed content, so they are the same on every machine, and the sample
vulnerability reports can name them; the manifest digest may differ where zlib compresses differently.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath

from pushpolicy.model import canonical
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def build(layout: Path, layers: list[Mapping[str, bytes]], commit: str, created: datetime, name: str) -> None:
    """Write an OCI image layout that holds one image for linux/amd64.

    Args:
        layout: the folder to write; blobs of an earlier build stay in it.
        layers: the files of each layer, by path inside the image, lowest layer first.
        commit: the commit built from, which the image states in its label.
        created: the time of every file and of the image, with time zone.
        name: the tag that the layout's index gives the image.
    """
    archives = [_archive(files, int(created.timestamp())) for files in layers]
    config = _config(archives, commit, created)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _store(layout, config, OCI_CONFIG).to_json(),
        "layers": [_store(layout, gzip.compress(tar, mtime=0), LAYER).to_json() for tar in archives],
    }
    top = _store(layout, canonical.encode(manifest), OCI_MANIFEST).to_json()
    top["annotations"] = {"org.opencontainers.image.ref.name": name}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [top]}
    (layout / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    (layout / "index.json").write_bytes(canonical.encode(index))


def _config(archives: list[bytes], commit: str, created: datetime) -> bytes:
    return canonical.encode(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": created.isoformat(),
            "config": {
                "Entrypoint": ["python3", "/app/status.py"],
                "Labels": {"org.opencontainers.image.revision": commit},
            },
            "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(tar)) for tar in archives]},
        }
    )


def _archive(files: Mapping[str, bytes], mtime: int) -> bytes:
    """A tar of these files and of the folders they are in, sorted."""
    folders = {parent for path in files for parent in PurePosixPath(path).parents if parent.name}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted({*files, *map(str, folders)}):
            entry = tarfile.TarInfo(path)
            entry.mtime = mtime
            content = files.get(path)
            entry.type, entry.mode = (tarfile.DIRTYPE, 0o755) if content is None else (tarfile.REGTYPE, 0o644)
            entry.size = len(content or b"")
            archive.addfile(entry, io.BytesIO(content or b""))
    return buffer.getvalue()


def _store(layout: Path, content: bytes, media_type: str) -> Descriptor:
    blob = Descriptor.of(content, media_type)
    path = layout / "blobs" / blob.digest.algorithm / blob.digest.hex
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return blob

"""Images of layers that do not compress, in OCI layouts; nothing of them is held in memory as a whole."""

from __future__ import annotations

import hashlib
import json
import random
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pushpolicy.model import canonical
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST

_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_BLOCK = 1024 * 1024
TAG = "1.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a scan report of the image names it by."""

    config: Digest
    diff_ids: tuple[Digest, ...]


def make(layout: Path, layers: int, size: int, commit: str) -> Made:
    """Write a layout with one image for linux/amd64.

    Args:
        layout: an absent folder.
        layers: how many.
        size: bytes of each layer, but for what tar and gzip add.
        commit: what the image is labelled with.
    """
    (layout / "blobs" / "sha256").mkdir(parents=True)
    made = [_layer(layout, number, size) for number in range(layers)]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"org.opencontainers.image.revision": commit}},
        "rootfs": {"type": "layers", "diff_ids": [str(diff_id) for _, diff_id in made]},
    }
    described = _store(layout, canonical.encode(config), OCI_CONFIG)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described,
        "layers": [layer for layer, _ in made],
    }
    top = _store(layout, canonical.encode(manifest), OCI_MANIFEST)
    top["annotations"] = {"org.opencontainers.image.ref.name": TAG}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [top]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return Made(config=Digest.parse(str(described["digest"])), diff_ids=tuple(diff_id for _, diff_id in made))


def _layer(layout: Path, number: int, size: int) -> tuple[dict[str, object], Digest]:
    packed, plain = hashlib.sha256(), hashlib.sha256()
    compressor = zlib.compressobj(level=0, wbits=31)
    path = layout / "layer"
    with path.open("wb") as file:
        for chunk in _tar(number, size):
            plain.update(chunk)
            piece = compressor.compress(chunk)
            packed.update(piece)
            file.write(piece)
        last = compressor.flush()
        packed.update(last)
        file.write(last)
    digest = Digest("sha256", packed.hexdigest())
    described = {"mediaType": _LAYER, "digest": str(digest), "size": path.stat().st_size}
    path.rename(layout / "blobs" / "sha256" / digest.hex)
    return described, Digest("sha256", plain.hexdigest())


def _tar(number: int, size: int) -> Iterator[bytes]:
    """A tar with one file of random bytes, the same each time."""
    entry = tarfile.TarInfo(f"file-{number}")
    entry.size = size
    yield entry.tobuf(tarfile.USTAR_FORMAT)
    source = random.Random(number)
    for start in range(0, size, _BLOCK):
        yield source.randbytes(min(_BLOCK, size - start))
    yield bytes(-size % 512 + 1024)


def _store(layout: Path, content: bytes, media_type: str) -> dict[str, object]:
    digest = Digest.of(content)
    (layout / "blobs" / "sha256" / digest.hex).write_bytes(content)
    return {"mediaType": media_type, "digest": str(digest), "size": len(content)}

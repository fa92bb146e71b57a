"""The images that are pushed through faults."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping

from pushpolicy.images.image import Image
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_CONFIG, OCI_MANIFEST, Manifest
from tests.judged import LAYER, Held, make_image

MIB = 1024 * 1024


def layered(name: str, *sizes: int) -> Image:
    """An image with layers of these sizes, of content that is its own."""
    source = random.Random(name)
    config = json.dumps({"os": "linux", "architecture": "amd64", "of": name}).encode()
    contents = [source.randbytes(size) for size in sizes]
    top = Descriptor.of(config, OCI_CONFIG)
    layers = [Descriptor.of(content, LAYER) for content in contents]
    value = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": top.to_json(),
        "layers": [layer.to_json() for layer in layers],
    }
    return Image(
        source=f"memory:{name}",
        name=None,
        manifests=(Manifest.parse(json.dumps(value).encode(), OCI_MANIFEST),),
        configs={top.digest: config},
        blobs=(top, *layers),
        content=Held({Digest.of(content): content for content in (config, *contents)}),
    )


# Layers that go with the POST, and in an upload of their own; `large` is continued after a break.
IMAGES: Mapping[str, Image] = {
    "3-layer": layered("3-layer", 300, 70_000, 200_000),
    "large": layered("large", 300, 5 * MIB + 12_345),
    "index": make_image(),
}

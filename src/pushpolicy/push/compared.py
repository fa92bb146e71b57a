"""Which layers have to be what their config says they are, uncompressed (design section 5).

A scan or SBOM that is bound by the image ID or by diff_ids is about the layers that the config names by
their diff_ids; the manifest names layers by other digests, and only reading them tells that both are one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from pushpolicy.errors import InputError
from pushpolicy.images.image import Image
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest

# What a captured scanner was given may have been known by its image ID alone.
_BY_CONFIG = ("config", "diff_ids", "capture")


class Layer(msgspec.Struct, frozen=True):
    """A layer as a manifest names it, and what it has to be uncompressed."""

    descriptor: Descriptor
    diff_id: Digest


def layers_to_compare(evidence: Mapping[str, Any], image: Image) -> Mapping[Digest, Layer]:
    """By digest, the layers that a scan or SBOM of the evidence rests on by their diff_ids only.

    Where an index has several manifests of one image ID, a scan names one of them at most: what says that the
    others are the same image is their config alone, too.

    Raises:
        InputError: when one layer is to be two things.
    """
    if image.layers_compared:
        return MappingProxyType({})
    items = [item for kind in ("scans", "sbom") for item in evidence.get(kind, {}).get("items", ())]
    rest_on_config = {item["platform"] for item in items if item.get("bound_by") in _BY_CONFIG}
    platforms = evidence["image"]["platforms"]
    shared = _shared_configs(platforms) if items else frozenset[str]()
    manifests = {str(manifest.digest): manifest for manifest in image.manifests}
    found: dict[Digest, Layer] = {}
    for platform in platforms:
        if platform["platform"] not in rest_on_config and platform["config_digest"] not in shared:
            continue
        layers = manifests[platform["digest"]].layers
        for descriptor, diff_id in zip(layers, platform["diff_ids"], strict=True):
            layer = Layer(descriptor, Digest.parse(diff_id))
            known = found.setdefault(descriptor.digest, layer)
            if (known.diff_id, known.descriptor.media_type) != (layer.diff_id, descriptor.media_type):
                raise InputError(f"{image.source}: layer {descriptor.digest} is said to be two things")
    return MappingProxyType(found)


def _shared_configs(platforms: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    manifests = defaultdict[str, set[str]](set)
    for platform in platforms:
        manifests[platform["config_digest"]].add(platform["digest"])
    return frozenset(config for config, found in manifests.items() if len(found) > 1)

"""The OCI layout that newer versions of ``docker save`` put into the archive beside the older format."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from pushpolicy.images.archive import ArchiveFiles
from pushpolicy.images.image import Image
from pushpolicy.images.layout import image_of_layout
from pushpolicy.images.options import Limits, Selection
from pushpolicy.images.store import LayoutStore, Store, read_manifest
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import INDEX_TYPES, MANIFEST_TYPES
from pushpolicy.registry.layout import LAYOUT_MARKER, LayoutIndex


class Kept(msgspec.Struct, frozen=True):
    """An image of the layout; `compressed` tells whether it can be pushed as it is."""

    image: Image
    compressed: bool


def layout_of(
    text: str, files: ArchiveFiles, config: Digest, limits: Limits, selection: Selection
) -> Kept | None:
    """The image with this config, of the layout in the archive; None when there is no whole one.

    A listed index is preferred to the manifest in it: it may bring attestations. Where it is sparse, because
    only one platform was saved, the manifest of that platform keeps its digest at least. A layout that is
    damaged is passed over: everything that is taken from the older format instead is checked too.
    """
    if files.read(LAYOUT_MARKER, 4096) is None:
        return None
    notes: tuple[str, ...] = ()
    for entry in _candidates(files, config, limits):
        try:
            image = image_of_layout(text, files, entry.digest, limits, selection)
        except ValueError:
            notes = (f"{entry.digest} in the archive is not whole, so not all of it is pushed",)
            continue
        # An index is kept even with plain layers: its attestations name its manifests by digest.
        is_plain = any(layer.media_type.endswith(".tar") for layer in image.top.layers)
        compressed = image.top.is_index or not is_plain
        return Kept(replace(image, notes=(*image.notes, *notes)), compressed=compressed)
    return None


def _candidates(files: ArchiveFiles, config: Digest, limits: Limits) -> Iterator[Descriptor]:
    try:
        store, fruitless = LayoutStore(files), set[Digest]()
        for entry in LayoutIndex.read(files).entries:
            yield from _path(store, entry, config, limits.depth, fruitless)
    except ValueError:
        return


def _path(
    store: Store, entry: Descriptor, config: Digest, depth: int, fruitless: set[Digest]
) -> tuple[Descriptor, ...]:
    """From a listed entry down to the manifest with this config; empty when it does not lead there."""
    known = entry.media_type in MANIFEST_TYPES | INDEX_TYPES
    if not known or depth < 0 or entry.digest in fruitless:
        return ()
    manifest = read_manifest(store, entry)
    if manifest is None:
        return ()
    if manifest.config and manifest.config.digest == config:
        return (entry,)
    for child in manifest.manifests:
        if below := _path(store, child, config, depth - 1, fruitless):
            return (entry, *below)
    fruitless.add(entry.digest)
    return ()

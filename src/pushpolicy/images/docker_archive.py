"""An image as ``docker save`` writes it, built anew for a registry before anything is gathered.

Docker keeps layers uncompressed, so the image that a registry is to hold has to be built first: only then is
there a digest that can be judged. Newer Docker versions and buildx put an OCI layout into the same archive;
where that is whole and its layers are compressed, it is the image, and its digests are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from typing import BinaryIO

from msgspec.structs import replace

from pushpolicy.images.archive import DOCKER_MANIFEST, read_members
from pushpolicy.images.built_image import BuiltContent, BuiltStore
from pushpolicy.images.config import ImageConfig
from pushpolicy.images.image import Image
from pushpolicy.images.layers import Layer, compress_layers
from pushpolicy.images.layout import LayoutContent
from pushpolicy.images.opening import read_image
from pushpolicy.images.options import AS_USUAL, Compression, LayerCompression, Limits, Selection
from pushpolicy.images.saved import SavedImage
from pushpolicy.images.saved_archive import SavedArchive
from pushpolicy.images.scratch import Section
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_CONFIG, OCI_MANIFEST, Manifest
from pushpolicy.registry.layout import LAYOUT_MARKER, blob_name


def image_of_docker_archive(
    text: str,
    archive: BinaryIO,
    reference: str | Digest | None,
    limits: Limits,
    selection: Selection,
    stack: ExitStack,
) -> Image:
    """Open the image that the reference names, or the only one.

    Args:
        text: the IMAGE argument.
        archive: an open file, at the start of an uncompressed tar.
        reference: a name, or the digest of anything inside, as an image ID.
        limits: what is over one is refused.
        selection: which part of it, and how its layers are to be compressed.
        stack: closes the temporary files.

    Raises:
        ValueError: when it is not such an archive, or the image is ambiguous, incomplete or malformed.
        InputError: when there is no room for its layers.
    """
    members = read_members(archive, limits, follow=True)
    if DOCKER_MANIFEST not in members and LAYOUT_MARKER in members:
        raise ValueError("is an OCI archive; write oci-archive:FILE")
    found = SavedArchive(members, limits)
    meant = found.meant(reference)
    if isinstance(meant.part, SavedImage):
        config, files = found.config(meant.part), meant.part.layers
        return _built(text, meant.name, config, _contents(members, files), limits, selection, stack)
    kept = read_image(
        text, meant.name, found.store, meant.part, LayoutContent(found.files), limits, selection
    )
    # An index is kept even with plain layers: its attestations name its manifests by digest.
    is_plain = any(layer.media_type.endswith(".tar") for layer in kept.top.layers)
    if not is_plain or selection.compression == LayerCompression(method=Compression.NONE):
        return kept
    (config,), files = kept.configs.values(), tuple(blob_name(layer.digest) for layer in kept.top.layers)
    image = _built(text, meant.name, config, _contents(members, files), limits, selection, stack)
    note = (
        f"the archive's own manifest {kept.top.digest} has uncompressed layers; they were "
        "compressed, which gave the image another digest (--compression none keeps that one)"
    )
    return replace(image, notes=tuple(dict.fromkeys((*kept.notes, *image.notes, note))))


def _contents(members: Mapping[str, Section], names: tuple[str, ...]) -> tuple[Section, ...]:
    """The layers in their files."""
    missing = [name for name in names if name not in members]
    if missing:
        raise ValueError(f"{len(missing)} layers are not there, such as {missing[0][:200]}")
    return tuple(members[name] for name in names)


def _built(
    text: str,
    name: str | None,
    config: bytes,
    contents: tuple[Section, ...],
    limits: Limits,
    selection: Selection,
    stack: ExitStack,
) -> Image:
    try:
        diff_ids = ImageConfig.parse(config).diff_ids
    except ValueError as error:
        raise ValueError(f"the config: {error}") from error
    if len(contents) != len(diff_ids):
        raise ValueError(f"has {len(contents)} layers where the config says {len(diff_ids)}")
    if len(diff_ids) > limits.blobs:
        raise ValueError(f"has more than {limits.blobs} layers")
    layers = tuple(map(Layer, contents, diff_ids))
    distinct = tuple(dict.fromkeys(layers))
    each = compress_layers(
        distinct, selection.compression or AS_USUAL, limits, stack, selection.on_compressed
    )
    compressed = dict(zip(distinct, each, strict=True))
    manifest = _manifest(config, [compressed[layer].descriptor for layer in layers])
    blobs = {layer.descriptor.digest: layer.content for layer in compressed.values()}
    content = BuiltContent(config, blobs)
    image = read_image(
        text, name, BuiltStore(manifest, content), manifest.descriptor, content, limits, selection
    )
    return replace(image, layers_compared=True)


def _manifest(config: bytes, layers: list[Descriptor]) -> Manifest:
    """Without anything of this run, so that the same image gives the same bytes."""
    value = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": Descriptor.of(config, OCI_CONFIG).to_json(),
        "layers": [layer.to_json() for layer in layers],
    }
    return Manifest.parse(json.dumps(value, separators=(",", ":")).encode(), OCI_MANIFEST)

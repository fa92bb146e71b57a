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

from pushpolicy.images.archive import DOCKER_MANIFEST, ArchiveFiles, read_members
from pushpolicy.images.built_image import BuiltContent, BuiltStore
from pushpolicy.images.config import ImageConfig
from pushpolicy.images.image import Image
from pushpolicy.images.inner_layout import layout_of
from pushpolicy.images.layers import Layer, compress_layers
from pushpolicy.images.opening import read_image
from pushpolicy.images.options import AS_USUAL, Compression, Limits, Selection
from pushpolicy.images.saved import SavedImage, choose, read_saved
from pushpolicy.images.scratch import Section
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_CONFIG, OCI_MANIFEST, Manifest
from pushpolicy.registry.layout import LAYOUT_MARKER

_MAX_MANIFEST_FILE = 16 * 1024 * 1024


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
        reference: a name, or an image ID.
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
    saved = choose(read_saved(_file(members, DOCKER_MANIFEST, _MAX_MANIFEST_FILE)), reference)
    config = _config(members, saved, limits)
    kept = layout_of(text, ArchiveFiles(members), Digest.of(config), limits, selection)
    options = selection.compression or AS_USUAL
    if kept and (kept.compressed or options.method is Compression.NONE):
        return replace(kept.image, name=_name(saved))
    image = _built(text, members, saved, config, limits, selection, stack)
    if kept:
        note = (
            f"the archive's own manifest {kept.image.top.digest} has uncompressed layers; they were "
            "compressed, which gave the image another digest (--compression none keeps that one)"
        )
        return replace(image, notes=(*image.notes, note))
    return image


def _file(members: Mapping[str, Section], name: str, limit: int) -> bytes:
    content = members.get(name)
    if content is None:
        raise ValueError(f"has no file {name[:200]}")
    if content.size > limit:
        raise ValueError(f"{name[:200]} is over the limit of {limit} bytes")
    with content.open() as file:
        return file.read()


def _name(saved: SavedImage) -> str | None:
    return saved.names[0] if saved.names else None


def _config(members: Mapping[str, Section], saved: SavedImage, limits: Limits) -> bytes:
    content = _file(members, saved.config, limits.config_size)
    if saved.image_id not in ("", Digest.of(content).hex):
        raise ValueError(f"the config {saved.config[:100]} has other content than its name says")
    return content


def _built(
    text: str,
    members: Mapping[str, Section],
    saved: SavedImage,
    config: bytes,
    limits: Limits,
    selection: Selection,
    stack: ExitStack,
) -> Image:
    try:
        diff_ids = ImageConfig.parse(config).diff_ids
    except ValueError as error:
        raise ValueError(f"the config: {error}") from error
    layers = _layers(members, saved, diff_ids, limits)
    distinct = tuple(dict.fromkeys(layers))
    each = compress_layers(
        distinct, selection.compression or AS_USUAL, limits, stack, selection.on_compressed
    )
    compressed = dict(zip(distinct, each, strict=True))
    manifest = _manifest(config, [compressed[layer].descriptor for layer in layers])
    blobs = {layer.descriptor.digest: layer.content for layer in compressed.values()}
    content = BuiltContent(config, blobs)
    image = read_image(
        text, _name(saved), BuiltStore(manifest, content), manifest.descriptor, content, limits, selection
    )
    return replace(image, layers_compared=True)


def _layers(
    members: Mapping[str, Section], saved: SavedImage, diff_ids: tuple[Digest, ...], limits: Limits
) -> list[Layer]:
    if len(saved.layers) != len(diff_ids):
        raise ValueError(f"has {len(saved.layers)} layers where the config says {len(diff_ids)}")
    if len(diff_ids) > limits.blobs:
        raise ValueError(f"has more than {limits.blobs} layers")
    missing = [name for name in saved.layers if name not in members]
    if missing:
        raise ValueError(f"{len(missing)} layers are not there, such as {missing[0][:200]}")
    return [Layer(members[name], diff_id) for name, diff_id in zip(saved.layers, diff_ids, strict=True)]


def _manifest(config: bytes, layers: list[Descriptor]) -> Manifest:
    """Without anything of this run, so that the same image gives the same bytes."""
    value = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": Descriptor.of(config, OCI_CONFIG).to_json(),
        "layers": [layer.to_json() for layer in layers],
    }
    return Manifest.parse(json.dumps(value, separators=(",", ":")).encode(), OCI_MANIFEST)

"""What an archive of ``docker save`` holds: the images of manifest.json, and the OCI layout beside them.

Docker writes the layout since version 25, and so do containerd and buildx. With containerd's image store it
holds manifests and indexes as they were built, several of one image perhaps, as with other compression, and
``manifest.json`` describes one manifest of each. Their own digests are kept where the layout tells which of
them is meant: by its names, and by having the config and the layers that ``manifest.json`` names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import msgspec

from pushpolicy.images.archive import DOCKER_MANIFEST, ArchiveFiles
from pushpolicy.images.choice import (
    SHOWN,
    ChoiceError,
    by_id,
    full_name,
    inside,
    is_image,
    is_named,
    names_there,
    only,
    short_id,
    whole_id,
)
from pushpolicy.images.options import Limits
from pushpolicy.images.saved import SavedImage, read_saved
from pushpolicy.images.scratch import Section
from pushpolicy.images.store import LayoutStore, read_manifest
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import first_of
from pushpolicy.registry.layout import (
    CONTAINERD_NAME,
    INDEX_FILE,
    LAYOUT_MARKER,
    LayoutIndex,
    check_marker,
    digest_of,
    names,
)

_MAX_MANIFEST_FILE = 16 * 1024 * 1024
_BLOCK = 1024 * 1024


class Meant(msgspec.Struct, frozen=True):
    """The image that is meant: its entry in the layout, or what manifest.json says where that has none."""

    name: str | None
    part: Descriptor | SavedImage


class SavedArchive:
    """The members of an archive, read as far as telling its images apart needs.

    Raises:
        ValueError: when one of its lists is absent or malformed.
    """

    def __init__(self, members: Mapping[str, Section], limits: Limits) -> None:
        self.members = members
        self.files = ArchiveFiles(members)
        self.store = LayoutStore(self.files)
        self._limits = limits
        self._blobs = {section: digest for name, section in members.items() if (digest := digest_of(name))}
        self._images = read_saved(self.read(DOCKER_MANIFEST, _MAX_MANIFEST_FILE))
        self._entries: tuple[Descriptor, ...] = ()
        if LAYOUT_MARKER in members:
            check_marker(self.files.read(LAYOUT_MARKER, 4096))
            self._entries = tuple(filter(is_image, LayoutIndex.read(self.files).entries))

    def read(self, name: str, limit: int) -> bytes:
        """The content of a member of at most so many bytes."""
        content = self.members.get(name)
        if content is None:
            raise ValueError(f"has no file {name[:200]}")
        if content.size > limit:
            raise ValueError(f"{name[:200]} is over the limit of {limit} bytes")
        with content.open() as file:
            return file.read()

    def config(self, saved: SavedImage) -> bytes:
        """The config of an image of manifest.json, which is what its name says."""
        content = self.read(saved.config, self._limits.config_size)
        if saved.image_id not in ("", Digest.of(content).hex):
            raise ValueError(f"the config {saved.config[:100]} has other content than its name says")
        return content

    def meant(self, reference: str | Digest | None) -> Meant:
        """What a reference names; without one, the only image.

        Raises:
            ChoiceError: when there is none, or it stays ambiguous.
            ValueError: when the two lists contradict each other, or a manifest is malformed.
        """
        if isinstance(reference, Digest):
            return self._by_id(reference.hex, reference)
        if whole := whole_id(reference or ""):
            return self._by_id(whole, reference)
        saved = self._only(image for image in self._images if reference is None or image.has(reference))
        listed = only(entry for entry in self._entries if reference is None or is_named(entry, reference))
        if saved is None and listed is None:
            digits = short_id(reference) if reference else None
            if digits is None:
                raise self._unknown(reference)
            return self._by_id(digits, reference)
        if listed is None and saved:
            unnamed = [entry for entry in self._entries if CONTAINERD_NAME not in entry.annotations]
            # Two are too many already.
            listed = only(islice(self._leading(unnamed, [saved]), 2))
        return self._agreed(listed, saved, reference)

    def _by_id(self, digits: str, reference: str | Digest | None) -> Meant:
        entry = by_id(self._entries, self.store, digits)
        found = [image for image in self._images if image.image_id.startswith(digits)]
        # manifest.json describes one manifest of an index; any of them has an ID.
        if entry and (not found or entry.digest.hex.startswith(digits)):
            return Meant(names(entry)[-1] if names(entry) else None, entry)
        return self._agreed(entry, self._only(found), reference)

    def _agreed(
        self, entry: Descriptor | None, saved: SavedImage | None, reference: str | Digest | None
    ) -> Meant:
        """The entry where it is there, which then leads to what manifest.json describes; else the latter."""
        known = saved.names if saved else names(entry)[-1:] if entry else ()
        wanted = full_name(reference) if isinstance(reference, str) else None
        name = next((name for name in known if full_name(name) == wanted), known[0] if known else None)
        if entry and read_manifest(self.store, entry):
            if not any(self._leading([entry], [saved] if saved else self._images)):
                raise ValueError(
                    f"{INDEX_FILE} and {DOCKER_MANIFEST} contradict each other about {name or 'it'}: no "
                    f"manifest of {entry.digest} has the config and the layers that the other names"
                )
            return Meant(name, entry)
        if saved:
            return Meant(name, saved)
        raise ValueError(f"manifest {entry.digest} is not there") if entry else self._unknown(reference)

    def _only(self, images: Iterable[SavedImage]) -> SavedImage | None:
        distinct = {(image.config, image.layers): image for image in images}
        if len(distinct) > 1:
            there = self._names_there(distinct.values())
            raise ChoiceError(f"holds {len(distinct)} such images, name one: {there}")
        return next(iter(distinct.values()), None)

    def _leading(self, entries: Iterable[Descriptor], images: Iterable[SavedImage]) -> Iterator[Descriptor]:
        """The entries that are, or have below them, a manifest with config and layers of an image."""
        images = tuple(images)
        configs = {image.config: image for image in images}
        digests = {config: Digest.of(self.config(image)) for config, image in configs.items()}
        described = {(digests[each.config], tuple(map(self._stored, each.layers))) for each in images}
        fruitless = set[Digest]()
        for entry in {entry.digest: entry for entry in entries}.values():
            visited = set[Digest]()
            for each, manifest in inside([entry], self.store, fruitless):
                layers = tuple(layer.digest for layer in manifest.layers)
                if manifest.config and (manifest.config.digest, layers) in described:
                    yield entry
                    break
                visited.add(each.digest)
            else:
                fruitless |= visited

    def _stored(self, name: str) -> Digest | None:
        """The digest that a layer's file has as a blob; None where that cannot be told.

        What is no file of the layout, nor a link to one, is read; the others are hashed when they are sent.
        """
        section = self.members.get(name)
        if section and section not in self._blobs:
            hasher = hashlib.sha256()
            for block in section.blocks(_BLOCK):
                hasher.update(block)
            self._blobs[section] = Digest("sha256", hasher.hexdigest())
        return self._blobs[section] if section else digest_of(name)

    def _unknown(self, reference: str | Digest | None) -> ChoiceError:
        if not self._images and not self._entries:
            return ChoiceError("holds no image")
        known = {full_name(name) for image in self._images for name in image.names}
        others = [entry for entry in self._entries if not any(full_name(n) in known for n in names(entry))]
        more = f", {names_there(others)}" if others else ""
        return ChoiceError(
            f"has no image named {str(reference)!r}; it has {self._names_there(self._images)}{more}"
        )

    def _names_there(self, images: Iterable[SavedImage]) -> str:
        found = {image.names[0] if image.names else f"@sha256:{image.image_id}" for image in images}
        return first_of(sorted(found), SHOWN)

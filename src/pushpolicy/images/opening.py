"""From a manifest at a source to an opened image, as much of it as was asked for.

Only some platforms of an index are another image: one platform is its own manifest, as the index names it;
several are a new index with the entries of the old one, and with the attestations about them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from pushpolicy.errors import InputError
from pushpolicy.images.closure import Closure, read_closure, read_referrers
from pushpolicy.images.config import SHAPE, ImageConfig
from pushpolicy.images.facts import REFERENCE_DIGEST, is_marked
from pushpolicy.images.image import NO_REFERRERS, BlobSource, Image
from pushpolicy.images.lazy import FOOTER, is_footer
from pushpolicy.images.options import Limits, Selection
from pushpolicy.images.store import Store, WithManifest, read_manifest
from pushpolicy.images.uncompressed import MAGIC, check_start
from pushpolicy.model import strict_json
from pushpolicy.model.descriptor import Descriptor, Platform
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import CONFIG_TYPES, Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable

_SHOWN = 10


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest to push, where it is read from, and what the user has to know about it."""

    top: Descriptor
    store: Store
    notes: tuple[str, ...] = ()


class _Leaf(msgspec.Struct, frozen=True):
    """An entry that names an image or attestation: its JSON with all fields, and what is read of it."""

    value: Mapping[str, Any]
    entry: Descriptor

    @property
    def about(self) -> str | None:
        """The digest of the image that this attestation is about; None for an image."""
        return self.entry.annotations.get(REFERENCE_DIGEST, "") if is_marked(self.entry) else None


def select(
    source: str, store: Store, top: Descriptor, platforms: tuple[Platform, ...], limits: Limits
) -> Selected:
    """Choose platforms; none named means the image as it stands.

    Raises:
        InputError: when the image has not all of them.
        ValueError: when a manifest on the way is absent or malformed.
    """
    if not platforms:
        return Selected(top=top, store=store)
    manifest = read_manifest(store, top)
    if manifest is None:
        raise ValueError(f"manifest {top.digest} is not there")
    if not manifest.is_index:
        _check_only(source, store, manifest, platforms)
        return Selected(top=top, store=store)
    leaves = list(_leaves(store, manifest, limits, set()))
    # A SOCI index has the platform of its image, and says in the index that it is an artifact.
    entries = [leaf for leaf in leaves if leaf.about is None and leaf.entry.platform is not None]
    images = [leaf for leaf in entries if leaf.entry.artifact_type in (None, *CONFIG_TYPES)]
    for wanted in platforms:
        if not any(_matches(wanted, leaf.entry.platform) for leaf in images):
            raise _absent(source, wanted, [str(leaf.entry.platform) for leaf in images])
    chosen = [leaf for leaf in images if any(_matches(wanted, leaf.entry.platform) for wanted in platforms)]
    if len(chosen) > 1:
        return _several(store, manifest, leaves, chosen)
    entry = chosen[0].entry
    note = f"only {entry.platform} is taken: {entry.digest} instead of the index {manifest.digest}"
    if any(leaf.about == str(entry.digest) for leaf in leaves):
        note += "; its attestations stay behind"
    return Selected(top=entry, store=store, notes=(note,))


def _check_only(source: str, store: Store, manifest: Manifest, platforms: tuple[Platform, ...]) -> None:
    """A single image is of one platform; naming that one changes nothing."""
    if manifest.config is None or manifest.config.media_type not in CONFIG_TYPES:
        raise InputError(f"{printable(source)}: it is not an image of a platform")
    platform = ImageConfig.parse(store.blob(manifest.config)).platform
    for wanted in platforms:
        if not _matches(wanted, platform):
            raise _absent(source, wanted, [str(platform)])


def _leaves(
    store: Store, index: Manifest, limits: Limits, seen: set[Digest], depth: int = 0
) -> Iterator[_Leaf]:
    """The entries of an index that are no indexes, and those of the indexes that it has here; each once."""
    if depth > limits.depth:
        raise ValueError(f"nests indexes more than {limits.depth} deep")
    values = index.document()["manifests"]
    for value, entry in zip(values, index.manifests, strict=True):
        if entry.digest in seen:
            continue
        seen.add(entry.digest)
        if "manifest.list" not in entry.media_type and "image.index" not in entry.media_type:
            yield _Leaf(value, entry)
        elif (inner := read_manifest(store, entry)) is not None:
            yield from _leaves(store, inner, limits, seen, depth + 1)


def _matches(wanted: Platform, have: Platform | None) -> bool:
    """A platform without variant means each of its variants; arm64 is v8 (containerd, platforms)."""
    if have is None or (wanted.os, wanted.architecture) != (have.os, have.architecture):
        return False
    usual = "v8" if have.architecture == "arm64" else None
    return wanted.variant is None or wanted.variant == (have.variant or usual)


def _absent(source: str, wanted: Platform, there: list[str]) -> InputError:
    shown = printable(", ".join(dict.fromkeys(there[:_SHOWN]))) or "none that is named"
    return InputError(
        f"{printable(source)}: it has no image for {wanted}", f"name one with --platform that it has: {shown}"
    )


def _several(store: Store, index: Manifest, leaves: list[_Leaf], chosen: list[_Leaf]) -> Selected:
    kept = {str(leaf.entry.digest) for leaf in chosen}
    # An export of some platforms leaves out what is for none of them.
    lost = {leaf.entry.digest for leaf in leaves if leaf.about in kept and store.size(leaf.entry) is None}
    taken = [leaf for leaf in leaves if leaf in chosen or leaf.about in kept]
    values = [leaf.value for leaf in taken if leaf.entry.digest not in lost]
    # The other fields of the index are kept. A child that was not chosen is left out, so it may be absent.
    document = {**index.document(), "manifests": values}
    content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    built = Manifest.parse(content, index.media_type)
    names = ", ".join(str(leaf.entry.platform) for leaf in chosen)
    note = f"only {printable(names)} are taken: a new index {built.digest} instead of {index.digest}"
    note += f"; {len(lost)} attestations about them are not there" if lost else ""
    return Selected(top=built.descriptor, store=WithManifest(store, built), notes=(note,))


def read_image(
    source: str,
    name: str | None,
    store: Store,
    top: Descriptor,
    content: BlobSource,
    limits: Limits,
    selection: Selection,
    repository: Repository | None = None,
) -> Image:
    """Read an image whole, with what refers to it where that is asked for.

    Args:
        source: the IMAGE argument.
        name: the name that the source gives the image.
        store: where its manifests and configs are read from.
        top: the manifest or index that was named.
        content: where its layers will be read from.
        limits: what is over one is refused.
        selection: which part of it.
        repository: the repository of a registry that the store reads, if it is one.

    Raises:
        InputError: when it has not the platforms that are asked for.
        ValueError: when a part is absent, is not what its digest and size say, or is over a limit.
    """
    selected = select(source, store, top, selection.platforms, limits)
    closure = read_closure(selected.store, selected.top, limits)
    carried = NO_REFERRERS
    if selection.referrers and (repository is None or repository != selection.destination):
        carried = read_referrers(store, closure.manifests, limits)
    layers = {layer.digest: layer for manifest in closure.manifests for layer in manifest.layers}.values()
    return Image(
        source=source,
        name=name,
        manifests=closure.manifests,
        configs=closure.configs,
        blobs=closure.blobs,
        content=content,
        store=store,
        repository=repository,
        referrers=carried,
        # Each of an image in a registry would have to be asked for; there annotations tell.
        footers=frozenset() if repository else frozenset(_with_footer(content, layers)),
        notes=(*selected.notes, *carried.left_out, *_spellings(closure)),
    )


def _with_footer(content: BlobSource, layers: Iterable[Descriptor]) -> Iterator[Digest]:
    """Look at both ends of layers; gives those that end with a table of contents.

    Raises:
        ValueError: when one begins otherwise than its media type says.
    """
    for layer in layers:
        with content.open_blob(layer)() as file:
            start = file.read(MAGIC)
            file.seek(max(layer.size - FOOTER, 0))
            end = file.read(FOOTER)
        check_start(layer, start)
        if is_footer(end):
            yield layer.digest


def _spellings(closure: Closure) -> Iterator[str]:
    """How fields of configs are spelled that only programs which ignore case read, as Go's do."""
    configs = {m.config.digest for m in closure.manifests if m.config and m.config.media_type in CONFIG_TYPES}
    for digest in configs:
        try:
            _, spellings = strict_json.read_noting(closure.configs[digest], SHAPE)
        except ValueError as error:
            raise ValueError(f"config {digest} {error}") from error
        yield from (f"config {digest}: {spelling}" for spelling in spellings)

"""Choose the image of a layout, folder or archive, and read it whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from pushpolicy.images.image import Image
from pushpolicy.images.opening import read_image
from pushpolicy.images.options import EVERYTHING, Limits, Selection
from pushpolicy.images.store import LayoutStore, Store, read_manifest
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import INDEX_TYPES, MANIFEST_TYPES, Manifest
from pushpolicy.model.text import first_of
from pushpolicy.registry.fallback import is_fallback_tag
from pushpolicy.registry.interface import OpenBlob
from pushpolicy.registry.layout import (
    LAYOUT_MARKER,
    LayoutFiles,
    LayoutFolder,
    LayoutIndex,
    check_marker,
    names,
)

_SHOWN_NAMES = 10


class ChoiceError(ValueError):
    """The layout holds no image of that name, or several and none was named."""


class LayoutContent:
    """The layers of an image, where the layout keeps them."""

    def __init__(self, files: LayoutFiles) -> None:
        self._files = files

    def open_blob(self, blob: Descriptor) -> OpenBlob:
        """A function that opens the blob from its start, as often as needed."""

        @contextmanager
        def opened() -> Iterator[BinaryIO]:
            with self._files.open(blob.digest) as file:
                yield file

        return opened


def open_folder(path: Path, _limits: Limits) -> AbstractContextManager[LayoutFiles]:
    """The layout in a folder."""
    if not path.is_dir():
        raise FileNotFoundError(2, f"there is no folder {path}")
    return nullcontext(LayoutFolder(path))


def image_of_layout(
    source: str,
    files: LayoutFiles,
    reference: str | Digest | None,
    limits: Limits,
    selection: Selection = EVERYTHING,
) -> Image:
    """The image that the reference names, or the only one.

    Raises:
        ValueError: when there is none, more than one, or it is incomplete or malformed.
    """
    check_marker(files.read(LAYOUT_MARKER, 4096))
    store = LayoutStore(files)
    entry = _choose(LayoutIndex.read(files), store, reference)
    name = names(entry)[-1] if names(entry) else None
    return read_image(source, name, store, entry, LayoutContent(files), limits, selection)


def _choose(index: LayoutIndex, store: Store, reference: str | Digest | None) -> Descriptor:
    if isinstance(reference, Digest):
        return _by_digest(index, store, reference)
    if reference is not None:
        entry = index.named(reference)
        if entry is None:
            raise ChoiceError(f"has no image named {reference!r}; {_names_there(index.entries)}")
        return entry
    images = [
        entry
        for entry in index.entries
        if entry.media_type in MANIFEST_TYPES | INDEX_TYPES and not any(map(is_fallback_tag, names(entry)))
    ]
    distinct = {entry.digest: entry for entry in images}
    if len(distinct) > 1:
        # Referrers and fallback indexes are listed beside images; telling them apart costs reading them.
        others = {digest for digest, entry in distinct.items() if _listed(store, entry).subject is not None}
        images = [entry for entry in images if entry.digest not in others]
    distinct = {entry.digest: entry for entry in images}
    if not distinct:
        raise ChoiceError("holds no image")
    if len(distinct) > 1:
        raise ChoiceError(f"holds {len(distinct)} images, name one: {_names_there(images)}")
    return images[0]


def _by_digest(index: LayoutIndex, store: Store, digest: Digest) -> Descriptor:
    """The entry of this digest; also a manifest that only another index of the layout names."""
    pending, seen = deque[Descriptor](), set[Digest]()
    found: Iterable[Descriptor] = index.entries
    while True:
        for entry in found:
            if entry.digest not in seen:
                seen.add(entry.digest)
                pending.append(entry)
        if not pending:
            break
        entry = pending.popleft()
        if entry.digest == digest:
            return entry
        found = _listed(store, entry).manifests if entry.media_type in INDEX_TYPES else ()
    raise ChoiceError(f"has no manifest {digest}")


def _listed(store: Store, entry: Descriptor) -> Manifest:
    manifest = read_manifest(store, entry)
    if manifest is None:
        raise ValueError(f"manifest {entry.digest} is not there")
    return manifest


def _names_there(entries: list[Descriptor] | tuple[Descriptor, ...]) -> str:
    found = sorted({names(entry)[0] if names(entry) else f"@{entry.digest}" for entry in entries})
    return f"it has {first_of(found, _SHOWN_NAMES)}" if found else "it is empty"

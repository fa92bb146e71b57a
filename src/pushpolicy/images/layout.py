"""Choose the image of a layout, folder or archive, and read it whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from pushpolicy.images.choice import (
    ChoiceError,
    by_id,
    is_image,
    is_named,
    names_there,
    only,
    short_id,
    whole_id,
)
from pushpolicy.images.image import Image
from pushpolicy.images.opening import read_image
from pushpolicy.images.options import EVERYTHING, Limits, Selection
from pushpolicy.images.store import LayoutStore, Store, read_manifest
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
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
    there = f"it has {names_there(index.entries)}" if index.entries else "it is empty"
    if isinstance(reference, Digest):
        if found := by_id(index.entries, store, reference.hex):
            return found
        raise ChoiceError(f"has no manifest {reference}; {there}")
    if reference is not None:
        whole = whole_id(reference)
        if whole and (found := by_id(index.entries, store, whole)):
            return found
        named = [entry for entry in index.entries if is_named(entry, reference)]
        if found := only(named, f"images named {reference!r}"):
            return found
        digits = short_id(reference)
        if digits and (found := by_id(index.entries, store, digits)):
            return found
        raise ChoiceError(f"has no image named {reference!r}; {there}")
    images = [
        entry for entry in index.entries if is_image(entry) and not any(map(is_fallback_tag, names(entry)))
    ]
    distinct = {entry.digest: entry for entry in images}
    if len(distinct) > 1:
        # Referrers and fallback indexes are listed beside images; telling them apart costs reading them.
        others = {digest for digest, entry in distinct.items() if _listed(store, entry).subject is not None}
        images = [entry for entry in images if entry.digest not in others]
    found = only(images)
    if found is None:
        raise ChoiceError("holds no image")
    return found


def _listed(store: Store, entry: Descriptor) -> Manifest:
    manifest = read_manifest(store, entry)
    if manifest is None:
        raise ValueError(f"manifest {entry.digest} is not there")
    return manifest

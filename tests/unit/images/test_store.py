"""Where the parts of an image are read from."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from pushpolicy.images.store import LayoutStore, RepositoryStore, read_manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry.layout import LayoutFolder
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.layouts import LayoutMaker, push


def test_a_manifest_of_a_repository_has_the_size_that_names_it(tmp_path: Path) -> None:
    """Its digest may be right all the same; of its size only the descriptor speaks."""
    maker = LayoutMaker(tmp_path / "source")
    client = LayoutRepository(Repository.parse(f"oci:{tmp_path / 'layout'}"))
    image = push(client, maker, maker.image(), "1.0")
    store, entry = RepositoryStore(client), image.descriptor
    assert read_manifest(store, entry) == image
    with pytest.raises(ValueError, match=f"has {entry.size} bytes, not {entry.size - 1}"):
        read_manifest(store, replace(entry, size=entry.size - 1))


def test_a_part_of_a_layout_has_the_size_that_names_it(tmp_path: Path) -> None:
    maker = LayoutMaker(tmp_path / "layout")
    config = maker.image().config
    assert config
    store = LayoutStore(LayoutFolder(maker.root))
    assert len(store.blob(config)) == config.size
    for size in (config.size - 1, config.size + 1):
        with pytest.raises(ValueError, match=f"has not the {size} bytes it should have"):
            store.blob(replace(config, size=size))

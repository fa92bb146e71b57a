"""Many writers attach to one image at once; a registry without the API keeps no order among them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pushpolicy.model.manifest import Manifest
from pushpolicy.registry.fallback import fallback_tag
from tests.clients import client
from tests.layouts import LayoutMaker, push, referrer
from tests.registries import Registry

WRITERS = 16


def test_concurrent_writers_lose_nothing(any_registry: Registry, tmp_path: Path) -> None:
    maker = LayoutMaker(tmp_path / "layout")
    image = push(client(any_registry), maker, maker.image(), "v1")
    notes = [referrer(maker, image, b"%d" % number) for number in range(WRITERS)]

    def attach(note: Manifest) -> None:
        # A client of its own each, as separate jobs have: nothing in one process helps them.
        push(client(any_registry), maker, note)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(attach, notes))
    listed = {item.digest for item in client(any_registry).referrers(image.digest)}
    assert listed == {note.digest for note in notes}


def test_attaching_twice_lists_once(any_registry: Registry, tmp_path: Path) -> None:
    maker = LayoutMaker(tmp_path / "layout")
    image = push(client(any_registry), maker, maker.image(), "v1")
    note = referrer(maker, image, b"note")
    for _ in range(2):
        push(client(any_registry), maker, note)
    assert [item.digest for item in client(any_registry).referrers(image.digest)] == [note.digest]


def test_the_fallback_tag_is_for_registries_without_the_api_only(
    distribution: Registry, olareg: Registry, tmp_path: Path
) -> None:
    maker = LayoutMaker(tmp_path / "layout")
    for registry, kept in ((distribution, True), (olareg, False)):
        image = push(client(registry), maker, maker.image(), "v1")
        push(client(registry), maker, referrer(maker, image, b"note"))
        assert (client(registry).resolve(fallback_tag(image.digest)) is not None) is kept
        assert client(registry).tags() == ("v1",)

"""What is beside an image is told before a signed decision comes beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.errors import PushError
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.records.crowd import crowd_notes, old_signatures
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.judged import make_image, publish

IMAGE = make_image()
NAME = f"sha256-{IMAGE.top.digest.hex}"


@pytest.fixture
def client(tmp_path: Path) -> LayoutRepository:
    """A repository with the image."""
    client = LayoutRepository(Repository.parse(f"oci:{tmp_path / 'layout'}"))
    publish(IMAGE, client, Target.parse(f"{client.repository}:1.0"))
    return client


@pytest.mark.parametrize("kinds", [(), ("sig",), ("att",), ("sig", "att")])
def test_what_older_cosign_signed(client: LayoutRepository, kinds: tuple[str, ...]) -> None:
    tags = tuple(f"{NAME}.{kind}" for kind in kinds)
    for tag in tags:
        client.put_manifest(IMAGE.top, tag)
    assert old_signatures(client, IMAGE.top.digest) == tags


def test_a_signature_that_cannot_be_read_stops_nothing(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = client.resolve

    def resolve(tag: str) -> Manifest | None:
        if tag.endswith(".sig"):
            raise PushError("401")
        return real(tag)

    client.put_manifest(IMAGE.top, f"{NAME}.att")
    monkeypatch.setattr(client, "resolve", resolve)
    assert old_signatures(client, IMAGE.top.digest) == (f"{NAME}.att",)


def test_the_notes() -> None:
    assert list(crowd_notes((), 20)) == []
    (many,) = crowd_notes((), 21)
    assert many.startswith("21 artifacts are attached to the image: with more than 50")
    (old,) = crowd_notes((f"{NAME}.sig", f"{NAME}.att"), 0)
    assert f"before version 3 signed ({NAME}.sig, {NAME}.att)" in old
    assert len(old) <= 400  # where a report cuts it
    assert list(crowd_notes((f"{NAME}.sig",), 21))[1] == many

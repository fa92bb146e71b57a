"""Records of one tag are chained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pushpolicy.evaluate import is_of_known_policy
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.records import records_before
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.judged import make_image, publish

OLD, NEW = make_image("old"), make_image("new")


@pytest.fixture
def client(tmp_path: Path) -> LayoutRepository:
    """An empty repository."""
    return LayoutRepository(Repository.parse(f"oci:{tmp_path / 'layout'}"))


def _target(client: LayoutRepository, *tags: str) -> Target:
    return Target.parse(f"{client.repository}:{tags[0]}").with_tags(tags[1:])


def _before(client: LayoutRepository, previous: Mapping[str, Digest]) -> Mapping[str, Digest]:
    found = records_before(client, previous, is_of_known_policy)
    assert found.ignored == ()
    return found.chained


def test_the_newest_record_of_the_tag(client: LayoutRepository) -> None:
    publish(OLD, client, _target(client, "1.0"), at="2026-11-02T09:00:00Z")
    second = publish(OLD, client, _target(client, "1.0", "stable"), at="2026-11-02T10:00:00Z")
    third = publish(OLD, client, _target(client, "edge"), at="2026-11-02T11:00:00Z")
    before = _before(client, dict.fromkeys(("1.0", "stable", "edge", "new"), OLD.top.digest))
    assert before == {
        "1.0": second.record.digest,
        "stable": second.record.digest,
        "edge": third.record.digest,
    }


def test_an_image_without_a_record_has_none(client: LayoutRepository) -> None:
    assert _before(client, {"1.0": Digest.of(b"pushed by hand")}) == {}
    assert _before(client, {}) == {}

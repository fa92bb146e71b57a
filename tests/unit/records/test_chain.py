"""Records of one tag are chained."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from pushpolicy.errors import RecordError
from pushpolicy.evaluate import is_of_known_policy
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.records import chain
from pushpolicy.records.chain import records_before
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


def test_no_more_records_are_read_than_the_limit(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(OLD, client, _target(client, "1.0"), at="2026-11-02T09:00:00Z")
    second = publish(OLD, client, _target(client, "1.0"), at="2026-11-02T10:00:00Z")
    monkeypatch.setattr(chain, "_MAX_READ", 1)
    found = records_before(client, {"1.0": OLD.top.digest}, lambda record: False)
    assert found.chained == {"1.0": second.record.digest}
    assert found.ignored == (f"record {first.record.digest} is ignored: 1 records were read already",)


def test_a_record_of_another_repository_is_ignored(client: LayoutRepository, tmp_path: Path) -> None:
    other = LayoutRepository(Repository.parse(f"oci:{tmp_path / 'other'}"))
    record = publish(OLD, other, _target(other, "1.0")).record
    shutil.copytree(other.repository.path, client.repository.path)
    found = records_before(client, {"1.0": OLD.top.digest}, is_of_known_policy)
    assert found.chained == {}
    assert found.ignored == (f"record {record.digest} is ignored: it is for another repository",)


def test_a_record_that_takes_too_much_is_ignored(client: LayoutRepository) -> None:
    """Whoever plants it holds up no push, and is not the one before."""
    first = publish(OLD, client, _target(client, "1.0"), at="2026-11-02T09:00:00Z")
    second = publish(OLD, client, _target(client, "1.0"), at="2026-11-02T10:00:00Z")
    heavy = iter([True, False])

    @contextmanager
    def allowed() -> Iterator[None]:
        yield
        if next(heavy):
            raise RecordError("stopped: it took more than the 60 seconds of max-record-seconds")

    found = records_before(client, {"1.0": OLD.top.digest}, is_of_known_policy, allowed)
    assert found.chained == {"1.0": first.record.digest}
    assert found.ignored == (
        f"record {second.record.digest} is ignored: stopped: it took more than the 60 seconds of "
        "max-record-seconds",
    )

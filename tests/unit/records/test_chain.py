"""Records of one tag are chained."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from pushpolicy.errors import RecordError
from pushpolicy.evaluate import is_of_known_policy
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.records import chain
from pushpolicy.records.chain import records_before
from pushpolicy.records.format import ARTIFACT_TYPE, CREATED, TAGS
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
    heavy = iter([False, True, False])  # the manifests of both, then each record

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


@pytest.mark.parametrize(
    "said",
    [
        {},
        {TAGS: "other", CREATED: "2026-11-02T08:00:00Z"},
        {TAGS: "1.0", CREATED: "2001-01-01T00:00:00Z"},
        {TAGS: "", CREATED: "9999-12-31T23:59:59Z"},
    ],
)
@pytest.mark.parametrize("position", [0, 1])
def test_what_a_list_says_of_a_record_is_not_believed(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch, said: Mapping[str, str], position: int
) -> None:
    """Whoever may write a fallback tag could hide the newest record by it, or make another one the newest."""
    publish(OLD, client, _target(client, "1.0"), at="2026-11-02T09:00:00Z")
    second = publish(OLD, client, _target(client, "1.0"), at="2026-11-02T10:00:00Z")
    listed = list(client.referrers(OLD.top.digest))
    listed[position] = replace(listed[position], annotations=said)
    monkeypatch.setattr(client, "referrers", lambda *_: tuple(listed))
    assert _before(client, {"1.0": OLD.top.digest}) == {"1.0": second.record.digest}


def test_no_more_manifests_of_a_list_are_looked_at_than_the_limit(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever lists thousands holds up no push, and it is said that not all were looked at."""
    first = publish(OLD, client, _target(client, "1.0"), at="2026-11-02T09:00:00Z")
    (true,) = client.referrers(OLD.top.digest, ARTIFACT_TYPE)
    many = [replace(true, digest=Digest.of(b"%d" % number)) for number in range(30_000)]
    asked = list[Digest]()
    monkeypatch.setattr(client, "referrers", lambda *_: (true, *many))
    read = client.manifest

    def counted(digest: Digest) -> Manifest | None:
        asked.append(digest)
        return read(digest)

    monkeypatch.setattr(client, "manifest", counted)
    found = records_before(client, {"1.0": OLD.top.digest}, is_of_known_policy)
    assert found.chained == {"1.0": first.record.digest}
    assert len(asked) == chain._MAX_LISTED + 1  # and the image itself
    assert found.ignored == (
        f"{30_001 - chain._MAX_LISTED} manifests that are listed with {OLD.top.digest} are ignored: "
        f"{chain._MAX_LISTED} were looked at, which is the limit",
    )
    monkeypatch.setattr(chain, "_MAX_LISTED_SIZE", 1)
    monkeypatch.setattr(client, "referrers", lambda *_: (true, true))
    (ignored,) = records_before(client, {"1.0": OLD.top.digest}, is_of_known_policy).ignored
    assert "1 manifests that are listed" in ignored

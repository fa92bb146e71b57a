"""Finding records: by tag, by image, along the chain, and what is broken among them."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.history import find_record, list_records
from pushpolicy.audit.shelf import Shelf
from pushpolicy.errors import RecordError, UsageError
from pushpolicy.evaluate import is_of_known_policy
from pushpolicy.images.image import Image
from pushpolicy.model.decision import Link
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.push import Published
from pushpolicy.records.chain import records_before
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.reports.limits import Limits
from tests.judged import make_image, publish

OLD, NEW = make_image("old"), make_image("new")


@pytest.fixture
def client(tmp_path: Path) -> LayoutRepository:
    """An empty repository."""
    return LayoutRepository(Repository.parse(f"oci:{tmp_path / 'layout'}"))


def _publish(client: LayoutRepository, image: Image, tag: str, hour: int) -> Published:
    target = Target.parse(f"{client.repository}:{tag}")
    return publish(image, client, target, at=f"2026-11-02T{hour:02}:00:00Z")


def _reference(client: LayoutRepository, tag: str | None = None, digest: Digest | None = None) -> Reference:
    return Reference(repository=client.repository, tag=tag, digest=digest)


def _found(client: LayoutRepository, tag: str | None = None, digest: Digest | None = None) -> list[Digest]:
    listing = list_records(Shelf.of(client), _reference(client, tag, digest))
    assert listing.problems == ()
    return [record.digest for record in listing.records]


def test_every_record_newest_first(client: LayoutRepository) -> None:
    first = _publish(client, OLD, "1.0", 9)
    second = _publish(client, NEW, "1.0", 10)
    other = _publish(client, OLD, "2.0", 11)
    again = _publish(client, NEW, "2.0", 12)
    every = [again, other, second, first]
    assert _found(client) == [published.record.digest for published in every]


def test_the_past_of_one_tag(client: LayoutRepository) -> None:
    first = _publish(client, OLD, "1.0", 9)
    _publish(client, make_image("other"), "2.0", 10)
    second = _publish(client, NEW, "1.0", 11)
    assert _found(client, tag="1.0") == [second.record.digest, first.record.digest]


def test_one_image(client: LayoutRepository) -> None:
    first = _publish(client, OLD, "1.0", 9)
    _publish(client, NEW, "1.0", 10)
    assert _found(client, digest=OLD.top.digest) == [first.record.digest]
    assert _found(client, digest=Digest.of(b"never pushed")) == []


def test_an_empty_repository_has_none_and_an_absent_tag_is_an_error(client: LayoutRepository) -> None:
    assert _found(client) == []
    with pytest.raises(RecordError, match=r"there is no oci:.*:9\.9"):
        list_records(Shelf.of(client), _reference(client, tag="9.9"))


def test_a_link_that_was_removed_shows(client: LayoutRepository) -> None:
    first = _publish(client, OLD, "1.0", 9)
    second = _publish(client, NEW, "1.0", 10)
    (Path(client.repository.path) / "blobs/sha256" / first.record.digest.hex).unlink()
    listing = list_records(Shelf.of(client), _reference(client))
    assert [record.digest for record in listing.records] == [second.record.digest]
    (problem,) = listing.problems
    assert problem.digest == first.record.digest
    assert "there is no record" in problem.reason


def test_show_gives_the_newest_of_the_tag(client: LayoutRepository) -> None:
    first = _publish(client, OLD, "1.0", 9)
    second = _publish(client, OLD, "1.0", 10)
    other = _publish(client, OLD, "2.0", 11)

    def shown(tag: str | None = None, digest: Digest | None = None) -> Digest:
        return find_record(Shelf.of(client), _reference(client, tag, digest)).summary.digest

    assert shown(tag="1.0") == second.record.digest
    assert shown(digest=OLD.top.digest) == other.record.digest
    assert shown(digest=first.record.digest) == first.record.digest


def test_a_record_of_another_image_is_none_of_the_one_it_is_listed_with(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write a fallback tag says what is listed: both images are of the repository and the tag."""
    honest = _publish(client, OLD, "1.0", 9)
    _publish(client, NEW, "1.0", 10)
    descriptor = client.referrers(OLD.top.digest)[0]
    monkeypatch.setattr(client, "referrers", lambda *_: (descriptor,))
    for reference in (_reference(client, "1.0"), _reference(client, digest=NEW.top.digest)):
        with pytest.raises(RecordError, match="is of another image"):
            find_record(Shelf.of(client), reference)
    assert _found(client, digest=OLD.top.digest) == [honest.record.digest]
    about = {"1.0": [NEW.top.digest]}
    assert records_before(client, about, is_of_known_policy).chain == {"1.0": Link(sequence=1)}


def test_a_list_that_is_cut_has_no_newest_record(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever lists thousands gets not before the records that are there, and what was not read is said."""
    published = _publish(client, OLD, "1.0", 9)
    (true,) = client.referrers(OLD.top.digest)
    many = [structs.replace(true, digest=Digest.of(b"%d" % number)) for number in range(30_000)]
    monkeypatch.setattr(client, "referrers", lambda *_: (true, *many))
    few = Allowance(Limits(max_records=10))
    listing = list_records(Shelf.of(client), _reference(client, tag="1.0"), few)
    assert [record.digest for record in listing.records] == [published.record.digest]
    assert (len(listing.problems), listing.unread) == (9, 29_991)
    with pytest.raises(RecordError, match="29991 were not read: which record is the newest is"):
        find_record(Shelf.of(client), _reference(client, tag="1.0"), few)
    named = _reference(client, digest=published.record.digest)
    assert find_record(Shelf.of(client), named).summary.digest == published.record.digest


def test_show_says_what_is_not_there(client: LayoutRepository) -> None:
    published = _publish(client, OLD, "1.0", 9)
    with pytest.raises(UsageError, match="names no image"):
        find_record(Shelf.of(client), _reference(client))
    with pytest.raises(RecordError, match="has no record"):
        find_record(Shelf.of(client), _reference(client, digest=OLD.manifests[0].digest))
    manifest = client.manifest(published.record.digest)
    assert manifest
    (Path(client.repository.path) / "blobs/sha256" / manifest.layers[1].digest.hex).unlink()
    with pytest.raises(RecordError, match=r"is not valid: layer .* cannot be read"):
        find_record(Shelf.of(client), _reference(client, tag="1.0"))

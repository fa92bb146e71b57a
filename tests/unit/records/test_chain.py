"""Records of one tag are chained."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.errors import RecordError
from pushpolicy.evaluate import is_of_known_policy
from pushpolicy.model.decision import MAX_SEQUENCE, Link
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.push import Published
from pushpolicy.records import chain
from pushpolicy.records.chain import Before, records_before
from pushpolicy.records.format import ARTIFACT_TYPE, CREATED, SEQUENCE, TAGS
from pushpolicy.records.read import Record, read_summary
from pushpolicy.records.signed import Trusted
from pushpolicy.records.statement import VERIFIER, Named, signed
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.signing.trust import Key
from tests.forgery import Change, Parts, add, assemble, forge, read
from tests.judged import AT, make_image, publish
from tests.keys import key

OLD, NEW = make_image("old"), make_image("new")


@pytest.fixture
def client(tmp_path: Path) -> LayoutRepository:
    """An empty repository."""
    return LayoutRepository(Repository.parse(f"oci:{tmp_path / 'layout'}"))


def _target(client: LayoutRepository, *tags: str) -> Target:
    return Target.parse(f"{client.repository}:{tags[0]}").with_tags(tags[1:])


def _about(*tags: str) -> Mapping[str, Sequence[Digest]]:
    return dict.fromkeys(tags, (OLD.top.digest,))


def _before(client: LayoutRepository, about: Mapping[str, Sequence[Digest]]) -> Mapping[str, Link]:
    found = records_before(client, about, is_of_known_policy)
    assert found.ignored == ()
    return found.chain


def _after(published: Published, sequence: int) -> Link:
    return Link(sequence=sequence, previous=published.record.digest)


def _forge(client: LayoutRepository, change: Change) -> Digest:
    """Attach a record made from the first one of the tag 1.0."""
    parts = read(client, "1.0")
    change(parts)
    add(client, parts)
    return assemble(parts)[0].digest


def test_the_newest_record_of_the_tag(client: LayoutRepository) -> None:
    publish(OLD, client, _target(client, "1.0"), at="2026-11-02T09:00:00Z")
    second = publish(OLD, client, _target(client, "1.0", "stable"), at="2026-11-02T10:00:00Z")
    third = publish(OLD, client, _target(client, "edge"), at="2026-11-02T11:00:00Z")
    assert _before(client, _about("1.0", "stable", "edge", "new")) == {
        "1.0": _after(second, 3),
        "stable": _after(second, 2),
        "edge": _after(third, 2),
        "new": Link(sequence=1),
    }


def test_an_image_without_a_record_has_none(client: LayoutRepository) -> None:
    assert _before(client, {"1.0": [Digest.of(b"pushed by hand")]}) == {"1.0": Link(sequence=1)}
    assert _before(client, {"1.0": []}) == {"1.0": Link(sequence=1)}
    assert _before(client, {}) == {}


def test_a_record_that_a_push_left_is_counted(client: LayoutRepository) -> None:
    """A push that ended before it moved the tag leaves its record with an image that no tag names."""
    old = publish(OLD, client, _target(client, "1.0"))
    new = publish(NEW, client, _target(client, "1.0"))
    client.put_manifest(OLD.top, "1.0")
    about = [OLD.top.digest, NEW.top.digest]
    for images, link in ((about, _after(new, 3)), (about[::-1], _after(new, 3)), (about[:1], _after(old, 2))):
        assert _before(client, {"1.0": images}) == {"1.0": link}


def _number(sequence: int, at: str = AT) -> Change:
    def change(parts: Parts) -> None:
        parts.decision["chain"]["1.0"]["sequence"] = sequence
        parts.decision["chain"]["1.0"]["previous"] = f"sha256:{'0' * 64}"
        parts.decision["evaluated_at"] = parts.evidence["evaluated_at"] = at

    return change


def test_the_number_counts_before_the_time(client: LayoutRepository) -> None:
    publish(OLD, client, _target(client, "1.0"), at="2026-11-02T10:00:00Z")
    later = _forge(client, _number(7, at="2026-11-02T09:00:00Z"))
    assert _before(client, _about("1.0")) == {"1.0": Link(sequence=8, previous=later)}


def test_of_one_number_the_later_counts(client: LayoutRepository) -> None:
    publish(OLD, client, _target(client, "1.0"), at="2026-11-02T10:00:00Z")
    other = _forge(client, _number(1, at="2026-11-02T11:00:00Z"))
    assert _before(client, _about("1.0")) == {"1.0": Link(sequence=2, previous=other)}


def test_nothing_comes_after_the_last_number(client: LayoutRepository) -> None:
    """Whoever plants such a record holds up no push."""
    true = publish(OLD, client, _target(client, "1.0"))
    last = _forge(client, _number(MAX_SEQUENCE))
    found = records_before(client, _about("1.0"), is_of_known_policy)
    assert found.chain == {"1.0": _after(true, 2)}
    assert found.ignored == (f"record {last} is ignored: nothing can come after its number 9007199254740991",)


def test_a_record_of_the_first_version_has_no_number(client: LayoutRepository) -> None:
    publish(OLD, client, _target(client, "1.0"))

    def change(parts: Parts) -> None:
        del parts.decision["chain"]
        del parts.manifest["annotations"][f"{SEQUENCE}1.0"]

    old = forge(Path(client.repository.path), Path(f"{client.repository.path}-old"), "1.0", change)
    (listed,) = old.referrers(OLD.top.digest)
    found = records_before(old, _about("1.0"), is_of_known_policy, images=client)
    assert found.chain == {"1.0": Link(sequence=1, previous=listed.digest)}
    assert found.ignored == ()


def test_no_more_records_are_read_than_the_limit(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(OLD, client, _target(client, "1.0"), at="2026-11-02T09:00:00Z")
    second = publish(OLD, client, _target(client, "1.0"), at="2026-11-02T10:00:00Z")
    monkeypatch.setattr(chain, "_MAX_READ", 1)
    found = records_before(client, _about("1.0"), lambda record: False)
    assert found.chain == {"1.0": _after(second, 3)}
    assert found.ignored == (f"record {first.record.digest} is ignored: 1 records were read already",)


def test_a_record_of_another_repository_is_ignored(client: LayoutRepository, tmp_path: Path) -> None:
    other = LayoutRepository(Repository.parse(f"oci:{tmp_path / 'other'}"))
    record = publish(OLD, other, _target(other, "1.0")).record
    shutil.copytree(other.repository.path, client.repository.path)
    found = records_before(client, _about("1.0"), is_of_known_policy)
    assert found.chain == {"1.0": Link(sequence=1)}
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

    found = records_before(client, _about("1.0"), is_of_known_policy, allowed)
    assert found.chain == {"1.0": _after(first, 2)}
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
    assert _before(client, _about("1.0")) == {"1.0": _after(second, 3)}


def test_no_more_manifests_of_a_list_are_looked_at_than_the_limit(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever lists thousands holds up no push, and it is said that not all were looked at."""
    first = publish(OLD, client, _target(client, "1.0"), at="2026-11-02T09:00:00Z")
    publish(NEW, client, _target(client, "2.0"))
    (true,) = client.referrers(OLD.top.digest, ARTIFACT_TYPE)
    (other,) = client.referrers(NEW.top.digest, ARTIFACT_TYPE)
    many = [replace(true, digest=Digest.of(b"%d" % number)) for number in range(30_000)]
    asked = list[Digest]()
    monkeypatch.setattr(client, "referrers", lambda *_: (true, *many))
    read = client.manifest

    def counted(digest: Digest) -> Manifest | None:
        asked.append(digest)
        return read(digest)

    monkeypatch.setattr(client, "manifest", counted)
    found = records_before(client, _about("1.0"), is_of_known_policy)
    assert found.chain == {"1.0": _after(first, 2)}
    assert len(asked) == chain._MAX_LISTED + 1  # and the image itself
    assert found.ignored == (
        f"{30_001 - chain._MAX_LISTED} manifests that are listed with {OLD.top.digest} are ignored: "
        f"{chain._MAX_LISTED} were looked at, which is the limit",
    )
    monkeypatch.setattr(chain, "_MAX_LISTED_SIZE", 1)
    monkeypatch.setattr(client, "referrers", lambda *_: (true, other))
    (ignored,) = records_before(client, _about("1.0"), is_of_known_policy).ignored
    assert "1 manifests that are listed" in ignored


def _sign(
    client: LayoutRepository, record: Digest, *tags: str, by: str = "ci", says: Change | None = None
) -> None:
    """Attach what is signed about a record, for each of the tags."""
    summary = read_summary(client, record)
    decision = summary.decision if says is None else replace(summary.decision, observed=True)
    for tag in tags:
        named = Named(record=record, tag=tag, verifier=VERIFIER, version="1")
        statement = signed(summary.subject, decision, named, key(by))
        for blob in statement.blobs:
            client.put_blob(blob.descriptor, blob.open)
        client.put_referrer(statement.manifest)


def _trusted(client: LayoutRepository, **fields: Any) -> Trusted:
    keys = {"release": Key(key=key().public.pem, role="decide", **fields)}
    keys["old"] = Key(key=key("old").public.pem, role="decide", not_after="2026-11-15T00:00:00Z")
    return Trusted(keys=keys, repository=client.repository, at=datetime(2026, 12, 1, tzinfo=UTC))


def _signed_before(client: LayoutRepository, *tags: str, **fields: Any) -> Before:
    return records_before(client, _about(*tags), is_of_known_policy, trusted=_trusted(client, **fields))


@pytest.mark.parametrize(
    "forged",
    [
        _number(5),
        _number(MAX_SEQUENCE),
        _number(1, "2026-11-30T00:00:00Z"),
        _number(2, "9999-12-31T00:00:00Z"),
    ],
)
def test_a_record_that_nobody_signed_is_never_the_one_before(
    client: LayoutRepository, forged: Change
) -> None:
    """Whoever can write to the repository and has no key: nothing of his is even read."""
    true = publish(OLD, client, _target(client, "1.0"))
    other = _forge(client, forged)
    _sign(client, true.record.digest, "1.0")

    def is_known(record: Record) -> bool:
        assert record.summary.digest == true.record.digest
        return True

    found = records_before(client, _about("1.0"), is_known, trusted=_trusted(client))
    assert found.chain == {"1.0": _after(true, 2)}
    assert found.ignored == (f"record {other} is ignored: it is unsigned",)
    assert found.listed == {OLD.top.digest: 3}


def test_nobody_hides_a_signed_record_behind_thousands(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor by leaving it out of the list, which is anybody's who can write to the repository."""
    true = publish(OLD, client, _target(client, "1.0"))
    _sign(client, true.record.digest, "1.0")
    listed = client.referrers(OLD.top.digest)
    (record,) = (each for each in listed if each.digest == true.record.digest)
    many = [replace(record, digest=Digest.of(b"%d" % number)) for number in range(chain._MAX_LISTED)]
    statements = [each for each in listed if each != record]
    for entries in ((*many, *listed), (*many, *statements), statements):
        monkeypatch.setattr(client, "referrers", lambda *_, entries=entries: tuple(entries))
        assert _signed_before(client, "1.0").chain == {"1.0": _after(true, 2)}


def test_a_record_counts_for_the_tags_that_are_signed(client: LayoutRepository) -> None:
    first = publish(OLD, client, _target(client, "1.0", "edge"), at="2026-11-02T09:00:00Z")
    second = publish(OLD, client, _target(client, "1.0", "edge"), at="2026-11-02T10:00:00Z")
    _sign(client, first.record.digest, "1.0", "edge")
    _sign(client, second.record.digest, "edge")
    found = _signed_before(client, "1.0", "edge")
    assert found.chain == {"1.0": _after(first, 2), "edge": _after(second, 3)}
    assert found.ignored == (f"record {second.record.digest} is ignored: it is signed for edge, not for 1.0",)


def test_what_is_signed_otherwise_than_the_record_says(client: LayoutRepository) -> None:
    first = publish(OLD, client, _target(client, "1.0"))
    _sign(client, first.record.digest, "1.0", says=_number(1))
    (ignored,) = _signed_before(client, "1.0").ignored
    assert "it says otherwise than its record" in ignored
    _sign(client, first.record.digest, "1.0")
    assert _signed_before(client, "1.0") == Before(
        chain={"1.0": _after(first, 2)}, listed={OLD.top.digest: 3}
    )


def test_a_retired_key_counts_after_those_that_count_still(client: LayoutRepository) -> None:
    """Else every change of the key would begin the chain anew; and who has the old one gets no further."""
    first = publish(OLD, client, _target(client, "1.0"))
    _sign(client, first.record.digest, "1.0", by="old")
    assert _signed_before(client, "1.0").chain == {"1.0": _after(first, 2)}
    second = publish(OLD, client, _target(client, "1.0"), at="2026-11-03T00:00:00Z")
    _sign(client, second.record.digest, "1.0")
    third = _forge(client, _number(7, at="2026-11-04T00:00:00Z"))
    _sign(client, third, "1.0", by="old")
    assert _signed_before(client, "1.0").chain == {"1.0": _after(second, 3)}


def test_a_key_of_another_repository_vouches_for_nothing(client: LayoutRepository) -> None:
    first = publish(OLD, client, _target(client, "1.0"))
    _sign(client, first.record.digest, "1.0")
    found = _signed_before(client, "1.0", repositories=("registry.example.com/**",))
    assert found.chain == {"1.0": Link(sequence=1)}
    assert "which counts for registry.example.com/**" in found.ignored[0]


def test_what_is_signed_and_takes_too_much_is_ignored(client: LayoutRepository) -> None:
    first = publish(OLD, client, _target(client, "1.0"))
    _sign(client, first.record.digest, "1.0")
    spent = iter([True, False])

    @contextmanager
    def allowed() -> Iterator[None]:
        yield
        if next(spent):
            raise RecordError("stopped")

    found = records_before(client, _about("1.0"), is_of_known_policy, allowed, trusted=_trusted(client))
    assert found.chain == {"1.0": Link(sequence=1)}
    assert found.ignored == (
        f"what is signed about the records of {OLD.top.digest} is ignored: stopped",
        f"record {first.record.digest} is ignored: it is unsigned",
    )


def test_a_flood_is_told_in_a_few_lines(client: LayoutRepository) -> None:
    publish(OLD, client, _target(client, "1.0"))
    for number in range(25):
        _forge(client, _number(number + 2))
    found = _signed_before(client, "1.0")
    assert len(found.ignored) == 21
    assert found.ignored[-1] == "6 more such lines are left out"

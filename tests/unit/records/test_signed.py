"""What is signed about a record counts where a listed key signed it, for this place, now, word for word."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.model import canonical
from pushpolicy.model.decision import Decision, Verdict
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import EMPTY_CONTENT, EMPTY_TYPE, OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.records import format as names
from pushpolicy.records import signed
from pushpolicy.records.signed import Statements, Trusted, Vouched, statements
from pushpolicy.records.statement import DECISION_PREDICATE, Named, statement_of
from pushpolicy.records.statement import signed as signed_by
from pushpolicy.registry.interface import Artifact, Blob
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.signing import bundle, dsse
from pushpolicy.signing.keys import SigningError
from pushpolicy.signing.trust import Key
from pushpolicy.signing.verify import DECISION_STATEMENT, IN_TOTO, POLICY_STATEMENT
from tests.judged import judge, make_image
from tests.keys import key

PLACE = Repository.parse("registry.example.com/team/app")
JUDGED = judge(make_image(), Target.parse(f"{PLACE}:1.0").with_tags(("latest",)))
OWN = JUDGED.decision
ALLOWED = replace(OWN, policy=replace(OWN.policy, anchored=True, not_anchored=()))
IMAGE, RECORD = JUDGED.image.top.descriptor, Digest.of(b"record")
WHO = "https://example.com/gate"
NAMED = Named(record=RECORD, tag="1.0", verifier=WHO, version="0.1.0")
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def trusted(role: str = "decide", signer: str = "ci", **fields: Any) -> Trusted:
    """One key that counts."""
    entry = Key(key=key(signer).public.pem, role=role, **fields)  # type: ignore[arg-type]
    return Trusted(keys={"release": entry}, repository=PLACE, at=NOW)


def attach(client: LayoutRepository, artifact: Artifact) -> None:
    """Store it, as a push does."""
    for blob in artifact.blobs:
        client.put_blob(blob.descriptor, blob.open)
    client.put_referrer(artifact.manifest)


def artifact(content: bytes, artifact_type: str, kind: str, **said: str) -> Artifact:
    """A statement as somebody else would attach it."""
    blobs = (Blob.of(EMPTY_CONTENT, EMPTY_TYPE), Blob.of(content, kind))
    value = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": blobs[0].descriptor.to_json(),
        "layers": [blobs[1].descriptor.to_json()],
        "subject": {"mediaType": IMAGE.media_type, "digest": str(IMAGE.digest), "size": IMAGE.size},
        "annotations": said,
    }
    manifest = Manifest.parse(canonical.encode(value), OCI_MANIFEST)
    return Artifact(name="statement", manifest=manifest, blobs=blobs)


def own(payload: bytes, kind: str = DECISION_STATEMENT, signer: str = "ci", **said: str) -> Artifact:
    """Something signed as we do it."""
    return artifact(dsse.sign(kind, payload, key(signer)), names.STATEMENT_TYPE, dsse.MEDIA_TYPE, **said)


@pytest.fixture
def client(tmp_path: Path) -> LayoutRepository:
    """An empty repository."""
    return LayoutRepository(Repository.parse(f"oci:{tmp_path / 'layout'}"))


def read(client: LayoutRepository, who: Trusted | None = None) -> Statements:
    return statements(client, IMAGE.digest, who or trusted())


def vouched(client: LayoutRepository, who: Trusted | None = None) -> Vouched:
    (found,) = read(client, who).about(RECORD)
    return found


@pytest.mark.parametrize("decision", [OWN, ALLOWED], ids=["own type", "bundle"])
def test_a_listed_key_vouches_for_a_record(client: LayoutRepository, decision: Decision) -> None:
    for tag in decision.image.tags:
        attach(client, signed_by(IMAGE, decision, replace(NAMED, tag=tag), key()))
    found = read(client).about(RECORD)
    assert sorted(each.named.tag for each in found) == ["1.0", "latest"]
    assert {each.key for each in found} == {"release"}
    for each in found:
        each.check(decision)
    with pytest.raises(SigningError, match="is unsigned"):
        read(client).about(Digest.of(b"another record"))


WHO_COUNTS: dict[str, tuple[Trusted, str]] = {
    "another key": (trusted(signer="other"), "is signed by no listed key (release)"),
    "a key of another role": (trusted("policy"), "whose role is policy, not decide"),
    "another repository's": (
        trusted(repositories=("other.example/**",)),
        "counts for other.example/**, not for",
    ),
    "a key of later": (trusted(not_before="2027-01-01T00:00:00Z"), "counts from 2027-01-01T00:00:00Z on"),
    "another verifier's": (trusted(verifier="https://other"), "and the key release is that of https://other"),
}


@pytest.mark.parametrize("case", WHO_COUNTS)
def test_who_does_not_count_does_not_vouch(client: LayoutRepository, case: str) -> None:
    who, why = WHO_COUNTS[case]
    attach(client, signed_by(IMAGE, ALLOWED, NAMED, key()))
    with pytest.raises(SigningError) as refused:
        read(client, who).about(RECORD)
    assert why in refused.value.message
    assert refused.value.message.startswith("is not vouched for: statement sha256:")


def test_a_retired_key_is_told(client: LayoutRepository) -> None:
    attach(client, signed_by(IMAGE, ALLOWED, NAMED, key()))
    end = "2026-11-30T00:00:00Z"
    found = vouched(client, trusted(not_after=end))
    assert found.retired == end
    found.check(ALLOWED)
    assert vouched(client, trusted(not_after="2027-01-01T00:00:00Z")).retired is None


def test_a_key_vouches_for_nothing_that_was_decided_when_it_did_not_count(client: LayoutRepository) -> None:
    attach(client, signed_by(IMAGE, ALLOWED, NAMED, key()))
    with pytest.raises(SigningError, match="counts from 2026-11-20T00:00:00Z on"):
        vouched(client, trusted(not_before="2026-11-20T00:00:00Z")).check(ALLOWED)
    with pytest.raises(SigningError, match="counted until 2026-11-01T00:00:00Z"):
        vouched(client, trusted(not_after="2026-11-01T00:00:00Z")).check(ALLOWED)


def _said(change: Callable[[dict[str, Any]], object]) -> bytes:
    value: dict[str, Any] = json.loads(statement_of(OWN, NAMED).payload)
    change(value)
    return canonical.encode(value)


def _predicate(**fields: Any) -> bytes:
    return _said(lambda value: value["predicate"].update(fields))


# What a listed key signed all the same, and what is said of it.
OTHERWISE: Mapping[str, tuple[bytes, str]] = {
    "two subjects": (
        _said(lambda value: value["subject"].append({"digest": {"sha256": "0" * 64}})),
        "subject",
    ),
    "another place": (
        _predicate(resourceUri="oci://registry.example.com/prod/app:1.0"),
        "predicate.resourceUri",
    ),
    "another time": (_predicate(timeVerified="2030-01-01T00:00:00Z"), "predicate.timeVerified"),
    "a field more": (_predicate(approved=True), "predicate.approved"),
    "a key in another case": (_predicate(ResourceUri="x"), "predicate.ResourceUri"),
    "spaces": (json.dumps(json.loads(statement_of(OWN, NAMED).payload)).encode(), "its bytes"),
}


@pytest.mark.parametrize("case", OTHERWISE)
def test_what_says_otherwise_than_its_record_is_named(client: LayoutRepository, case: str) -> None:
    payload, what = OTHERWISE[case]
    attach(client, own(payload))
    with pytest.raises(SigningError, match=f"says otherwise than its record: {what}"):
        vouched(client).check(OWN)


def test_a_tag_that_was_not_decided(client: LayoutRepository) -> None:
    attach(client, own(statement_of(OWN, NAMED).payload.replace(b'"tag":"1.0"', b'"tag":"9.9"')))
    with pytest.raises(SigningError, match=r"the tag '9\.9', and its decision is not"):
        vouched(client).check(OWN)


def test_another_payload_type_than_its_record_makes_it(client: LayoutRepository) -> None:
    attach(client, own(statement_of(ALLOWED, NAMED).payload))
    with pytest.raises(
        SigningError, match=r"and its record \(an approval\) makes it application/vnd\.in-toto"
    ):
        vouched(client).check(ALLOWED)


PAYLOAD = statement_of(OWN, NAMED).payload
ENVELOPE = dsse.sign(DECISION_STATEMENT, PAYLOAD, key())
DENIED = statement_of(replace(OWN, verdict=Verdict.DENY), NAMED).payload
REFUSED: Mapping[str, tuple[Artifact, str]] = {
    "a policy's type": (
        own(PAYLOAD, POLICY_STATEMENT),
        "is signed as application/vnd.pushpolicy.policy+json",
    ),
    "a stranger's bundle around ours": (
        artifact(
            bundle.write(ENVELOPE, key().public),
            bundle.TYPE,
            bundle.TYPE,
            **{bundle.PREDICATE: DECISION_PREDICATE},
        ),
        "which strangers would take for an approval",
    ),
    "no statement about a record": (own(b"{}"), "is no statement of pushpolicy"),
    "a key twice": (own(b'{"predicate":{},"predicate":{}}'), "predicate"),
    "an envelope that is none": (artifact(b"{}", names.STATEMENT_TYPE, dsse.MEDIA_TYPE), "is no envelope"),
    "two signatures": (
        artifact(
            ENVELOPE.replace(b'"signatures":[', b'"signatures":[{"sig":"AAAA"},'),
            names.STATEMENT_TYPE,
            dsse.MEDIA_TYPE,
        ),
        "has 2 signatures, where exactly one belongs",
    ),
    "a layer of another type": (
        artifact(ENVELOPE, names.STATEMENT_TYPE, "text/plain"),
        "does not have one layer",
    ),
    "too large": (
        artifact(b" " * (signed.MAX_STATEMENT_SIZE + 1), names.STATEMENT_TYPE, dsse.MEDIA_TYPE),
        "over the limit of 262144",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_counts_for_nothing_is_refused_with_its_reason(client: LayoutRepository, case: str) -> None:
    forged, why = REFUSED[case]
    attach(client, forged)
    found = read(client)
    assert found.vouched == ()
    with pytest.raises(SigningError) as refused:
        found.about(RECORD)
    assert why in refused.value.message


def test_nothing_is_parsed_that_no_listed_key_signed(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach(client, own(PAYLOAD, signer="other"))
    attach(client, signed_by(IMAGE, ALLOWED, NAMED, key("other")))
    monkeypatch.setattr(signed, "read_named", lambda _: pytest.fail("it was parsed"))
    assert len(read(client).refused) == 2


def test_attestations_of_other_tools_are_neither_ours_nor_read(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = dsse.sign(IN_TOTO, b"{}", key("other"))
    said = {bundle.PREDICATE: "https://slsa.dev/provenance/v1"}
    attach(client, artifact(bundle.write(foreign, key("other").public), bundle.TYPE, bundle.TYPE, **said))
    monkeypatch.setattr(LayoutRepository, "read_blob", lambda *_: pytest.fail("it was read"))
    assert read(client) == Statements(image=IMAGE.digest)


def test_a_statement_that_is_listed_with_another_image(client: LayoutRepository) -> None:
    """As a registry lists it that lies, or a tag that somebody wrote."""
    attach(client, own(PAYLOAD))
    other = Digest.of(b"another image")
    found = statements(client, other, trusted(), client.referrers(IMAGE.digest))
    assert [each.reason for each in found.refused] == ["refers to another image than it is listed with"]


def test_a_list_that_was_cut_vouches_for_nothing_that_was_not_read(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signed, "MAX_STATEMENTS", 3)
    for number in range(4):
        attach(client, own(b"%d" % number, signer="other"))
    attach(client, own(PAYLOAD))
    found = read(client)
    assert found.unread == 2
    with pytest.raises(SigningError, match="incomplete, 2 more statements are listed"):
        found.about(RECORD)


def test_what_is_listed_with_one_image_is_bounded_in_size(
    client: LayoutRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signed, "_MAX_SIZE", 20_000)
    for number in range(60):
        attach(client, own(b"%d" % number + b" " * 1000, signer="other"))
    found = read(client)
    assert found.unread > 30
    assert 0 < len(found.refused) == 60 - found.unread


def test_several_are_told_in_the_order_of_the_list(client: LayoutRepository) -> None:
    """They are read at once, and the first reason is the same every time."""
    for number in range(20):
        attach(client, own(b"%d" % number, signer="other"))
    listed = [each.digest for each in client.referrers(IMAGE.digest)]
    assert [each.digest for each in read(client).refused] == listed


def test_without_keys_it_is_only_said_what_is_signed(client: LayoutRepository) -> None:
    attach(client, signed_by(IMAGE, ALLOWED, NAMED, key()))
    found = statements(client, IMAGE.digest, None)
    assert found == Statements(image=IMAGE.digest, claimed=frozenset({RECORD}))

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from pushpolicy.model.decision import Decision, EngineIdentity, Verdict
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Target
from pushpolicy.records import format as names
from pushpolicy.records.statement import (
    DECISION_PREDICATE,
    VSA_PREDICATE,
    Named,
    is_approval,
    read_named,
    resource_uri,
    signed,
    statement_of,
)
from pushpolicy.signing import bundle, dsse
from pushpolicy.signing.verify import DECISION_STATEMENT, DENIAL_STATEMENT, IN_TOTO
from tests.judged import judge, make_image
from tests.keys import key

JUDGED = judge(make_image(), Target.parse("registry.example.com/team/app:1.0").with_tags(("latest",)))
ALLOWED = replace(JUDGED.decision, policy=replace(JUDGED.decision.policy, anchored=True, not_anchored=()))
RECORD = Digest.of(b"record")
NAMED = Named(record=RECORD, tag="1.0", verifier="https://example.com/gate", version="0.1.0")

# Each makes a decision that no stranger may take for an approval.
NO_APPROVAL: dict[str, tuple[Callable[[Decision], Decision], str]] = {
    "a denial": (lambda one: replace(one, verdict=Verdict.DENY), DENIAL_STATEMENT),
    "not anchored": (
        lambda one: replace(one, policy=replace(one.policy, anchored=False)),
        DECISION_STATEMENT,
    ),
    "observed": (lambda one: replace(one, observed=True), DECISION_STATEMENT),
    "loosened": (lambda one: replace(one, loosened=("a setting",)), DECISION_STATEMENT),
    "delegated": (
        lambda one: replace(
            one,
            engine=EngineIdentity(
                name="opa", version="1.22.2", hermeticity="delegated", server="https://opa.example"
            ),
        ),
        DECISION_STATEMENT,
    ),
}


def test_an_anchored_enforced_local_allow_is_a_verification_summary() -> None:
    statement = statement_of(ALLOWED, NAMED)
    assert (statement.payload_type, statement.predicate_type) == (IN_TOTO, VSA_PREDICATE)
    value = json.loads(statement.payload)
    (subject,) = value["subject"]
    assert subject["digest"] == {"sha256": ALLOWED.image.digest.hex}
    predicate = value["predicate"]
    assert predicate["verificationResult"] == "PASSED"
    assert predicate["verifiedLevels"] == ["PUSHPOLICY_ALLOWED"]
    assert predicate["resourceUri"] == "oci://registry.example.com/team/app:1.0"
    assert predicate["policy"]["digest"] == {"sha256": ALLOWED.policy.digest.hex}
    assert predicate["inputAttestations"][0]["digest"] == {"sha256": RECORD.hex}
    assert predicate["timeVerified"] == ALLOWED.evaluated_at


@pytest.mark.parametrize("case", NO_APPROVAL, ids=str)
def test_nothing_else_looks_like_an_approval(case: str) -> None:
    change, payload_type = NO_APPROVAL[case]
    decision = change(ALLOWED)
    statement = statement_of(decision, NAMED)
    assert not is_approval(decision)
    assert (statement.payload_type, statement.predicate_type) == (payload_type, DECISION_PREDICATE)
    assert b"PASSED" not in statement.payload
    artifact = signed(JUDGED.image.top.descriptor, decision, NAMED, key())
    assert artifact.manifest.artifact_type == names.STATEMENT_TYPE
    assert [layer.media_type for layer in artifact.manifest.layers] == [dsse.MEDIA_TYPE]


@pytest.mark.parametrize("decision", [ALLOWED, JUDGED.decision], ids=["approval", "own"])
def test_which_record_it_is_about_is_read_and_gives_the_same_bytes(decision: Decision) -> None:
    payload = statement_of(decision, NAMED).payload
    assert read_named(payload) == NAMED
    assert statement_of(decision, read_named(payload)).payload == payload


def test_each_tag_and_record_has_its_own() -> None:
    others = (
        replace(NAMED, tag="latest"),
        replace(NAMED, record=Digest.of(b"another")),
        replace(NAMED, verifier="https://example.com/other"),
        replace(NAMED, version="9"),
    )
    payloads = {statement_of(ALLOWED, each).payload for each in (NAMED, *others)}
    assert len(payloads) == len(others) + 1


def test_a_tag_that_was_not_decided_has_none() -> None:
    with pytest.raises(ValueError, match="'other'"):
        statement_of(ALLOWED, replace(NAMED, tag="other"))


def test_the_name_of_a_layout_is_as_on_the_command_line() -> None:
    image = replace(ALLOWED.image, registry="oci", repository="out/images")
    assert resource_uri(replace(ALLOWED, image=image), "1.0") == "oci:out/images:1.0"


def test_an_approval_is_a_bundle_that_refers_to_the_image() -> None:
    artifact = signed(JUDGED.image.top.descriptor, ALLOWED, NAMED, key())
    manifest = artifact.manifest
    assert manifest.subject == JUDGED.image.top.descriptor
    assert manifest.artifact_type == bundle.TYPE
    assert [layer.media_type for layer in manifest.layers] == [bundle.TYPE]
    assert manifest.annotations[bundle.PREDICATE] == VSA_PREDICATE
    with artifact.blobs[1].open() as stream:
        envelope = bundle.read(stream.read())
    assert envelope.is_signed_by(key().public)
    assert envelope.payload == statement_of(ALLOWED, NAMED).payload


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is no statement"),
        (b'{"predicate":{"verifier":{}}}', "is no statement"),
        (statement_of(ALLOWED, NAMED).payload.replace(str(RECORD).encode(), b"sha256:x"), "malformed"),
        (statement_of(ALLOWED, NAMED).payload.replace(b'"tag":"1.0"', b'"tag":1'), "which record"),
        (statement_of(ALLOWED, NAMED).payload.replace(b'"tag":"1.0"', b'"tag":""'), "which record"),
    ],
)
def test_what_names_no_record_is_refused(payload: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_named(payload)

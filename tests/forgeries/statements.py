"""What is signed, and by whom: listed keys of another role, repository or time, and the listed one itself."""

from __future__ import annotations

from typing import Any

from pushpolicy.records.statement import DECISION_PREDICATE, VSA_PREDICATE
from pushpolicy.signing.verify import IN_TOTO, POLICY_STATEMENT
from tests.forgeries.envelopes import HOSTILE, put, replaced, restated
from tests.forgeries.scene import Attack, Row, Scene, Value
from tests.forgery import Change, Parts, parts_of
from tests.keys import entry

PREDICATE = "predicate"


def other(role: str = "decide", **fields: Any) -> dict[str, Any]:
    """The listed keys: that of the decisions, and another one."""
    return {"ci": entry(), "other": entry("other", role, **fields)}


def _predicate(**fields: Any) -> Value:
    return lambda statement: statement[PREDICATE].update(fields)


def _own(**fields: Any) -> Value:
    return lambda statement: statement[PREDICATE][DECISION_PREDICATE].update(fields)


def _two_subjects(statement: dict[str, Any]) -> None:
    statement["subject"] *= 2


def _sha512(statement: dict[str, Any]) -> None:
    statement["subject"][0]["digest"]["sha512"] = "0" * 128


def _other_subject(statement: dict[str, Any]) -> None:
    statement["subject"][0]["digest"]["sha256"] = "0" * 64


def _of_another_tool(statement: dict[str, Any]) -> None:
    statement |= {"predicateType": "https://cyclonedx.org/bom", PREDICATE: {"bomFormat": "CycloneDX"}}


def _by_hand(statement: dict[str, Any]) -> None:
    """A verification summary as its specification has it, which some other program made."""
    del statement[PREDICATE][DECISION_PREDICATE]


def _about_the_other(scene: Scene) -> None:
    """About the record of the image that the tag named before, beside this one."""
    old = parts_of(scene.client, scene.old[1]).decision
    record = scene.old[1].digest
    scene.restate(decision=old, statement=_own(record=str(record)))


def _softened(change: Change) -> Attack:
    """A decision that is no approval, signed as one."""
    as_one = put(predicateType=VSA_PREDICATE)
    return lambda scene: scene.forge(change, kind=IN_TOTO, statement=as_one)


def _decision(**fields: Any) -> Change:
    return lambda parts: parts.decision.update(fields)


def _of_policy(**fields: Any) -> Change:
    return lambda parts: parts.decision["policy"].update(fields)


def _delegated(parts: Parts) -> None:
    engine = parts.decision["engine"]
    del engine["digest"]
    engine |= {"hermeticity": "delegated", "server": "https://opa.example"}


ROWS = {
    "a key that is not listed": Row(attack=restated(signer="other"), says="is signed by no listed key (ci)"),
    "the key of the policies": Row(
        attack=restated(signer="other"),
        keys=other("policy"),
        says="key other, whose role is policy, not decide",
    ),
    "the key of vex documents": Row(
        attack=restated(signer="other"), keys=other("vex"), says="key other, whose role is vex, not decide"
    ),
    "the key of provenance": Row(
        attack=restated(signer="other"),
        keys=other("provenance"),
        says="key other, whose role is provenance, not decide",
    ),
    "the key of waivers": Row(
        attack=restated(signer="other"),
        keys=other("waiver"),
        says="key other, whose role is waiver, not decide",
    ),
    "the key of another registry": Row(
        attack=restated(signer="other"),
        keys=other(repositories=["other.example/**"]),
        says="key other, which counts for other.example/**, not for",
    ),
    "the key of another layout": Row(
        attack=restated(signer="other"),
        keys=other(repositories=["oci:/srv/staging"]),
        says="key other, which counts for oci:/srv/staging, not for",
    ),
    "a key that counts later": Row(
        attack=restated(),
        keys={"ci": entry(not_before="2099-01-01T00:00:00Z")},
        says="which counts from 2099-01-01T00:00:00Z on",
    ),
    "a key that was retired before": Row(
        attack=restated(),
        keys={"ci": entry(not_after="2020-01-01T00:00:00Z")},
        says="and the key ci counted until 2020-01-01T00:00:00Z",
    ),
    "another verifier than the key is of": Row(
        attack=restated(),
        keys={"ci": entry(verifier="https://other")},
        says="and the key ci is that of https://other",
    ),
    "a verifier with a command": Row(
        attack=restated(verifier=HOSTILE),
        keys={"ci": entry(verifier="https://here")},
        says="and the key ci is that of https://here",
    ),
    "the payload type of policies": Row(
        attack=restated(kind=POLICY_STATEMENT), says=f"is signed as {POLICY_STATEMENT}, not as"
    ),
    "a payload type that nobody knows": Row(
        attack=restated(kind="text/plain"), says="is signed as text/plain, not as"
    ),
    "an approval, signed as a decision that is none": Row(
        attack=restated(kind="application/vnd.pushpolicy.decision+json"),
        says="is signed as application/vnd.pushpolicy.decision+json, and its record (an approval) makes it",
    ),
    "an approval, signed as a denial": Row(
        attack=restated(kind="application/vnd.pushpolicy.denial+json"),
        says="is signed as application/vnd.pushpolicy.denial+json, and its record (an approval) makes it",
    ),
    "two subjects": Row(attack=restated(statement=_two_subjects), says="than its record: subject[1]"),
    "a digest of another algorithm beside": Row(
        attack=restated(statement=_sha512), says="than its record: subject[0].digest.sha512"
    ),
    "a statement about another digest": Row(
        attack=restated(statement=_other_subject), says="than its record: subject[0].digest.sha256"
    ),
    "no subject": Row(attack=restated(statement=put(subject=[])), says="than its record: subject[0]"),
    "another type of statement": Row(
        attack=restated(statement=put(_type="https://in-toto.io/Statement/v0.1")),
        says="than its record: _type",
    ),
    "another type of predicate": Row(
        attack=restated(statement=put(predicateType=DECISION_PREDICATE)),
        says="than its record: predicateType",
    ),
    "a statement with a field more": Row(
        attack=restated(statement=put(more=1)), says="than its record: more"
    ),
    "a predicate with a field more": Row(
        attack=restated(statement=_predicate(dependencyLevels={})), says="than its record: predicate.depend"
    ),
    "a predicate that failed": Row(
        attack=restated(statement=_predicate(verificationResult="FAILED")),
        says="than its record: predicate.verificationResult",
    ),
    "a level that was not verified": Row(
        attack=restated(statement=_predicate(verifiedLevels=["PUSHPOLICY_ALLOWED", "SLSA_BUILD_LEVEL_3"])),
        says="than its record: predicate.verifiedLevels[1]",
    ),
    "another resource": Row(
        attack=restated(statement=_predicate(resourceUri="oci://registry.example/prod:1")),
        says="than its record: predicate.resourceUri",
    ),
    "another time": Row(
        attack=restated(statement=_predicate(timeVerified="2026-01-01T00:00:00Z")),
        says="than its record: predicate.timeVerified",
    ),
    "another policy": Row(
        attack=restated(statement=_predicate(policy={})), says="than its record: predicate.policy.digest"
    ),
    "other inputs": Row(
        attack=restated(statement=_predicate(inputAttestations=[])),
        says="than its record: predicate.inputAttestations[0]",
    ),
    "another verdict in the statement": Row(
        attack=restated(statement=_own(verdict="DENY")),
        says=f"than its record: predicate.{DECISION_PREDICATE}.verdict",
    ),
    "evidence of another decision in the statement": Row(
        attack=restated(statement=_own(evidence=f"sha256:{'0' * 64}")),
        says=f"than its record: predicate.{DECISION_PREDICATE}.evidence",
    ),
    "a field with a command for its name": Row(
        attack=restated(statement=put(**{HOSTILE: 1})), says="than its record: \\x1b[2J"
    ),
    "a long s in a name": Row(
        attack=restated(statement=put(**{"\u017fubject": []})), says="than its record: \u017fubject"
    ),
    "a statement that is not canonical": Row(
        attack=restated(payload=lambda content: b" " + content), says="than its record: its bytes"
    ),
    "a statement with a key twice": Row(
        attack=restated(payload=lambda content: b'{"predicate":{},' + content[1:]),
        says="by the key ci, and has the key 'predicate', which occurs twice",
    ),
    "bytes behind a statement": Row(
        attack=restated(payload=lambda content: content + b"x"), says="by the key ci, and is not JSON: Extra"
    ),
    "a statement nested deeply": Row(
        attack=restated(payload=replaced(b"{", b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b",")),
        says="by the key ci, and is not JSON that is nested",
    ),
    "a statement that is text": Row(
        attack=restated(payload=lambda _: b"ALLOW"), says="by the key ci, and is not JSON: Expecting"
    ),
    "a statement that is a list": Row(
        attack=restated(payload=lambda content: b"[%b]" % content),
        says="by the key ci, and is no statement of pushpolicy",
    ),
    "another tool's predicate": Row(
        attack=restated(statement=_of_another_tool), says="by the key ci, and is no statement of pushpolicy"
    ),
    "a verification summary made by hand": Row(
        attack=restated(statement=_by_hand), says="by the key ci, and is no statement of pushpolicy"
    ),
    "a statement about a record of no digest": Row(
        attack=restated(statement=_own(record="main")), says="'main'"
    ),
    "a statement about a record that is not there": Row(
        attack=restated(statement=_own(record=f"sha256:{'1' * 64}")),
        says=f"there is no record sha256:{'1' * 64}",
    ),
    "a statement without a tag": Row(
        attack=restated(statement=_own(tag="")), says="does not say which record it is about"
    ),
    "a tag of nine thousand letters": Row(
        attack=restated(statement=_own(tag="x" * 9000)), says="does not say which record it is about"
    ),
    "a statement about a tag that was not decided": Row(
        attack=restated(statement=_own(tag="production")),
        says="is about the tag 'production', and its decision is not",
    ),
    "a tag with a command in the statement": Row(
        attack=restated(statement=_own(tag=HOSTILE)), says="is about the tag '\\x1b[2J"
    ),
    "a statement about the image before": Row(
        attack=_about_the_other, says="is of another image than it is listed with"
    ),
    "what was not anchored, signed as an approval": Row(
        attack=_softened(_of_policy(anchored=False, not_anchored=["x"])),
        says="its record (not anchored) makes",
    ),
    "what was observed, signed as an approval": Row(
        attack=_softened(_decision(observed=True)), says="its record (observed only) makes"
    ),
    "what was loosened, signed as an approval": Row(
        attack=_softened(_decision(loosened=["x"])), says="its record (loosened) makes"
    ),
    "what was delegated, signed as an approval": Row(
        attack=_softened(_delegated), says="its record (delegated) makes"
    ),
    "what was denied, signed as an approval": Row(
        attack=_softened(_decision(verdict="DENY")), says="its record (DENY) makes"
    ),
}

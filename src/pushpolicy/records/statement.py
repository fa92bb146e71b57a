"""What is signed about a decision: one in-toto Statement v1 for each tag, computed from the record alone.

An anchored, enforced ALLOW that this machine's OPA gave is a SLSA Verification Summary Attestation v1, which
others take for an approval. Every other decision is signed under payload types of our own, which no other
program takes for one.

Law: a statement says nothing that its record does not say. A reader takes from it which record it is about,
reads that, computes the statement again, and compares the bytes.
Sources: in-toto/attestation, spec/v1/statement.md; slsa.dev/spec/v1.2/verification_summary; cosign's
BUNDLE_SPEC.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from pushpolicy.model import canonical, strict_json
from pushpolicy.model.decision import Decision, PolicyIdentity
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import EMPTY_CONTENT, EMPTY_TYPE, OCI_MANIFEST, Manifest, written_artifact
from pushpolicy.model.reference import LAYOUT_REGISTRY
from pushpolicy.records import format as names
from pushpolicy.registry.interface import Artifact, Blob
from pushpolicy.signing import bundle, dsse
from pushpolicy.signing.keys import Signer
from pushpolicy.signing.verify import DECISION_STATEMENT, DENIAL_STATEMENT, IN_TOTO

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
VSA_PREDICATE = "https://slsa.dev/verification_summary/v1"
DECISION_PREDICATE = "https://pushpolicy.dev/decision/v1"
# Who verified, where the trust file gives the key no id of its own.
VERIFIER = "https://pushpolicy.dev/verifier/v1"
_SLSA_VERSION = "1.2"
LEVEL = "PUSHPOLICY_ALLOWED"
_MAX_TEXT = 8192


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader takes from a statement: which record it is about, and what that does not say.

    Attributes:
        record: the digest of the record's manifest.
        tag: the one it is about.
        verifier: the id of who verified.
        version: of pushpolicy.
    """

    record: Digest
    tag: str
    verifier: str
    version: str


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement before it is signed.

    Attributes:
        payload: canonical JSON; the bytes that are signed.
        predicate_type: a URI.
    """

    payload_type: str
    predicate_type: str
    payload: bytes


def is_approval(decision: Decision) -> bool:
    """Whether others may take it for an approval: anchored, enforced, locally evaluated, and an ALLOW."""
    return why_no_approval(decision) is None


def why_no_approval(decision: Decision) -> str | None:
    """The first reason for which others may not take it for an approval; None where they may."""
    reasons = {
        decision.verdict.value: not decision.allowed,
        "observed only": decision.observed,
        "delegated": decision.engine.is_delegated,
        "loosened": bool(decision.loosened),
        "not anchored": not decision.policy.anchored,
    }
    return next((reason for reason, is_so in reasons.items() if is_so), None)


def resource_uri(decision: Decision, tag: str) -> str:
    """What a consumer compares with where it takes the image from: ``oci://REGISTRY/REPOSITORY:TAG``.

    That of a layout is ``oci:DIR:TAG``, as on the command line.
    """
    return f"{_repository_uri(decision)}:{tag}"


def _repository_uri(decision: Decision) -> str:
    image = decision.image
    if image.registry == LAYOUT_REGISTRY:
        return f"{LAYOUT_REGISTRY}:{image.repository}"
    return f"oci://{image.registry}/{image.repository}"


def statement_of(decision: Decision, named: Named) -> Statement:
    """The statement about one tag of a decision.

    Raises:
        ValueError: when the decision is not about this tag.
    """
    if named.tag not in decision.image.tags:
        raise ValueError(f"is about the tag {named.tag[:128]!r}, and its decision is not")
    approves = is_approval(decision)
    predicate_type = VSA_PREDICATE if approves else DECISION_PREDICATE
    payload_type = IN_TOTO if approves else DECISION_STATEMENT if decision.allowed else DENIAL_STATEMENT
    verdict = {"verificationResult": "PASSED", "verifiedLevels": [LEVEL], "slsaVersion": _SLSA_VERSION}
    predicate = {**_predicate(decision, named), **(verdict if approves else {})}
    return about(decision, payload_type, predicate_type, predicate)


def about(
    decision: Decision,
    payload_type: str,
    predicate_type: str,
    predicate: Mapping[str, Any],
    annotations: Mapping[str, Any] | None = None,
) -> Statement:
    """A statement about the image of a decision; the annotations are those of its subject."""
    image = decision.image
    subject = {"name": f"{image.registry}/{image.repository}", "digest": _digest_set(image.digest)}
    value = {
        "_type": STATEMENT_TYPE,
        "subject": [{**subject, **({"annotations": annotations} if annotations else {})}],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    return Statement(
        payload_type=payload_type, predicate_type=predicate_type, payload=canonical.encode(value)
    )


def _predicate(decision: Decision, named: Named) -> dict[str, Any]:
    policy = decision.policy
    return {
        "verifier": {
            "id": named.verifier,
            "version": {"pushpolicy": named.version, decision.engine.name: decision.engine.version},
        },
        "timeVerified": decision.evaluated_at,
        "resourceUri": resource_uri(decision, named.tag),
        "policy": policy_descriptor(policy),
        "inputAttestations": [
            {"uri": f"{_repository_uri(decision)}@{named.record}", "digest": _digest_set(named.record)},
        ],
        # A field of another's format is named by a URI (verification_summary, "Parsing rules").
        DECISION_PREDICATE: {
            "verdict": names.OBSERVED if decision.observed else decision.verdict.value,
            "anchored": policy.anchored,
            "hermeticity": decision.engine.hermeticity,
            "loosened": bool(decision.loosened),
            "tag": named.tag,
            "record": str(named.record),
            "decision": str(decision.document().digest),
            "evidence": str(decision.evidence),
        },
    }


def policy_descriptor(policy: PolicyIdentity) -> dict[str, Any]:
    """The policy set as a ResourceDescriptor."""
    return {"uri": _policy_uri(policy.source), "digest": _digest_set(policy.digest)}


def _policy_uri(source: str) -> str:
    """A policy artifact is named by where it is; a folder, or the pack, by a scheme of our own."""
    return source if source.startswith("oci://") else f"pushpolicy:{quote(source)}"


def _digest_set(digest: Digest) -> Mapping[str, str]:
    return {digest.algorithm: digest.hex}


def read_named(payload: bytes) -> Named:
    """Which record a statement is about. It counts only as far as `statement_of` gives the same bytes.

    Args:
        payload: what was signed; the signature was verified.

    Raises:
        ValueError: when it is no statement of pushpolicy; the message reads on after its name.
    """
    value = strict_json.read(payload)
    predicate = value.get("predicate") if isinstance(value, dict) else None
    verifier = predicate.get("verifier") if isinstance(predicate, dict) else None
    decision = predicate.get(DECISION_PREDICATE) if isinstance(predicate, dict) else None
    version = verifier.get("version") if isinstance(verifier, dict) else None
    if not (isinstance(verifier, dict) and isinstance(decision, dict) and isinstance(version, dict)):
        raise ValueError("is no statement of pushpolicy about a decision")
    said = (decision.get("record"), decision.get("tag"), verifier.get("id"), version.get("pushpolicy"))
    texts = [text for text in said if isinstance(text, str) and 0 < len(text) <= _MAX_TEXT]
    if len(texts) != len(said):
        raise ValueError("does not say which record it is about")
    record, tag, who, program = texts
    return Named(record=Digest.parse(record), tag=tag, verifier=who, version=program)


def signed(subject: Descriptor, decision: Decision, named: Named, signer: Signer) -> Artifact:
    """A statement, signed, as what is attached to the image beside its record.

    Raises:
        SigningError: when the signer gives no signature.
    """
    return sign(subject, statement_of(decision, named), named.record, decision.evaluated_at, signer)


def sign(subject: Descriptor, statement: Statement, record: Digest, at: str, signer: Signer) -> Artifact:
    """What is attached to an image: a statement about it, signed.

    Args:
        subject: the image.
        statement: about it.
        record: what the statement is taken from.
        at: when that was decided.
        signer: what signs.

    Raises:
        SigningError: when the signer gives no signature.
    """
    envelope = dsse.sign(statement.payload_type, statement.payload, signer)
    content, kind = envelope, dsse.MEDIA_TYPE
    artifact_type = names.STATEMENT_TYPE
    annotations = {names.CREATED: at, names.RECORD: str(record)}
    if statement.payload_type == IN_TOTO:
        artifact_type = kind = bundle.TYPE
        content = bundle.write(envelope, signer.public)
        annotations[bundle.CONTENT] = bundle.DSSE_CONTENT
        annotations[bundle.PREDICATE] = statement.predicate_type
    layer, config = Blob.of(content, kind), Blob.of(EMPTY_CONTENT, EMPTY_TYPE)
    written = written_artifact(artifact_type, [layer.descriptor], annotations, subject)
    manifest = Manifest.parse(written, OCI_MANIFEST)
    return Artifact(name="statement", manifest=manifest, blobs=(config, layer))

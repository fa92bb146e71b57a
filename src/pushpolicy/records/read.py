"""Read records strictly: exact layers, bounded sizes, typed decisions, parts that speak of one decision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from pushpolicy.errors import PushError, RecordError
from pushpolicy.model import canonical
from pushpolicy.model.decision import SCHEMA, Decision
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.manifest import OCI_MANIFEST, Manifest
from pushpolicy.records import format as names
from pushpolicy.records.checks import check_evidence, check_layers, check_manifest, reports_due
from pushpolicy.records.typed import read_typed
from pushpolicy.registry.interface import RepositoryReader


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided, without what it was decided on.

    Attributes:
        digest: of the record's manifest.
        subject: the image.
        layers: evidence, decision, policy, and the raw reports if they were kept.
    """

    digest: Digest
    subject: Descriptor
    decision: Decision
    layers: tuple[Descriptor, ...]

    @property
    def previous(self) -> Mapping[str, Digest]:
        """For each tag that had one, the record before this."""
        return {tag: link.previous for tag, link in self.decision.chain.items() if link.previous}

    @property
    def moment(self) -> datetime:
        """When it was decided."""
        return datetime.fromisoformat(self.decision.evaluated_at)

    @property
    def reports(self) -> tuple[Descriptor, ...]:
        """The raw reports that were kept, compressed; their annotations say what they are."""
        return self.layers[3:]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A whole record: enough to decide again."""

    summary: Summary
    evidence: Document
    policy: bytes

    @property
    def decision(self) -> Decision:
        """What was decided."""
        return self.summary.decision

    @property
    def redacted(self) -> int:
        """How many reports it keeps by their digests alone (``--raw=digest``).

        Evidence and policy are whole, so it is decided again all the same. The evidence has to be valid.
        """
        return 0 if self.summary.reports else len(reports_due(self.evidence))


def read_summary(client: RepositoryReader, digest: Digest, manifest: Manifest | None = None) -> Summary:
    """Read a record's manifest, unless it is given, and decision.

    Raises:
        RecordError: when it is absent, malformed, or contradicts itself.
    """
    manifest = manifest_of(client, digest, manifest)
    try:
        check_layers(manifest)
        content = _content(client, manifest.layers[1], names.MAX_DOCUMENT_SIZE)
        decision = read_decision(_document(content))
        return Summary(
            digest=digest,
            subject=check_manifest(manifest, decision),
            decision=decision,
            layers=manifest.layers,
        )
    except ValueError as error:
        raise _malformed(digest, error) from error


def read_record(
    client: RepositoryReader,
    digest: Digest,
    *,
    manifest: Manifest | None = None,
    images: RepositoryReader | None = None,
) -> Record:
    """Read a record and check that its parts belong together.

    What the policy says of the decision is for `evaluate.recorded_policy` to compute.

    Args:
        client: the repository that has it.
        digest: of its manifest.
        manifest: that manifest, where it was read already.
        images: the repository that its image is in, where that is another one.

    Raises:
        RecordError: when it is absent, malformed, or contradicts itself.
    """
    summary = read_summary(client, digest, manifest)
    try:
        evidence = _document(_content(client, summary.layers[0], names.MAX_DOCUMENT_SIZE))
        check_evidence(evidence, summary.decision, summary.subject)
        _check_subject(images or client, summary.subject)
        policy = _content(client, summary.layers[2], names.MAX_POLICY_SIZE)
    except ValueError as error:
        raise _malformed(digest, error) from error
    return Record(summary=summary, evidence=evidence, policy=policy)


def _check_subject(client: RepositoryReader, subject: Descriptor) -> None:
    """Require that an image that is there is what the record says of it; it may have been removed."""
    try:
        image = client.manifest(subject.digest)
    except PushError as error:
        raise ValueError(f"its image {subject.digest} cannot be read: {error.message}") from error
    if image and (image.media_type, len(image.content)) != (subject.media_type, subject.size):
        raise ValueError("its subject has another size or type than the image has")


def manifest_of(client: RepositoryReader, digest: Digest, manifest: Manifest | None = None) -> Manifest:
    """The manifest of a record; read, unless it is given.

    Raises:
        RecordError: when it cannot be read, or is no record's.
    """
    try:
        manifest = manifest or client.manifest(digest)
    except PushError as error:
        raise RecordError(f"record {digest} cannot be read: {error.message}", error.hint) from error
    if manifest is None:
        raise RecordError(f"there is no record {digest} in {client.repository}")
    if manifest.artifact_type != names.ARTIFACT_TYPE or manifest.media_type != OCI_MANIFEST:
        raise RecordError(f"{digest} in {client.repository} is not a record of pushpolicy")
    return manifest


def _content(client: RepositoryReader, layer: Descriptor, limit: int) -> bytes:
    """The bytes of a layer; the client checks digest and size while it reads."""
    if layer.size > limit:
        raise ValueError(f"a layer of {layer.size} bytes is over the limit of {limit}")
    try:
        return b"".join(client.read_blob(layer))
    except PushError as error:
        raise ValueError(f"layer {layer.digest} cannot be read: {error.message}") from error


def _document(content: bytes) -> Document:
    if canonical.most_values(content) > names.MAX_DOCUMENT_VALUES:
        raise ValueError(f"a document in it may have more than {names.MAX_DOCUMENT_VALUES} values")
    document = Document.read(content)
    if document.content != content:
        raise ValueError("a document in it is not canonical JSON")
    return document


def _malformed(digest: Digest, error: ValueError) -> RecordError:
    return RecordError(
        f"record {digest} is not valid: {error}", "pushpolicy did not write it, or it was changed since"
    )


def read_decision(document: Document) -> Decision:
    """The decision of a document.

    Laws: ``read_decision(decision.document()) == decision``; ``read_decision(document).document()`` is that
    document, also where an older version wrote it with fewer fields.

    Raises:
        ValueError: when a field is absent, unknown or of another type, or the schema is another.
    """
    if document.value.get("schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")
    return read_typed(Decision, document.value, "decision").as_written(document)

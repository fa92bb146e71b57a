"""Build a record completely before anything is pushed, so that a failure here costs nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from pushpolicy.errors import InputError
from pushpolicy.model import canonical
from pushpolicy.model.decision import Decision
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.document import Document
from pushpolicy.model.manifest import EMPTY_CONTENT, EMPTY_TYPE, OCI_MANIFEST, Manifest
from pushpolicy.records import format as names
from pushpolicy.records.contents import Contents, RawReports
from pushpolicy.records.reports import compress_report
from pushpolicy.registry.artifact import Artifact, Blob


class NewRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A finished record that is not in a repository yet.

    Attributes:
        artifact: what is attached; the same contents give the same bytes.
    """

    artifact: Artifact
    evidence: Document
    decision: Decision


@contextmanager
def build_record(contents: Contents) -> Iterator[NewRecord]:
    """Compress, hash and describe everything; temporary files last as long as the context.

    Raises:
        InputError: when a report changed since it was judged or cannot be read, or a size is over the limit.
    """
    with tempfile.TemporaryDirectory(prefix="pushpolicy-record-") as folder:
        layers = (*_documents(contents), *_reports(contents, Path(folder)))
        config = Blob.of(EMPTY_CONTENT, EMPTY_TYPE)
        artifact = Artifact(name="record", manifest=_manifest(contents, layers), blobs=(config, *layers))
        yield NewRecord(artifact=artifact, evidence=contents.evidence, decision=contents.decision)


def _documents(contents: Contents) -> tuple[Blob, ...]:
    blobs = (
        _document(contents.evidence.content, names.EVIDENCE_TYPE, "evidence.json"),
        _document(contents.decision.document().content, names.DECISION_TYPE, "decision.json"),
        _document(contents.policy, names.POLICY_TYPE, "policy.tar.gz"),
    )
    limits = (names.MAX_DOCUMENT_SIZE, names.MAX_DOCUMENT_SIZE, names.MAX_POLICY_SIZE)
    for blob, limit in zip(blobs, limits, strict=True):
        if blob.descriptor.size > limit:
            title = blob.descriptor.annotations[names.TITLE]
            raise InputError(f"{title} of the record has {blob.descriptor.size} bytes; the limit is {limit}")
    for document in (contents.evidence, contents.decision.document()):
        if canonical.most_values(document.content) > names.MAX_DOCUMENT_VALUES:
            raise InputError(
                f"the record would hold a document of more than {names.MAX_DOCUMENT_VALUES} values"
            )
    return blobs


def _document(content: bytes, media_type: str, title: str) -> Blob:
    return Blob.of(content, media_type, {names.TITLE: title})


def _reports(contents: Contents, folder: Path) -> Iterator[Blob]:
    if contents.raw is RawReports.DIGEST:
        return
    if len(contents.reports) > names.MAX_REPORTS:
        raise InputError(f"{len(contents.reports)} reports; one record holds at most {names.MAX_REPORTS}")
    ordered = sorted(contents.reports, key=lambda report: (report.kind, report.name, str(report.digest)))
    for number, report in enumerate(ordered, start=1):
        stored = folder / str(number)
        descriptor = compress_report(report, stored, number)
        yield Blob.stored(descriptor, stored)


def _manifest(contents: Contents, layers: tuple[Blob, ...]) -> Manifest:
    subject = contents.subject
    previous = {names.PREVIOUS + tag: str(digest) for tag, digest in contents.previous.items()}
    annotations = {**summary_annotations(contents.decision), **previous}
    try:
        content = written(subject, [layer.descriptor for layer in layers], annotations)
        return Manifest.parse(content, OCI_MANIFEST)
    except ValueError as error:
        raise InputError(f"the record cannot be described: {error}", "try --raw=digest") from error


def written(subject: Descriptor, layers: Iterable[Descriptor], annotations: Mapping[str, str]) -> bytes:
    """The manifest of a record as it is written; also what a reader holds one against."""
    value: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": names.ARTIFACT_TYPE,
        "config": names.EMPTY_CONFIG.to_json(),
        "layers": [layer.to_json() for layer in layers],
        "subject": {"mediaType": subject.media_type, "digest": str(subject.digest), "size": subject.size},
        "annotations": dict(annotations),
    }
    return canonical.encode(value)


def summary_annotations(decision: Decision) -> Mapping[str, str]:
    """What a list of referrers shows of a decision without reading it; also what a reader checks."""
    loosened = {names.LOOSENED: "true"} if decision.loosened else {}
    return {
        names.CREATED: decision.evaluated_at,
        names.VERDICT: names.OBSERVED if decision.observed else decision.verdict.value,
        names.TAGS: ",".join(decision.image.tags),
        names.ANCHORED: "true" if decision.policy.anchored else "false",
        names.POLICY: str(decision.policy.digest),
        **loosened,
    }

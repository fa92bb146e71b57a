"""Build a record completely before anything is pushed, so that a failure here costs nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec

from pushpolicy.errors import InputError
from pushpolicy.model import canonical
from pushpolicy.model.decision import Decision
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.document import Document
from pushpolicy.model.manifest import EMPTY_CONTENT, OCI_MANIFEST, Manifest
from pushpolicy.records import format as names
from pushpolicy.records.contents import Contents, RawReports
from pushpolicy.records.reports import compress_report
from pushpolicy.registry.interface import OpenBlob, Settle


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """One blob of a record and how to open it."""

    descriptor: Descriptor
    open: OpenBlob

    @classmethod
    def of(cls, content: bytes, media_type: str, title: str) -> Blob:
        """A blob held in memory."""
        descriptor = Descriptor.of(content, media_type, annotations={names.TITLE: title})
        return cls(descriptor=descriptor, open=lambda: BytesIO(content))

    @classmethod
    def stored(cls, descriptor: Descriptor, path: Path) -> Blob:
        """A blob held in a file."""
        return cls(descriptor=descriptor, open=lambda: path.open("rb"))


class NewRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A finished record that is not in a repository yet.

    Attributes:
        manifest: its exact bytes; the same contents give the same bytes.
        blobs: what has to be there before the manifest, the empty config among them.
    """

    manifest: Manifest
    subject: Descriptor
    evidence: Document
    decision: Decision
    blobs: tuple[Blob, ...]


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is in the repository as a referrer of its image.

    Attributes:
        settle: see `RepositoryClient.put_referrer`.
    """

    record: NewRecord
    settle: Settle

    @property
    def descriptor(self) -> Descriptor:
        """The record's own descriptor."""
        return self.record.manifest.descriptor


@contextmanager
def build_record(contents: Contents) -> Iterator[NewRecord]:
    """Compress, hash and describe everything; temporary files last as long as the context.

    Raises:
        InputError: when a report changed since it was judged or cannot be read, or a size is over the limit.
    """
    with tempfile.TemporaryDirectory(prefix="pushpolicy-record-") as folder:
        layers = (*_documents(contents), *_reports(contents, Path(folder)))
        manifest = _manifest(contents, layers)
        config = Blob(descriptor=names.EMPTY_CONFIG, open=lambda: BytesIO(EMPTY_CONTENT))
        yield NewRecord(
            manifest=manifest,
            subject=contents.subject,
            evidence=contents.evidence,
            decision=contents.decision,
            blobs=(config, *layers),
        )


def _documents(contents: Contents) -> tuple[Blob, ...]:
    blobs = (
        Blob.of(contents.evidence.content, names.EVIDENCE_TYPE, "evidence.json"),
        Blob.of(contents.decision.document().content, names.DECISION_TYPE, "decision.json"),
        Blob.of(contents.policy, names.POLICY_TYPE, "policy.tar.gz"),
    )
    limits = (names.MAX_DOCUMENT_SIZE, names.MAX_DOCUMENT_SIZE, names.MAX_POLICY_SIZE)
    for blob, limit in zip(blobs, limits, strict=True):
        if blob.descriptor.size > limit:
            title = blob.descriptor.annotations[names.TITLE]
            raise InputError(f"{title} of the record has {blob.descriptor.size} bytes; the limit is {limit}")
    return blobs


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
    value: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": names.ARTIFACT_TYPE,
        "config": names.EMPTY_CONFIG.to_json(),
        "layers": [layer.descriptor.to_json() for layer in layers],
        "subject": {"mediaType": subject.media_type, "digest": str(subject.digest), "size": subject.size},
        "annotations": {**summary_annotations(contents.decision), **_previous(contents)},
    }
    try:
        return Manifest.parse(canonical.encode(value), OCI_MANIFEST)
    except ValueError as error:
        raise InputError(f"the record cannot be described: {error}", "try --raw=digest") from error


def _previous(contents: Contents) -> Mapping[str, str]:
    return {names.PREVIOUS + tag: str(digest) for tag, digest in contents.previous.items()}


def summary_annotations(decision: Decision) -> Mapping[str, str]:
    """What a list of referrers shows of a decision without reading it; also what a reader checks."""
    return {
        names.CREATED: decision.evaluated_at,
        names.VERDICT: decision.verdict.value,
        names.TAGS: ",".join(decision.image.tags),
        names.ANCHORED: "true" if decision.policy.anchored else "false",
        names.POLICY: str(decision.policy.digest),
    }

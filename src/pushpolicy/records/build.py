"""Build a record completely before anything is pushed, so that a failure here costs nothing."""

from __future__ import annotations

import gzip
import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from pushpolicy.errors import InputError
from pushpolicy.files import NotRegularError, open_regular
from pushpolicy.model import canonical
from pushpolicy.model.decision import Decision, RuleStatus
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.manifest import EMPTY_CONTENT, EMPTY_TYPE, OCI_MANIFEST, Manifest, written_artifact
from pushpolicy.model.text import first_of, printable
from pushpolicy.records import format as names
from pushpolicy.registry.interface import Artifact, Blob

_CHUNK = 1024 * 1024
# The level is part of the format: another one gives other bytes for the same report.
_LEVEL = 6
_NOT_IN_TITLES = re.compile(r"[^A-Za-z0-9._-]+")


class RawReports(StrEnum):
    """What is kept of the files the evidence was read from."""

    KEEP = "keep"
    DIGEST = "digest"


class RawReport(Protocol):
    """A file that was judged; `digest` and `size` are those of the bytes that gather read."""

    @property
    def name(self) -> str:
        """The name the evidence gives it."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def kind(self) -> str:
        """The kind of evidence it holds."""

    @property
    def format(self) -> str:
        """The format it was read as."""

    @property
    def digest(self) -> Digest:
        """Of the bytes that were judged."""

    @property
    def size(self) -> int:
        """Bytes that were judged."""

    @property
    def media_type(self) -> str:
        """The media type of the format."""


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one record holds.

    Attributes:
        subject: the top manifest or index of the image.
        policy: the bundle of the policy set that decided.
        reports: the files that were judged.
        raw: whether the files themselves are kept.
    """

    subject: Descriptor
    evidence: Document
    decision: Decision
    policy: bytes
    reports: tuple[RawReport, ...] = ()
    raw: RawReports = RawReports.KEEP


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
        descriptor = _compress(report, stored, number)
        yield Blob.stored(descriptor, stored)


def _manifest(contents: Contents, layers: tuple[Blob, ...]) -> Manifest:
    described, annotations = [layer.descriptor for layer in layers], summary_annotations(contents.decision)
    try:
        content = written(contents.subject, described, annotations)
        return Manifest.parse(content, OCI_MANIFEST)
    except ValueError as error:
        raise InputError(f"the record cannot be described: {error}", "try --raw=digest") from error


def written(subject: Descriptor, layers: Iterable[Descriptor], annotations: Mapping[str, str]) -> bytes:
    """The manifest of a record as it is written; also what a reader holds one against."""
    return written_artifact(names.ARTIFACT_TYPE, layers, annotations, subject)


def summary_annotations(decision: Decision) -> Mapping[str, str]:
    """What a list of referrers shows of a decision without reading it; also what a reader checks.

    The words are part of the format: a reader requires the same.
    """
    verdict = names.OBSERVED if decision.observed else decision.verdict.value
    loosened = {names.LOOSENED: "true"} if decision.loosened else {}
    chain = decision.chain.items()
    return {
        names.CREATED: decision.evaluated_at,
        names.TITLE: f"pushpolicy record: {verdict}",
        names.DESCRIPTION: _description(decision, verdict),
        names.VERDICT: verdict,
        names.TAGS: ",".join(decision.image.tags),
        names.ANCHORED: "true" if decision.policy.anchored else "false",
        names.POLICY: str(decision.policy.digest),
        **loosened,
        **{names.SEQUENCE + tag: str(link.sequence) for tag, link in chain},
        **{names.PREVIOUS + tag: str(link.previous) for tag, link in chain if link.previous},
    }


def _description(decision: Decision, verdict: str) -> str:
    """In a few words, for people who look at the page of a registry; of nothing but ASCII."""
    counts = Counter(rule.status for rule in decision.rules)
    rules = ", ".join(f"{counts[each]} {each.value.replace('_', ' ')}" for each in RuleStatus if counts[each])
    anchored = "anchored" if decision.policy.anchored else "not anchored"
    loosened = ", loosened by the judged checkout" if decision.loosened else ""
    said = f"{verdict} for {first_of(decision.image.tags, 2)}. Rules: {rules}. Policy: {anchored}{loosened}."
    return f"{said} `pushpolicy audit show` tells what of it was checked."


def _compress(report: RawReport, stored: Path, number: int) -> Descriptor:
    """Read a raw report again, write it compressed to `stored` and describe it as a layer.

    Args:
        report: the file, with the digest of the bytes that were judged.
        stored: where to write.
        number: its place among the reports, which makes its title unique.

    Raises:
        InputError: when it cannot be read, or has other bytes than those that were judged.
    """
    judged = hashlib.new(report.digest.algorithm)
    try:
        # No file name and no time in the header: the same report gives the same bytes.
        with (
            open_regular(report.path) as source,
            stored.open("wb") as target,
            gzip.GzipFile("", "wb", _LEVEL, target, mtime=0) as compressed,
        ):
            while (chunk := source.read(_CHUNK)) and source.tell() <= report.size:
                judged.update(chunk)
                compressed.write(chunk)
    except NotRegularError as error:
        raise InputError(
            f"report {_shown(report)} cannot be read again: it is not a regular file any more"
        ) from error
    except OSError as error:
        raise InputError(f"report {_shown(report)} cannot be read again: {error.strerror}") from error
    if chunk or judged.hexdigest() != report.digest.hex:
        raise InputError(
            f"report {_shown(report)} changed since it was judged",
            "let nothing write to reports while pushpolicy runs; nothing was pushed",
        )
    return _describe(report, stored, number)


def _describe(report: RawReport, stored: Path, number: int) -> Descriptor:
    with stored.open("rb") as stream:
        digest = Digest("sha256", hashlib.file_digest(stream, "sha256").hexdigest())
    # A file name that is safe wherever `oras pull` writes it.
    title = _NOT_IN_TITLES.sub("-", report.path.name).strip(".-")[:100] or "report"
    return Descriptor(
        media_type=names.REPORT_TYPE,
        digest=digest,
        size=stored.stat().st_size,
        annotations={
            names.TITLE: f"reports/{number:03}-{title}.gz",
            names.REPORT_NAME: printable(report.name),
            names.REPORT_KIND: report.kind,
            names.REPORT_FORMAT: report.format,
            names.REPORT_MEDIA_TYPE: report.media_type,
            names.REPORT_DIGEST: str(report.digest),
            names.REPORT_SIZE: str(report.size),
        },
    )


def _shown(report: RawReport) -> str:
    return printable(str(report.path))

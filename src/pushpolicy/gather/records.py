"""Earlier decisions as evidence: those about this image at its source, and those of what the tags name now.

Only what a listed key (trust.yaml, role decide) signed is read; of the rest no more is known than that it is
there. Where no such key is listed, nothing is looked for. A signature counts as in `records.signed`: the
statement is computed from the record again, so that what stands here is what was signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from pushpolicy.errors import PushError, RecordError
from pushpolicy.gather.request import GatherRequest
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import EarlierRecord, RecordedFinding, RecordsEvidence, Status
from pushpolicy.model.text import printable
from pushpolicy.registry.interface import RepositoryClient

if TYPE_CHECKING:
    from pushpolicy.model.manifest import Manifest
    from pushpolicy.records.read import Record
    from pushpolicy.records.signed import Statements, Trusted, Vouched

_MAX_READ = 10  # of one image, the newest
_MAX_REASON = 400
_MALFORMED = (AttributeError, KeyError, TypeError, ValueError)


def evidence(request: GatherRequest) -> RecordsEvidence:
    """What is known of earlier decisions."""
    if not any(key.role == "decide" for key in request.job.keys.values()):
        return RecordsEvidence(status=Status.COLLECTED)
    problems = [request.previous.unknown] if request.previous.unknown else []
    items, before, older = tuple[EarlierRecord, ...](), list[EarlierRecord](), 0
    try:
        if source := request.source:
            items, older = _about(request.image.top.digest, request.records or source, source, request)
        named = {
            tag: digest for tag, digest in request.previous.digests.items() if tag in request.target.tags
        }
        for image in dict.fromkeys(named.values()):
            found, _ = _about(image, request.records or request.client, request.client, request)
            tags = [tag for tag, digest in named.items() if digest == image]
            before += [newest for tag in tags if (newest := _newest(found, tag))]
    except (PushError, RecordError) as error:
        problems.append(printable(error.message, _MAX_REASON))
    many = sum(len(each.findings or ()) for each in (*items, *before))
    if many > request.job.limits.max_findings:
        problems.append(f"their {many} findings are over the limit of {request.job.limits.max_findings}")
    if problems:
        return RecordsEvidence(status=Status.FAILED, reason="; ".join(problems))
    return RecordsEvidence(status=Status.COLLECTED, items=items, before=tuple(before), older=older or None)


def _about(
    image: Digest, kept_in: RepositoryClient, images: RepositoryClient, request: GatherRequest
) -> tuple[tuple[EarlierRecord, ...], int]:
    """The records about an image, the newest first; and how many older ones were not read.

    Args:
        image: their subject.
        kept_in: the repository that has them.
        images: the repository that they have to be about.
        request: for its keys and its time.

    Raises:
        PushError: when what is listed with the image cannot be read.
        RecordError: when more is listed than is read.
    """
    from pushpolicy.records.signed import Trusted, statements

    keys = {
        name: key
        for name, key in request.job.keys.items()
        if key.role == "decide" and key.covers(images.repository)
    }
    trusted = Trusted(keys=keys, repository=images.repository, at=request.job.evaluated_at)
    listed = kept_in.referrers(image)
    signed = statements(kept_in, image, trusted, listed)
    if signed.unread:
        raise RecordError(f"{signed.unread} statements that are listed with {image} were not read: too many")
    manifests, refused = _manifests(kept_in, signed)
    newest = sorted(manifests, key=lambda each: (_created(each), str(each.digest)), reverse=True)
    read = [_read(each, signed, kept_in, images, trusted) for each in newest[:_MAX_READ]]
    known = {each.digest for each in (*read, *refused)}
    unsigned = sorted(set(_unsigned(listed, signed)) - known, key=str)
    refused += [_unverified(digest, _why(signed, digest)) for digest in unsigned]
    return (*read, *refused[:_MAX_READ]), max(len(newest) - _MAX_READ, 0)


def _manifests(kept_in: RepositoryClient, signed: Statements) -> tuple[list[Manifest], list[EarlierRecord]]:
    """The records that listed keys signed something about, and those that are not there."""
    from pushpolicy.records.read import manifest_of

    found, refused = list[Any](), list[EarlierRecord]()
    for digest in dict.fromkeys(each.named.record for each in signed.vouched):
        try:
            found.append(manifest_of(kept_in, digest))
        except RecordError as error:
            refused.append(_unverified(digest, error.message))
    return found, refused


def _unsigned(listed: Sequence[Any], signed: Statements) -> Iterator[Digest]:
    """What is listed as a record, and what something refused says it is about."""
    from pushpolicy.records.format import ARTIFACT_TYPE

    yield from (entry.digest for entry in listed if entry.artifact_type == ARTIFACT_TYPE)
    yield from (each.about for each in signed.refused if each.about)


def _why(signed: Statements, record: Digest) -> str:
    from pushpolicy.signing.keys import SigningError

    try:
        signed.about(record)
    except SigningError as error:
        return f"it {error.message}"
    return "it is not read"


def _created(manifest: Manifest) -> str:
    from pushpolicy.records.format import CREATED

    return manifest.annotations.get(CREATED, "")


def _unverified(digest: Digest, reason: str) -> EarlierRecord:
    return EarlierRecord(digest=digest, verified=False, unverified=printable(reason, _MAX_REASON))


def _read(
    manifest: Manifest,
    signed: Statements,
    kept_in: RepositoryClient,
    images: RepositoryClient,
    trusted: Trusted,
) -> EarlierRecord:
    """What a record says, if it is what was signed."""
    from pushpolicy.records.checks import is_for
    from pushpolicy.records.read import read_record
    from pushpolicy.signing.keys import SigningError

    digest = manifest.digest
    try:
        record = read_record(kept_in, digest, manifest=manifest, images=images)
        if record.decision.image.digest != signed.image:
            return _unverified(digest, "it is about another image than it is listed with")
        if is_for(record.decision, trusted.repository) is False:
            return _unverified(digest, f"it is for another repository than {trusted.repository}")
        vouched = [each for each in signed.vouched if each.named.record == digest]
        for each in vouched:
            each.check(record.decision)
        counting = [each for each in vouched if each.retired is None]
        if not counting:
            over = vouched[0]
            return _unverified(digest, f"the key {over.key} counts no more since {over.retired}")
        return _told(record, counting)
    except SigningError as error:
        return _unverified(digest, f"what is signed about it {error.message}")
    except RecordError as error:
        return _unverified(digest, error.message)
    except _MALFORMED:
        return _unverified(digest, "its evidence does not have the form of evidence")


def _told(record: Record, vouched: Sequence[Vouched]) -> EarlierRecord:
    from pushpolicy.records.format import OBSERVED
    from pushpolicy.records.statement import is_approval

    decision, value = record.decision, record.evidence.value
    tags = tuple(sorted({each.named.tag for each in vouched}))
    at = decision.evaluated_at
    return EarlierRecord(
        digest=record.summary.digest,
        verified=True,
        verified_by=vouched[0].key,
        verifier=vouched[0].named.verifier,
        registry=decision.image.registry,
        repository=decision.image.repository,
        tags=tags,
        sequence={tag: decision.chain[tag].sequence for tag in tags if tag in decision.chain},
        verdict=OBSERVED if decision.observed else decision.verdict.value,
        anchored=decision.policy.anchored,
        approved=is_approval(decision),
        waived=len(decision.waived),
        at=at,
        root_at=_root_at(at, value),
        findings=tuple(dict.fromkeys(_findings(value))),
        coverage=_coverage(value),
    )


def _root_at(at: str, evidence: Mapping[str, Any]) -> str | None:
    """When the image was last judged by tests and scans of its own; a promotion has none, and names it."""
    if all(evidence[kind]["status"] == Status.COLLECTED for kind in ("tests", "scans")):
        return at
    earlier = evidence.get("records", {}).get("items", ())
    roots = [each["root_at"] for each in earlier if each["verified"] is True and "root_at" in each]
    return min(roots, key=datetime.fromisoformat, default=None)


def _findings(evidence: Mapping[str, Any]) -> Iterator[RecordedFinding]:
    for scan in evidence["scans"].get("items", ()):
        for finding in scan["findings"]:
            names = dict.fromkeys((finding["id"], *finding.get("aliases", ())))
            yield RecordedFinding(
                names=tuple(names), package=finding.get("package"), severity=finding["severity"]
            )


def _coverage(evidence: Mapping[str, Any]) -> float:
    percent = evidence["tests"].get("coverage", {}).get("percent")
    return percent if isinstance(percent, int | float) else 0


def _newest(records: Sequence[EarlierRecord], tag: str) -> EarlierRecord | None:
    """The verified record of a tag that has the highest number, and of these the latest."""
    found = [each for each in records if each.verified and tag in (each.tags or ())]
    newest = max(found, key=lambda each: ((each.sequence or {}).get(tag, 0), each.at or ""), default=None)
    return replace(newest, tag=tag) if newest else None

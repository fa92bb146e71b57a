"""Step 1: what do we know? Everything about the image, its origin and its checks, in one document.

`gather` reads the image's facts, git, the CI context, test and scan reports, the credential and what the
user adds, and decides nothing: what is absent is `missing`, what cannot be read is `failed`, each with its
reason, and both are facts that a policy sees. `refuse_secrets` is called before any of it is stored.
"""

from __future__ import annotations

from pushpolicy.gather import credentials, extra, git, image
from pushpolicy.gather.ci import evidence as ci
from pushpolicy.gather.collect import collect
from pushpolicy.gather.reports import KINDS
from pushpolicy.gather.request import (
    Expected,
    ExpectedReport,
    Gathered,
    GatherRequest,
    Limits,
    NamedEvidence,
    RawReport,
    Seen,
)
from pushpolicy.gather.scans import evidence as scans
from pushpolicy.gather.secrets import refuse_secrets
from pushpolicy.gather.tests import evidence as tests
from pushpolicy.gather.values import format_time
from pushpolicy.model.evidence import Evidence, Report, TargetEvidence

__all__ = [
    "Expected",
    "ExpectedReport",
    "GatherRequest",
    "Gathered",
    "Limits",
    "NamedEvidence",
    "RawReport",
    "Seen",
    "gather",
    "refuse_secrets",
]


def gather(request: GatherRequest) -> Gathered:
    """Collect the evidence.

    Raises:
        UsageError: when an ``--evidence`` option contradicts itself.
        InputError: when the image, or evidence that was named, is absent, malformed or over a limit.
    """
    about = image.evidence(request.image)
    checkout = git.inspect(request.workspace, request.environ)
    reports = collect(request)
    added, added_files = extra.collect(request, reports)
    files = (*(report.raw for kind in KINDS for report in reports.of(kind)), *added_files)
    evidence = Evidence(
        evaluated_at=format_time(request.evaluated_at),
        clock=request.clock,
        target=_target(request),
        image=about,
        source=checkout.evidence,
        ci=ci.evidence(request.environ),
        tests=tests.evidence(reports, request.expected.tests),
        scans=scans.evidence(reports, request.expected.scans, about),
        credentials=credentials.evidence(request.credential, request.environ, checkout, request.limits),
        reports=tuple(_report(raw, reports.shown(raw.path), checkout) for raw in files),
        extra=added,
    )
    return Gathered(evidence=evidence, reports=files, seen=tuple(reports.seen))


def _target(request: GatherRequest) -> TargetEvidence:
    target = request.target
    return TargetEvidence(
        registry=target.repository.registry,
        repository=target.repository.path,
        tags=target.tags,
        previous_digest=request.previous.get(target.tags[0]),
        previous_digests=request.previous,
        insecure=request.insecure,
    )


def _report(raw: RawReport, shown: str, checkout: git.Checkout) -> Report:
    return Report(
        name=raw.name,
        path=shown,
        kind=raw.kind,
        format=raw.format,
        sha256=raw.digest.hex,
        size=raw.size,
        tracked_by_git=checkout.tracks(raw.path),
    )

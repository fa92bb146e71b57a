"""Step 1: what do we know? Everything about the image, its origin and its checks, in one document.

`gather` reads the image's facts, git, the CI context, test and scan reports, SBOMs, VEX, provenance, the
credential and what the user adds, and decides nothing: what is absent is `missing`, what cannot be read is
`failed`, each with its reason, and both are facts that a policy sees. `refuse_secrets` is called before any
of it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from pushpolicy.gather import credentials, empty, image, provenance, records, sbom, scans, suites, vex
from pushpolicy.gather.attached import attached
from pushpolicy.gather.binding import Products
from pushpolicy.gather.capture import fail_other_runs
from pushpolicy.gather.checkout import Checkout
from pushpolicy.gather.ci.jobs import Asking
from pushpolicy.gather.image import embedded
from pushpolicy.gather.joined import join
from pushpolicy.gather.names import Reports
from pushpolicy.gather.parts import check_parts, identity
from pushpolicy.gather.pipeline.reported import with_reports
from pushpolicy.gather.previous import Previous, named_now, told_now
from pushpolicy.gather.request import (
    Expected,
    ExpectedReport,
    Gathered,
    GatherRequest,
    Job,
    NamedEvidence,
    RawReport,
    RecordsAccess,
    Seen,
)
from pushpolicy.gather.runs import run_of
from pushpolicy.gather.secrets.search import refuse_secrets, secret_values
from pushpolicy.gather.shared import Shared
from pushpolicy.gather.vouch import Witnesses
from pushpolicy.http.parallel import beside
from pushpolicy.model.evidence import (
    NEVER_STORED,
    DemandedEvidence,
    Evidence,
    ImmutableEvidence,
    Report,
    TargetEvidence,
    TrustEvidence,
)
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.values import format_time

__all__ = [
    "Asking",
    "Expected",
    "ExpectedReport",
    "GatherRequest",
    "Gathered",
    "Job",
    "Limits",
    "NamedEvidence",
    "Previous",
    "RawReport",
    "RecordsAccess",
    "Seen",
    "Shared",
    "gather",
    "named_now",
    "refuse_secrets",
    "secret_values",
    "told_now",
]


def gather(request: GatherRequest, shared: Shared | None = None) -> Gathered:
    """Collect the evidence.

    Args:
        request: what to look at.
        shared: what was read for other images of the same run, and is not read again. The files of parts are
            there until it is left.

    Raises:
        UsageError: when an ``--evidence`` option contradicts itself, or ``--jobs`` cannot be asked from here.
        InputError: when the image, or evidence that was named, is absent, malformed or over a limit.
    """
    job, about = request.job, image.evidence(request.image)
    shared = shared or Shared()
    earlier = beside(partial(records.evidence, request))
    checkout, files = shared.checkout(job), shared.files(job)
    reports, context, proof = files.reports, shared.context(job), shared.proof(job)
    here = run_of(checkout.evidence.commit, context)
    check_parts(files.parts, about, here)
    fail_other_runs(reports, here)
    witnesses = Witnesses(keys=job.keys, repository=request.target.repository, at=job.evaluated_at)
    others = attached(request.image, witnesses, job.limits)
    about = replace(about, attached=others.listed)
    statements = embedded(request.image, about, job.limits) + others.statements
    builds, times = provenance.evidence(reports, statements, about, witnesses), reports.times()
    products = Products(about, request.target.repository)
    scanned = scans.evidence(reports, job.expected.scans, about, checkout.evidence.commit)
    scanned, said = vex.evidence(
        reports, others.statements, scanned, products, replace(witnesses, role="vex")
    )
    boms = sbom.evidence(reports, statements, about, job.limits, witnesses)
    scanned = empty.evidence(replace(scanned, items=join(scanned.items, about)), boms, request.image, about)
    evidence = Evidence(
        evaluated_at=format_time(job.evaluated_at),
        clock=request.clock,
        target=_target(request),
        image=provenance.with_commit(about, builds),
        source=checkout.evidence,
        ci=replace(context, parts=shared.parts(job) or None),
        tests=suites.evidence(reports, job.expected),
        scans=scanned,
        sbom=boms,
        vex=said,
        provenance=builds,
        records=earlier(),
        credentials=credentials.evidence(
            job.credential,
            request.target.repository.registry,
            _around(job, checkout),
            job.records,
            job.promise,
        ),
        pipeline=with_reports(shared.pipeline(job), reports),
        reports=tuple(_report(raw, reports, checkout, times) for raw in files.raw),
        unread=(*reports.unread(), *others.unread),
        extra=files.extra,
    )
    # A file that is evidence of several kinds is stored once, and one that quotes secrets never.
    quoting = {raw.digest for raw in files.raw if raw.kind == NEVER_STORED}
    stored = {(raw.path, raw.digest): raw for raw in files.raw if raw.digest not in quoting}
    return Gathered(
        evidence=evidence,
        reports=tuple(stored.values()),
        seen=tuple(reports.seen),
        remote_secrets=checkout.remote_secrets,
        token_secrets=(proof.secrets if proof else frozenset()) | identity.secrets(files.parts),
    )


def _around(job: Job, checkout: Checkout) -> credentials.Around:
    return credentials.Around(environ=job.environ, checkout=checkout, limits=job.limits, at=job.evaluated_at)


def _target(request: GatherRequest) -> TargetEvidence:
    target = request.target
    return TargetEvidence(
        registry=target.repository.registry,
        repository=target.repository.path,
        tags=target.tags,
        previous_digest=request.previous.digests.get(target.tags[0]),
        previous_digests=request.previous.digests,
        new_tags=request.previous.new,
        previous_unknown=request.previous.unknown,
        insecure=request.insecure,
        trust=TrustEvidence(authorities=request.authorities) if request.authorities else None,
        immutable=ImmutableEvidence(by="configuration") if request.job.immutable else None,
        demanded=DemandedEvidence(assurance="verified")
        if any(map(target.repository.is_covered_by, request.job.verified_for))
        else None,
    )


def _report(
    raw: RawReport, reports: Reports, checkout: Checkout, times: Mapping[tuple[str, str], str]
) -> Report:
    return Report(
        name=raw.name,
        path=reports.shown(raw.path),
        kind=raw.kind,
        format=raw.format,
        sha256=raw.digest.hex,
        size=raw.size,
        tracked_by_git=checkout.tracks(reports.place(raw.path)),
        captured_by=reports.captured_by.get(raw.digest.hex),
        at=times.get((raw.kind, raw.name)),
        part=origin.part if (origin := reports.origins.get(raw.path)) else None,
    )

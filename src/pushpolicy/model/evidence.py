"""The evidence document ``pushpolicy.evidence/v1`` as types.

The JSON Schema in policies/schema/evidence.v1.json is the contract; these classes are how gather writes
it. A field that is None is not known and is left out of the document, never written as null.
Times are RFC 3339 in UTC, durations seconds, sizes bytes, digests ``algorithm:hex``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec
from msgspec.structs import force_setattr

from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document, plain

SCHEMA = "pushpolicy.evidence/v1"
# Runtimes read the part before the colon as a number where they can (strconv.Atoi), else as a name.
_ROOT = re.compile(r"|root|[+-]?0+")


def content(said: msgspec.Struct, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields of `kind`, a type that `said` extends, for another type that extends it."""
    return {name: getattr(said, name) for name in kind.__struct_fields__}


class Status(StrEnum):
    """What became of a kind of evidence. Policies see all three."""

    COLLECTED = "collected"
    MISSING = "missing"
    FAILED = "failed"


class Severity(StrEnum):
    """The one severity scale, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NEGLIGIBLE = "negligible"
    UNKNOWN = "unknown"


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """How far this machine's clock is from another, in seconds; positive when ours is ahead."""

    skew_seconds: int
    against: str


class TrustEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """By whose word the target's registry is who it should be: ``system``, ``file`` or ``variable``."""

    authorities: str


class ImmutableEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """That tags do not move.

    Attributes:
        by: who says so: ``configuration``.
    """

    by: str


class DemandedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """How sure who pushes has to be: ``verified``, the identity of the job, by a token."""

    assurance: str


class TargetEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Where the image would go.

    Attributes:
        registry: host and port, or ``oci`` for a layout.
        previous_digest: what TARGET's own tag names now; None when it does not exist.
        previous_digests: the same for each tag that exists.
        insecure: whether the push would go over plain http or without verifying a certificate.
        trust: what a certificate was verified by; None where none is asked for.
        demanded: what trust.yaml demands for this repository; None where it demands nothing.
        immutable: that no tag of this target moves once it is set; None where nobody says so.
        new_tags: those of the tags that do not exist yet; said, so that a lost previous digest cannot pass
            for a new tag.
        previous_unknown: why it is not known what the tags name that are in neither; None where all is known.
    """

    registry: str
    repository: str
    tags: tuple[str, ...]
    previous_digest: Digest | None
    previous_digests: Mapping[str, Digest]
    insecure: bool
    trust: TrustEvidence | None = None
    immutable: ImmutableEvidence | None = None
    demanded: DemandedEvidence | None = None
    new_tags: tuple[str, ...] = ()
    previous_unknown: str | None = None

    def __post_init__(self) -> None:
        if self.previous_unknown is None:
            new = tuple(tag for tag in self.tags if tag not in self.previous_digests)
            force_setattr(self, "new_tags", new)


class PlatformEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One runnable platform of the image: facts of its config.

    Attributes:
        user: as the config says; ``0`` where it names none, since the process then runs as root.
        root: whether that user is root, by name or number. The image's own /etc/passwd is not read.
        not_comparable: the type of a layer that is never compared with its diff_id (encrypted or
            unknown): what the config says is then no proof of what the layers are.
        lazy_toc: "unverified" where a layer has a table of contents that some runtimes read instead of it.
    """

    platform: str
    digest: Digest
    config_digest: Digest
    diff_ids: tuple[Digest, ...]
    labels: Mapping[str, str]
    user: str | None = None
    created: str | None = None
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    root: bool = False
    not_comparable: str | None = None
    lazy_toc: str | None = None

    def __post_init__(self) -> None:
        # Written always, so that its absence never has to mean something (docs/rules.md).
        force_setattr(self, "user", self.user or "0")
        name = self.user.partition(":")[0] if self.user else ""
        force_setattr(self, "root", _ROOT.fullmatch(name) is not None)


class AttestationEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A buildx attestation manifest: a child of the index that is not an image (design section 5)."""

    digest: Digest
    subject: Digest
    predicate_types: tuple[str, ...]


class ArtifactEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the index that is neither an image nor an attestation: a SOCI index, an SBOM, a note.

    Attributes:
        artifact_type: what it says it is; the type of its config where it says nothing.
        subject: the manifest of the image that it refers to, if it does.
    """

    digest: Digest
    artifact_type: str
    subject: Digest | None = None


class AttachedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A statement about the image, or a signature of it, that is attached to it at its source.

    Attributes:
        kind: statement or signature.
        place: the tag, or the digest of the referrer, that has it.
        digest: of its content.
        verified: whether a key of the role provenance, which trust.yaml lists, signed it, for this target.
        verified_by: the name of that key.
        unverified: why none did, where it is so.
        predicate_type: what a statement says, by its type.
    """

    kind: str
    place: str
    digest: Digest
    verified: bool
    verified_by: str | None = None
    unverified: str | None = None
    predicate_type: str | None = None


class ImageEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """The image that would be pushed.

    Attributes:
        bound_to_commit: what names its commit: label as soon as one platform has a revision label (whether it
            is the right one, the policy judges), else provenance, else none.
    """

    digest: Digest
    media_type: str
    size: int
    source: str
    annotations: Mapping[str, str]
    platforms: tuple[PlatformEvidence, ...]
    bound_to_commit: str
    name: str | None = None
    attestations: tuple[AttestationEvidence, ...] = ()
    artifacts: tuple[ArtifactEvidence, ...] = ()
    attached: tuple[AttachedEvidence, ...] = ()


class SourceCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How long the lists of `SourceEvidence` are, so that an entry that got lost is noticed."""

    not_comparable: int
    not_checked_out: int


class SourceEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """The git checkout, judged by its content (design section 5).

    Attributes:
        committed_at: when the commit was made, as its committer's clock had it.
        dirty: whether a file that the commit holds is another one, absent, or of another mode.
        changes: at most 20 of those.
        not_comparable: files behind a filter, and submodules without a repository of their own.
        not_checked_out: submodules, and what lies outside a sparse checkout; a folder ends with a slash.
    """

    status: Status
    reason: str | None = None
    repository: str | None = None
    commit: str | None = None
    committed_at: str | None = None
    ref: str | None = None
    branch: str | None = None
    tag: str | None = None
    dirty: bool | None = None
    changes: tuple[str, ...] = ()
    not_comparable: tuple[str, ...] = ()
    not_checked_out: tuple[str, ...] = ()
    counts: SourceCounts | None = None


class PullRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The pull request that a run belongs to.

    Attributes:
        from_fork: whether it comes from another repository, or nothing tells that it does not.
        head_commit: what it would merge; `CiEvidence.commit` is what was checked out, often a merge of it.
    """

    from_fork: bool
    number: int | None = None
    head: str | None = None
    base: str | None = None
    head_commit: str | None = None
    head_repository: str | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a pipeline."""

    id: str
    url: str | None = None
    attempt: int | None = None


class Runner(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that a job runs on: its kind is ``hosted`` (by the CI system) or ``self-hosted``."""

    kind: str | None = None
    name: str | None = None


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """The run whose end triggered this one (GitHub's workflow_run)."""

    repository: str | None = None
    branch: str | None = None
    commit: str | None = None
    event: str | None = None
    conclusion: str | None = None


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a contradiction: who says it, and what; escaped for people to read."""

    source: str
    value: str


class Contradiction(msgspec.Struct, frozen=True, kw_only=True):
    """Two sources of one field that say different things."""

    field: str
    sides: tuple[Side, ...]

    def __str__(self) -> str:
        return f"{self.field}: " + ", ".join(f"{side.source} says {side.value}" for side in self.sides)


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """The file that a job is defined by, as its token says: path with its host or repository, ref, commit."""

    path: str
    ref: str | None = None
    commit: str | None = None


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What the job's identity token proves; the token itself is never kept.

    Attributes:
        assurance: ``verified`` where this run asked for it, ``replayable`` where it lay in a variable, else
            ``asserted``: it proves nothing.
        reason: why it proves nothing, or not what the run is of.
        whole: whether it proves repository, ref, event, commit and run at once; else no field of ci is.
        source: the variable that it came from, or that says where it was asked for; or who was asked.
        issuer: as the token and the policy name it.
        audience: whom it is for.
        repository_id: as the issuer counts its repositories (projects, pipelines).
        key: the public key that it is signed with (RFC 7517), and `algorithm` how.
        keys_from: ``issuer``, asked in this run, or ``file``, of trust.yaml.
        issued_at, until: when it was made, and expires.
        claims: those that are kept, as text.
    """

    assurance: str
    whole: bool = False
    reason: str | None = None
    source: str | None = None
    issuer: str | None = None
    audience: str | None = None
    repository_id: str | None = None
    algorithm: str | None = None
    key: Mapping[str, str] | None = None
    keys_from: str | None = None
    issued_at: str | None = None
    until: str | None = None
    claims: Mapping[str, str] | None = None
    configuration: Configuration | None = None


class PartEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What another job handed over: its name, the digest of its list, and whose it is by its token."""

    name: str
    sha256: str
    identity: Identity


class CiEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the CI system says of this run.

    Attributes:
        contradictions: why it failed, where two sources differ.
        default_branch_by: ``variable``, or ``payload`` where the event file alone says it.
        event: push, pull_request, tag, schedule, manual, merge_queue or other.
        untrusted_trigger: set when the event runs trusted code for somebody untrusted.
        jobs: job name to success, failure, cancelled or skipped, where that is told.
        jobs_told: how many there are, so that one that got lost is noticed.
        jobs_from: the address of the CI system's API, where that was asked.
        trust: field name to ``verified`` (by a token that this run asked for), ``replayable`` (by one that
            lay in a variable), ``reported`` (by the CI system's API) or ``asserted`` (by a variable).
        repository_id: which never is another repository's, as a name can be once it is free again.
        parts: of other jobs that were merged; None where there are none.
    """

    status: Status
    reason: str | None = None
    provider: str | None = None
    repository: str | None = None
    repository_id: str | None = None
    ref: str | None = None
    ref_type: str | None = None
    branch: str | None = None
    tag: str | None = None
    commit: str | None = None
    event: str | None = None
    event_raw: str | None = None
    untrusted_trigger: str | None = None
    pull_request: PullRequest | None = None
    ref_protected: bool | None = None
    default_branch: str | None = None
    actor: str | None = None
    run: Run | None = None
    job: str | None = None
    jobs: Mapping[str, str] | None = None
    trust: Mapping[str, str] | None = None
    jobs_told: int | None = None
    jobs_from: str | None = None
    default_branch_by: str | None = None
    environment: str | None = None
    workflow: str | None = None
    runner: Runner | None = None
    upstream: Upstream | None = None
    identity: Identity | None = None
    parts: tuple[PartEvidence, ...] | None = None
    contradictions: tuple[Contradiction, ...] | None = None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Tests counted from cases: total = passed + failed + errors + skipped; flaky ones passed."""

    total: int = 0
    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    flaky: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            total=self.total + other.total,
            passed=self.passed + other.passed,
            failed=self.failed + other.failed,
            errors=self.errors + other.errors,
            skipped=self.skipped + other.skipped,
            flaky=self.flaky + other.flaky,
        )


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A test case, or a whole suite, that failed or could not run; `kind` is failure or error."""

    name: str
    kind: str
    message: str


class FailedCase(Failure, frozen=True, kw_only=True):
    """A failure, and the name of the report that tells of it."""

    report: str


class Scanner(msgspec.Struct, frozen=True, kw_only=True):
    """The program that wrote a report.

    Attributes:
        sources: when each source of its database was read, by name, as ``kev`` and ``epss``.
    """

    name: str
    version: str | None = None
    db_built: str | None = None
    sources: Mapping[str, str] | None = None


class TestContent(msgspec.Struct, frozen=True, kw_only=True):
    """What a test report says.

    Attributes:
        undeclared: failures or errors that the report's own totals declare and no case shows.
        disagreements: other places where declared and counted totals differ, in words.
        tool: what ran the tests, where the report says.
        suites: the names of those that hold a case; None where they are more than 1,000, or have none.
        retries: how often a case was run once more; None where the report does not tell.
        duplicates: cases whose suite, class and name another one has; None where that is not told, or there
            are more than 50,000 cases.
    """

    totals: Totals
    undeclared: int = 0
    disagreements: tuple[str, ...] = ()
    tool: Scanner | None = None
    suites: tuple[str, ...] | None = None
    retries: int | None = None
    duplicates: int | None = None
    timestamp: str | None = None
    duration: float | None = None


class TestReport(TestContent, frozen=True, kw_only=True):
    """One test report; `name` is the one it is expected under, unique among the test reports."""

    name: str
    format: str
    sha256: str


class Covered(msgspec.Struct, frozen=True, kw_only=True):
    """How many of all were covered: lines, branches, or statements where a format counts those (Go)."""

    covered: int = 0
    total: int = 0

    def __add__(self, other: Covered) -> Covered:
        return Covered(covered=self.covered + other.covered, total=self.total + other.total)

    def percent(self) -> float | None:
        """To two places, rounded down so that it never reaches a minimum early; None of nothing."""
        return self.covered * 10_000 // self.total / 100 if self.total else None


class CoverageReport(msgspec.Struct, frozen=True, kw_only=True):
    """One coverage report: its lines, each counted once.

    Attributes:
        percent: of the lines, 0 to 100; None when the report lists no line.
        disagreements: where the report's own totals differ from its lines, in words.
    """

    name: str
    format: str
    covered: int
    total: int
    sha256: str
    percent: float | None = None
    branches: Covered | None = None
    disagreements: tuple[str, ...] = ()
    timestamp: str | None = None


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """All coverage reports together: the sums over them."""

    covered: int
    total: int
    reports: tuple[CoverageReport, ...]
    percent: float | None = None


class TestsEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """All test reports together; `failures` holds the first 100 cases, the totals hold all."""

    status: Status
    reason: str | None = None
    totals: Totals | None = None
    reports: tuple[TestReport, ...] = ()
    failures: tuple[FailedCase, ...] = ()
    duration: float | None = None
    coverage: Coverage | None = None


class ScannedImage(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says it scanned: all digests and tags that it names; `digest` is the first."""

    name: str | None = None
    digest: str | None = None
    image_id: str | None = None
    digests: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class VexClaim(msgspec.Struct, frozen=True, kw_only=True):
    """What a VEX document says of a finding: fixed or not_affected, where no other document denies it.

    Attributes:
        sha256: of the document's file, by which policy data names the documents that it believes.
        reason: the justification, as the document gives it.
        justification: one of the words that OpenVEX or CycloneDX has for it, as code_not_reachable.
        at, last_updated: when the statement was made, and last changed.
        verified_by: the name of the key of the role vex that signed the document; None where none did.
    """

    sha256: str
    status: str
    verified_by: str | None = None
    reason: str | None = None
    justification: str | None = None
    at: str | None = None
    last_updated: str | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a scan says of a flaw that others list too; `fix_state` is fixed where a version is named."""

    severity: Severity
    fix_state: str
    suppressed_by: str | None = None
    vex: tuple[VexClaim, ...] | None = None


class Joined(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One flaw of one package that several scans of an image, or of a commit, list; the same in each of them.

    Attributes:
        sources: names of the scans, the first 10 of the `listed_by` that there are.
        id: a name that each of them gives the flaw; `aliases` are the others.
        severity: the worst that is known; `told` has all.
        purl: where each of them has one that says the same; only the qualifiers that all have.
        fixed_in: the versions that any of them names, the first 10.
        cvss, epss: the highest.
        kev: whether one says that it is in the catalogue.
        told: what they say, each once; where that is more than 10 things, only the severities, and nothing
            of what sets the flaw aside.
    """

    sources: tuple[str, ...]
    listed_by: int
    id: str
    aliases: tuple[str, ...]
    severity: Severity
    told: tuple[Told, ...]
    package: str | None = None
    version: str | None = None
    purl: str | None = None
    fixed_in: str | None = None
    cvss: float | None = None
    epss: float | None = None
    kev: bool | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One finding of one scan, as the file lists it.

    Attributes:
        suppressed_by: how the report says it was set aside; it still counts (design section 5).
        fix_state: fixed, not-fixed, wont-fix or unknown (grype's terms), the last where nothing is said; an
            absent `fixed_in` does not say that no fix exists, only not-fixed and wont-fix do.
        location: file and line for findings in code or configuration.
        epss: probability of exploitation in the next 30 days, 0 to 1, as the report has it.
        kev: whether it is in CISA's catalogue of known exploited vulnerabilities, where the report says.
        epss_at: the day for which `epss` was computed; how old `kev` is, `scanner.sources` may say.
        kev_added, kev_due: when it came into the catalogue, and when it had to be mended by.
        published: when the flaw was made known.
        fixed_at: when a version came out that mends it, the earliest.
        layer: the layer that the package is in, by its diff_id.
        paths: the files by which the package was found.
        vex: the documents that say it does no harm here; it still counts, unless policy data names one.
        joined: where other scans list the same flaw, what all of them say.
    """

    id: str
    severity: Severity
    kind: str
    title: str | None = None
    aliases: tuple[str, ...] = ()
    cvss: float | None = None
    epss: float | None = None
    kev: bool | None = None
    package: str | None = None
    version: str | None = None
    purl: str | None = None
    fixed_in: str | None = None
    fix_state: str | None = None
    location: str | None = None
    suppressed_by: str | None = None
    published: str | None = None
    fixed_at: str | None = None
    epss_at: str | None = None
    kev_added: str | None = None
    kev_due: str | None = None
    layer: str | None = None
    paths: tuple[str, ...] | None = None
    vex: tuple[VexClaim, ...] | None = None
    joined: Joined | None = None

    def __post_init__(self) -> None:
        if self.fix_state is None:
            force_setattr(self, "fix_state", "unknown")


class Licence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Terms that a scanner found; no flaw, so that it counts nowhere.

    Attributes:
        licences, expression: as of a component (`Component`).
        severity: how bad the scanner, by its own or a configured list, holds them to be.
        category: in the scanner's words, as restricted or notice.
        path: the file, where they are of one, or of the package's.
    """

    severity: Severity
    licences: tuple[str, ...]
    expression: str | None = None
    package: str | None = None
    version: str | None = None
    category: str | None = None
    path: str | None = None
    suppressed_by: str | None = None


class ScanLicence(Licence, frozen=True, kw_only=True, gc=False):
    """The same, and the name of the scan that lists it."""

    scan: str


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Findings by severity: entries of the file, and flaws after aliases are joined."""

    listed: Mapping[str, int]
    by_severity: Mapping[str, int]


class ScanContent(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan report says.

    Attributes:
        kind: image, code, config or secret.
        filters: what the scanner was told to leave out, or notes that it could not do; None where
            it does not say.
        looked_for: vulnerabilities, secrets, licences, misconfiguration: what the report shows, or what its
            tool always looks for; ``unsaid`` where neither tells.
        packages: how many the report lists, where its format does, and not for their licences.
        system: the operating system that was found.
        end_of_life: whether the scanner says that this system is no longer maintained, so that flaws of it
            may not be known; None where it does not say.
    """

    scanner: Scanner
    kind: str
    looked_for: tuple[str, ...] = ("unsaid",)
    packages: int | None = None
    system: str | None = None
    end_of_life: bool | None = None
    findings: tuple[Finding, ...] = ()
    commit: str | None = None
    at: str | None = None
    filters: tuple[str, ...] | None = None


class Scan(ScanContent, frozen=True, kw_only=True):
    """One scan report.

    Attributes:
        bound: whether it is proven to be about this image (design section 5, "Bound").
        bound_by: manifest, config, diff_ids or capture, when bound.
        platform: the platform of this image that it covers, when bound.
        contradiction: in what the report contradicts itself about its image, which binds it to nothing.
        empty_by: the name of a bound SBOM by which the image has no packages, so that there was nothing to
            look into; only where the scan does not say what it looked for.
        not_empty: what contradicts such an SBOM.
        of_commit: whether the commit that it names is the one that is checked out: same, other, or unsaid.
    """

    name: str
    format: str
    sha256: str
    counts: Counts
    bound: bool
    of_commit: str = "unsaid"
    empty_by: str | None = None
    not_empty: str | None = None
    bound_by: str | None = None
    contradiction: str | None = None
    platform: str | None = None
    image: ScannedImage | None = None


class ScansEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """All scans.

    Attributes:
        not_covered: the runnable platforms without a bound image scan.
        counts: of all scans together, so that one flaw that two scanners list is one.
        licences: what those list that looked for licences; None where none did.
    """

    status: Status
    reason: str | None = None
    counts: Counts | None = None
    items: tuple[Scan, ...] = ()
    licences: tuple[ScanLicence, ...] | None = None
    not_covered: tuple[str, ...] = ()


class SbomContent(msgspec.Struct, frozen=True, kw_only=True):
    """What an SBOM says.

    Attributes:
        components: how many it lists, nested ones included.
        id: the name that the document gives itself: a serial number or namespace.
    """

    spec_version: str
    components: int
    tool: Scanner | None = None
    id: str | None = None
    at: str | None = None


class Sbom(SbomContent, frozen=True, kw_only=True):
    """One list of what is in the image.

    Attributes:
        origin: file, image for an attestation of the image's own index, attached for one at its source.
        bound, bound_by, platform: as for a scan.
        verified, verified_by, unverified: as of what is attached to the image.
    """

    name: str
    format: str
    origin: str
    sha256: str
    bound: bool
    verified: bool = False
    verified_by: str | None = None
    unverified: str | None = None
    bound_by: str | None = None
    platform: str | None = None
    image: ScannedImage | None = None


class Component(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A package that an SBOM lists.

    Attributes:
        type: in CycloneDX's words, as library, application or operating-system.
        licences: each one that is named for it, whether declared, concluded or found: an SPDX id, or a name.
            None where nothing is said; empty where it is said that there is none.
        expression: the statement with an operator that they are from, as ``MIT OR GPL-2.0-only``.
    """

    name: str
    version: str | None = None
    purl: str | None = None
    type: str | None = None
    licences: tuple[str, ...] | None = None
    expression: str | None = None


class SbomComponent(Component, frozen=True, kw_only=True, gc=False):
    """A component, and the name of the SBOM that lists it."""

    sbom: str


class SbomEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """All SBOMs.

    Attributes:
        components: all that they list, but for files; None, never a part, where they are over the limit.
        not_listed: why there are none then.
        not_covered: the runnable platforms without a bound SBOM.
    """

    status: Status
    reason: str | None = None
    items: tuple[Sbom, ...] = ()
    components: tuple[SbomComponent, ...] | None = None
    not_listed: str | None = None
    not_covered: tuple[str, ...] = ()


class VexReport(msgspec.Struct, frozen=True, kw_only=True):
    """One VEX document.

    Attributes:
        verified, verified_by, unverified: as of what is attached to the image, by a key of the role vex.
        statements: how many it has, about whatever product.
        findings: of how many findings of the scans it says that they do no harm.
    """

    name: str
    format: str
    sha256: str
    statements: int
    by_status: Mapping[str, int]
    findings: int
    verified: bool = False
    verified_by: str | None = None
    unverified: str | None = None
    id: str | None = None
    author: str | None = None
    at: str | None = None
    last_updated: str | None = None


class VexEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """All VEX documents."""

    status: Status
    reason: str | None = None
    items: tuple[VexReport, ...] = ()


class BuildMaterial(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a build read; `digest` maps algorithm to value, as gitCommit or sha256."""

    uri: str | None
    digest: Mapping[str, str]


class BuildContent(msgspec.Struct, frozen=True, kw_only=True):
    """What SLSA provenance says of a build.

    Attributes:
        signed: whether a signature came with it, of whomever.
        repository: where the source came from, without the reference.
        commit: the full id; None where the provenance names none, several, or one with changes.
        started, finished: when it ran.
    """

    predicate_type: str
    signed: bool
    builder: str | None = None
    build_type: str | None = None
    repository: str | None = None
    commit: str | None = None
    ref: str | None = None
    materials: tuple[BuildMaterial, ...] = ()
    invocation: str | None = None
    started: str | None = None
    finished: str | None = None


class Build(BuildContent, frozen=True, kw_only=True):
    """How the image, or something else, was built.

    Attributes:
        origin: file, image for an attestation of the image's own index, attached for one at its source.
        bound: whether its subject is this image.
        platforms: those of the image that are its subject.
        verified, verified_by, unverified: as of what is attached to the image.
    """

    name: str
    format: str
    origin: str
    sha256: str
    bound: bool
    platforms: tuple[str, ...]
    verified: bool = False
    verified_by: str | None = None
    unverified: str | None = None


class ProvenanceEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """All provenance."""

    status: Status
    reason: str | None = None
    items: tuple[Build, ...] = ()


class RecordedFinding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A finding of an earlier scan: the flaw's id and aliases, and the package."""

    names: tuple[str, ...]
    severity: str
    package: str | None = None


class EarlierRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier decision. Of one that is not verified no more is known than that it is there, and why.

    Attributes:
        digest: of its record's manifest.
        verified: whether a key of the role decide, which trust.yaml lists, signed what it says.
        verified_by: the name of that key.
        unverified: why none did, where it is so.
        verifier: the id of who decided.
        registry, repository: what it was about, as in the evidence's target.
        tags: those that it was signed for.
        sequence: its number among the records of each of these tags.
        verdict: ALLOW, DENY, or OBSERVED for one that observe mode alone allowed.
        anchored: whether everything that decided is known by more than a path.
        approved: whether it is an ALLOW that is anchored, enforced, locally evaluated, and not loosened.
        waived: how many violations waivers covered.
        at: when it was decided.
        root_at: when tests and scans of this image were judged; of a promotion, when those that it rests on
            were. None where that is not known.
        findings: of its scans.
        coverage: in percent; 0 where none was measured.
        tag: what named the image whose record this is; of the records before this push alone.
    """

    digest: Digest
    verified: bool
    verified_by: str | None = None
    unverified: str | None = None
    verifier: str | None = None
    registry: str | None = None
    repository: str | None = None
    tags: tuple[str, ...] | None = None
    sequence: Mapping[str, int] | None = None
    verdict: str | None = None
    anchored: bool | None = None
    approved: bool | None = None
    waived: int | None = None
    at: str | None = None
    root_at: str | None = None
    findings: tuple[RecordedFinding, ...] | None = None
    coverage: float | None = None
    tag: str | None = None


class RecordsEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Earlier decisions.

    Attributes:
        items: those about this very image in the repository that it comes from, the newest first.
        before: of each tag of the target that names an image with a verified record, the newest of these.
        older: how many verified ones about this image were not read, being older than those that were.
    """

    status: Status
    reason: str | None = None
    items: tuple[EarlierRecord, ...] = ()
    before: tuple[EarlierRecord, ...] = ()
    older: int | None = None


class RecordsCredential(msgspec.Struct, frozen=True, kw_only=True):
    """The credential for the registry that records go to, where it is another than the target's.

    Attributes:
        registry: the one that it is shown to.
        source: as in `CredentialsEvidence`, and so are the fields up to `written_in`.
        written_in: the files of the repository that hold it, or that it was found through.
    """

    registry: str
    source: str
    ephemeral: bool | None = None
    scope: str | None = None
    push_to: tuple[str, ...] | None = None
    path: str | None = None
    others_may: str | None = None
    on_command_line: bool | None = None
    written_in: tuple[str, ...] = ()


class LoginEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """How the credential is obtained after the decision; the push ends where what it gets is another.

    Attributes:
        name: the NAME of ``--login``.
        kind: the exchange, or job-token where the job's own token is shown as it is, after the decision.
        max_seconds: the longest that it may live.
    """

    name: str
    kind: str
    max_seconds: int | None = None


class CredentialsEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Where the credential of the push comes from and what it is; never its value.

    Attributes:
        source: workload-identity, secret-env, platform-token, helper, file, literal, foreign (of another
            vendor than the registry's), anonymous, or none (a layout target needs no credential).
        ephemeral: whether it ends within a day, where its form, or where it comes from, tells.
        user_kind: job-token, app-token, identity-token, access-token, personal-access-token,
            organisation-token, deploy-token, oauth-token, api-key, service-account-key, robot, or password
            (none of a known form).
        issued_by: github, gitlab, docker, aws, google, azure or jfrog, where its form tells.
        expires_at: when it ends, by its own word.
        scope: repository (one), repositories (several, or none), or registry (a pattern), of these.
        push_to: the repositories that it says it may push to.
        variable: the environment variable that holds it.
        declared_in: the file of the pipeline that hands a secret of the store to that variable.
        helper: the credential helper that gave it.
        path: the file that holds it.
        tracked_by_git: whether that file is in the repository.
        others_may: what any user of the machine may do with that file: nothing, read, write or read-write.
        on_command_line: whether it stands on the command line of a program above this one.
        command_line_of: those programs.
        records: what is shown to the registry of the records, where that is another credential.
        login: how it is obtained, where that is done after the decision.
        trust: field name to ``computed`` (seen here), ``declared`` (by a file of the pipeline), ``asserted``
            (by its form, its user, a variable) or ``verified`` (it is obtained in this run, and the push
            ends where it is not so).
    """

    status: Status
    reason: str | None = None
    source: str | None = None
    ephemeral: bool | None = None
    user_kind: str | None = None
    issued_by: str | None = None
    expires_at: str | None = None
    scope: str | None = None
    push_to: tuple[str, ...] | None = None
    variable: str | None = None
    declared_in: str | None = None
    helper: str | None = None
    path: str | None = None
    tracked_by_git: bool | None = None
    others_may: str | None = None
    on_command_line: bool | None = None
    command_line_of: tuple[str, ...] | None = None
    literal_in: tuple[str, ...] = ()
    records: RecordsCredential | None = None
    login: LoginEvidence | None = None
    trust: Mapping[str, str] | None = None


class PipelineFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a file, and what is wrong there; never the value. `tool` is whose report lists it."""

    file: str
    line: int
    rule: str
    tool: str | None = None


class PipelineEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the pipeline's own files show, and what reports of other tools list.

    Attributes:
        files: those that were read here.
        findings: where a credential seems to be written down.
        risks: what makes a credential easier to steal.
    """

    status: Status
    reason: str | None = None
    files: tuple[str, ...] = ()
    findings: tuple[PipelineFinding, ...] = ()
    risks: tuple[PipelineFinding, ...] = ()


# Reports of this kind quote the secrets that they found: a record holds their digest only.
NEVER_STORED = "pipeline"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One file that was read.

    Attributes:
        at: the latest time that it gives itself.
        part: the one that it came with; None where it is of the job that pushes.
    """

    name: str
    path: str
    kind: str
    format: str
    sha256: str
    size: int
    tracked_by_git: bool | None = None
    captured_by: str | None = None
    at: str | None = None
    part: str | None = None


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """One file that was looked at and is no evidence, and why."""

    path: str
    why: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything that is known before a push, in one document."""

    evaluated_at: str
    target: TargetEvidence
    image: ImageEvidence
    source: SourceEvidence
    ci: CiEvidence
    tests: TestsEvidence
    scans: ScansEvidence
    credentials: CredentialsEvidence
    reports: tuple[Report, ...] = ()
    unread: tuple[Unread, ...] = ()
    clock: Clock | None = None
    sbom: SbomEvidence | None = None
    vex: VexEvidence | None = None
    provenance: ProvenanceEvidence | None = None
    records: RecordsEvidence | None = None
    pipeline: PipelineEvidence | None = None
    extra: Mapping[str, Any] = {}
    schema: str = SCHEMA

    def document(self) -> Document:
        """The canonical document; encoded once.

        Raises:
            ValueError: when a value of a report has no canonical form (a lone surrogate, a number too large).
        """
        return self._document

    @cached_property
    def _document(self) -> Document:
        return Document.of(plain(self))

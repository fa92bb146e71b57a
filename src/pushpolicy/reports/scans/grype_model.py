"""The parts of Grype's JSON report that are read (grype/presenter/models), old and new."""

from __future__ import annotations

import msgspec


class GrypeStruct(msgspec.Struct, rename="kebab", gc=False):
    """Its configuration is in kebab case; the rest, in camel case, is named field by field."""


class Metrics(GrypeStruct):
    """Of one CVSS vector."""

    base_score: float | None = msgspec.field(name="baseScore", default=None)


class Cvss(GrypeStruct):
    """One rating of one source."""

    version: str | None = None
    metrics: Metrics | None = None


class Epss(GrypeStruct):
    """FIRST's estimate for one CVE."""

    epss: float | None = None


class Fix(GrypeStruct):
    """Whether and where the flaw is fixed; `state` is empty where nothing is known."""

    versions: list[str] | None = None
    state: str | None = None


class Vulnerability(GrypeStruct):
    """A flaw; `fixedInVersion` and `cvssV3` are from before version 0.13."""

    id: str
    severity: str | None = None
    description: str | None = None
    cvss: list[Cvss] | None = None
    epss: list[Epss] | None = None
    known_exploited: list[msgspec.Raw] | None = msgspec.field(name="knownExploited", default=None)
    fix: Fix | None = None
    fixed_in_version: str | None = msgspec.field(name="fixedInVersion", default=None)
    cvss_v2: Metrics | None = msgspec.field(name="cvssV2", default=None)
    cvss_v3: Metrics | None = msgspec.field(name="cvssV3", default=None)


class Related(GrypeStruct):
    """The same flaw under another name."""

    id: str


class Location(GrypeStruct):
    """Where in the image a package lies."""

    path: str | None = None


class Artifact(GrypeStruct):
    """The package."""

    name: str | None = None
    version: str | None = None
    purl: str | None = None
    locations: list[Location] | None = None


class RulePackage(GrypeStruct):
    """Which packages an ignore rule is about."""

    name: str | None = None
    version: str | None = None
    type: str | None = None
    location: str | None = None
    upstream_name: str | None = None


class Rule(GrypeStruct):
    """An ignore rule, as configured or as applied."""

    vulnerability: str | None = None
    reason: str | None = None
    namespace: str | None = None
    fix_state: str | None = None
    package: RulePackage | None = None
    vex_status: str | None = None
    match_type: str | None = None


class Match(GrypeStruct):
    """A flaw in a package; with the rules that set it aside, where it is among the ignored ones."""

    vulnerability: Vulnerability
    artifact: Artifact
    related: list[Related] | None = msgspec.field(name="relatedVulnerabilities", default=None)
    rules: list[Rule] | None = msgspec.field(name="appliedIgnoreRules", default=None)


class Layer(GrypeStruct):
    """A layer, by the digest of its uncompressed content."""

    digest: str


class Target(GrypeStruct):
    """An image; `config` is its config in base64."""

    user_input: str | None = msgspec.field(name="userInput", default=None)
    image_id: str | None = msgspec.field(name="imageID", default=None)
    manifest_digest: str | None = msgspec.field(name="manifestDigest", default=None)
    repo_digests: list[str] | None = msgspec.field(name="repoDigests", default=None)
    layers: list[Layer] | None = None
    config: str | None = None


class Source(GrypeStruct):
    """What was scanned; `target` is a name for all but images."""

    type: str | None = None
    target: str | Target | None = None


class Configuration(GrypeStruct):
    """The settings that make Grype leave something out."""

    only_fixed: bool | None = None
    only_notfixed: bool | None = None
    ignore_wontfix: str | None = None
    match_upstream_kernel_headers: bool | None = None
    ignore: list[Rule] | None = None
    exclude: list[str] | None = None
    vex_documents: list[str] | None = None


class DatabaseStatus(GrypeStruct):
    """The vulnerability database."""

    built: str | None = None
    valid: bool | None = None
    error: str | None = None


class Database(DatabaseStatus):
    """The same, flat before version 0.88 and under `status` since; `providers` names its sources."""

    status: DatabaseStatus | None = None
    providers: dict[str, msgspec.Raw] | None = None


class Descriptor(GrypeStruct):
    """What wrote the report, how it was set up, and when."""

    name: str | None = None
    version: str | None = None
    timestamp: str | None = None
    configuration: Configuration | None = None
    db: Database | None = None


class Report(GrypeStruct):
    """The whole document."""

    matches: list[Match]
    ignored_matches: list[Match] | None = msgspec.field(name="ignoredMatches", default=None)
    source: Source | None = None
    descriptor: Descriptor | None = None

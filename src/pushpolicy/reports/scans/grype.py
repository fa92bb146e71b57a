"""Grype's JSON report, from its first versions to 0.12x.

It tells the image's config digest and layers and carries the config itself, which has to agree; the
age of its database, and of its sources; and all that it was set up to leave out. Of a flaw it tells EPSS with
its day, the entry of CISA's catalogue, and since when there is a fix. Matches that a rule, VEX or Grype's own
matchers set aside are under `ignoredMatches`.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Iterator

import msgspec

from pushpolicy.model.evidence import Finding, Scanner
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import ScanFacts, within
from pushpolicy.reports.format import Facts, FailedRunError, Format, Head, Identity, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import brief, dated, earliest, probability, score, utc, version
from pushpolicy.reports.scans import of_one_flaw, severity

# The kind of scan by the type of its source; a source without a type may have been an image.
_KINDS = {"image": "image", "": "image", "unknown": "image"}
_FIX_STATES = frozenset({"fixed", "not-fixed", "wont-fix", "unknown"})
# Reasons that Grype's matchers give, when the data of a distribution refutes a match of theirs.
_MATCHERS = frozenset(
    {
        "UnaffectedPackageEntry",
        "Explicit APK NAK",
        "DistroPackageFixed",
        "Distro Fixed",
        "Distro Not Vulnerable",
    }
)
_WRITER = re.compile(rb'"name"\s*:\s*"([^"]*)"')
# Layers: those that make up the file system, or more (syft/source/scope.go; with a capital until 0.71).
_SCOPES = frozenset({"squashed", "alllayers", "deepsquashed"})
_KERNEL = ("kernel", "linux", "linux.*")


# The parts of grype/presenter/models that are read, old and new.
class _GrypeStruct(msgspec.Struct, rename="kebab", gc=False):
    """Its configuration is in kebab case; the rest, in camel case, is named field by field."""


class _Metrics(_GrypeStruct):
    """Of one CVSS vector."""

    base_score: float | None = msgspec.field(name="baseScore", default=None)


class _Cvss(_GrypeStruct):
    """One rating of one source."""

    version: str | None = None
    metrics: _Metrics | None = None


class _Epss(_GrypeStruct):
    """FIRST's estimate for one CVE."""

    epss: float | None = None
    date: str | None = None


class _Exploited(_GrypeStruct):
    """An entry of CISA's catalogue of known exploited vulnerabilities."""

    date_added: str | None = msgspec.field(name="dateAdded", default=None)
    due_date: str | None = msgspec.field(name="dueDate", default=None)


class _Available(_GrypeStruct):
    """When a version that fixes the flaw came out, or was first seen."""

    date: str | None = None


class _Fix(_GrypeStruct):
    """Whether and where the flaw is fixed; `state` is empty where nothing is known."""

    versions: list[str] | None = None
    state: str | None = None
    available: list[_Available] | None = None


class _Vulnerability(_GrypeStruct):
    """A flaw; `fixedInVersion` and `cvssV3` are from before version 0.13."""

    id: str
    severity: str | None = None
    description: str | None = None
    cvss: list[_Cvss] | None = None
    epss: list[_Epss] | None = None
    known_exploited: list[_Exploited] | None = msgspec.field(name="knownExploited", default=None)
    fix: _Fix | None = None
    fixed_in_version: str | None = msgspec.field(name="fixedInVersion", default=None)
    cvss_v2: _Metrics | None = msgspec.field(name="cvssV2", default=None)
    cvss_v3: _Metrics | None = msgspec.field(name="cvssV3", default=None)


class _Related(_GrypeStruct):
    """The same flaw under another name."""

    id: str


class _Location(_GrypeStruct):
    """Where in the image a package lies."""

    path: str | None = None
    layer_id: str | None = msgspec.field(name="layerID", default=None)


class _Artifact(_GrypeStruct):
    """The package."""

    name: str | None = None
    version: str | None = None
    purl: str | None = None
    locations: list[_Location] | None = None


class _RulePackage(_GrypeStruct):
    """Which packages an ignore rule is about."""

    name: str | None = None
    version: str | None = None
    type: str | None = None
    location: str | None = None
    upstream_name: str | None = None


class _Rule(_GrypeStruct):
    """An ignore rule, as configured or as applied."""

    vulnerability: str | None = None
    reason: str | None = None
    namespace: str | None = None
    fix_state: str | None = None
    package: _RulePackage | None = None
    vex_status: str | None = None
    match_type: str | None = None


class _Match(_GrypeStruct):
    """A flaw in a package; with the rules that set it aside, where it is among the ignored ones."""

    vulnerability: _Vulnerability
    artifact: _Artifact
    related: list[_Related] | None = msgspec.field(name="relatedVulnerabilities", default=None)
    rules: list[_Rule] | None = msgspec.field(name="appliedIgnoreRules", default=None)


class _Layer(_GrypeStruct):
    """A layer, by the digest of its uncompressed content."""

    digest: str


class _Target(_GrypeStruct):
    """An image; `config` is its config in base64."""

    user_input: str | None = msgspec.field(name="userInput", default=None)
    image_id: str | None = msgspec.field(name="imageID", default=None)
    manifest_digest: str | None = msgspec.field(name="manifestDigest", default=None)
    repo_digests: list[str] | None = msgspec.field(name="repoDigests", default=None)
    tags: list[str] | None = None
    layers: list[_Layer] | None = None
    config: str | None = None


class _Source(_GrypeStruct):
    """What was scanned; `target` is a name for all but images."""

    type: str | None = None
    target: str | _Target | None = None


class _Search(_GrypeStruct):
    """Where packages are looked for; archives are those of Java."""

    scope: str | None = None
    indexed_archives: bool | None = None


class _Matcher(_GrypeStruct):
    """How packages are matched with flaws."""

    using_cpes: bool | None = None


class _Matchers(_GrypeStruct):
    """The matchers; the stock one is for all packages, as binaries, that have none of their own."""

    stock: _Matcher | None = None


class _Alerts(_GrypeStruct):
    """What Grype tells of beside flaws."""

    enable_eol_distro_warnings: bool | None = None


class _Configuration(_GrypeStruct):
    """The settings that make Grype leave something out, or look for less.

    `fail-on-severity` leaves nothing out, and an old database shows in its date.
    """

    only_fixed: bool | None = None
    only_notfixed: bool | None = None
    ignore_wontfix: str | None = None
    match_upstream_kernel_headers: bool | None = None
    ignore: list[_Rule] | None = None
    exclude: list[str] | None = None
    vex_documents: list[str] | None = None
    distro: str | None = None
    search: _Search | None = None
    match: _Matchers | None = None
    alerts: _Alerts | None = None


class _DatabaseStatus(_GrypeStruct):
    """The vulnerability database."""

    built: str | None = None
    valid: bool | None = None
    error: str | None = None


class _Provider(_GrypeStruct):
    """A source of the database, and when it was read."""

    captured: str | None = None


class _Database(_DatabaseStatus):
    """The same, flat before version 0.88 and under `status` since; `providers` names its sources."""

    status: _DatabaseStatus | None = None
    providers: dict[str, _Provider] | None = None


class _Descriptor(_GrypeStruct):
    """What wrote the report, how it was set up, and when."""

    name: str | None = None
    version: str | None = None
    timestamp: str | None = None
    configuration: _Configuration | None = None
    db: _Database | None = None


class _Distro(_GrypeStruct):
    """The system that was found; names are empty where none was."""

    name: str | None = None
    version: str | None = None


class _Alert(_GrypeStruct):
    """Something beside flaws; ``distro-eol`` is the only type there is."""

    type: str | None = None


class _PackageAlerts(_GrypeStruct):
    """Those about one package."""

    alerts: list[_Alert] | None = None


class _Report(_GrypeStruct):
    """The whole document."""

    matches: list[_Match]
    ignored_matches: list[_Match] | None = msgspec.field(name="ignoredMatches", default=None)
    alerts: list[_PackageAlerts] | None = msgspec.field(name="alertsByPackage", default=None)
    distro: _Distro | None = None
    source: _Source | None = None
    descriptor: _Descriptor | None = None


class _RootFs(msgspec.Struct, gc=False):
    diff_ids: list[str]


class _ImageConfig(msgspec.Struct, gc=False):
    rootfs: _RootFs


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    document = jsondoc.decode(report, _Report)
    about, source = document.descriptor or _Descriptor(), document.source or _Source()
    status, system = _database(about.db), document.distro or _Distro()
    sources = (about.db.providers if about.db else None) or {}
    scan = ScanFacts(
        scanner=Scanner(
            name="grype",
            version=version(about.version),
            db_built=utc(status.built),
            sources={name: at for name, each in sources.items() if (at := utc(each.captured))} or None,
        ),
        kind=_KINDS.get(source.type or "", "code"),
        identity=_identity(source.target),
        findings=tuple(_findings(document)),
        looked_for=("vulnerabilities",),
        at=utc(about.timestamp),
        system=" ".join(word for word in (system.name, system.version) if word) or None,
        end_of_life=_end_of_life(document),
        filters=_filters(about.configuration) if about.configuration else None,
    )
    return within(limits, [scan])


def _database(database: _Database | None) -> _DatabaseStatus:
    status = (database.status or database) if database else _DatabaseStatus()
    if status.valid is False or status.error:
        why = printable(status.error or "it does not say why")
        raise FailedRunError(f"grype says that its vulnerability database was not valid: {why}")
    return status


def _end_of_life(document: _Report) -> bool | None:
    """Whether a package is of a system that is no longer maintained; None where Grype was not asked."""
    alerts = (alert for each in document.alerts or () for alert in each.alerts or ())
    if any(alert.type == "distro-eol" for alert in alerts):
        return True
    configuration = document.descriptor.configuration if document.descriptor else None
    asked = configuration.alerts if configuration else None
    known = document.distro is not None and bool(document.distro.name)
    return False if asked and asked.enable_eol_distro_warnings and known else None


def _identity(target: str | _Target | None) -> Identity:
    if not isinstance(target, _Target):
        return Identity(name=target or None)
    repositories = (name.rpartition("@") for name in target.repo_digests or ())
    digests = [target.manifest_digest, *(digest for _, mark, digest in repositories if mark)]
    return Identity(
        name=target.user_input or None,
        # For a local image Grype computes a manifest digest of its own, which matches no pushed manifest.
        digests=tuple(digest for digest in digests if digest),
        tags=tuple(target.tags or ()),
        # Where Grype was given an SBOM, this is any name within that SBOM.
        image_id=target.image_id if (target.image_id or "").startswith("sha256:") else None,
        diff_ids=_layers(target),
    )


def _layers(target: _Target) -> tuple[str, ...]:
    """The layers that the enclosed config lists; none, when it is not the one that the image ID names."""
    if not target.config:
        return tuple(layer.digest for layer in target.layers or ())
    try:
        config = binascii.a2b_base64(target.config, strict_mode=True)
        if target.image_id != f"sha256:{hashlib.sha256(config).hexdigest()}":
            return ()
        return tuple(msgspec.json.decode(config, type=_ImageConfig).rootfs.diff_ids)
    except (binascii.Error, ValueError, RecursionError):
        return ()


def _findings(report: _Report) -> Iterator[Finding]:
    """All matches, then those that were set aside."""
    about = report.descriptor or _Descriptor()
    configured = (about.configuration.ignore if about.configuration else None) or []
    own = _MATCHERS - {rule.reason for rule in configured}
    # Only a database that has the catalogue can tell that a flaw is not in it.
    kev = False if about.db and "kev" in (about.db.providers or ()) else None
    for match in report.matches:
        yield _finding(match, kev)
    for match in report.ignored_matches or ():
        yield _finding(match, kev, _suppression(match.rules or [], own))


def _finding(match: _Match, kev: bool | None, suppressed_by: str | None = None) -> Finding:
    flaw, package, fix = match.vulnerability, match.artifact, match.vulnerability.fix
    places = [place for place in package.locations or () if place.path]
    exploited, estimate = flaw.known_exploited or (), _estimate(flaw)
    fixed_in = ", ".join((fix.versions if fix else None) or ()) or flaw.fixed_in_version or None
    state = fix.state if fix and fix.state in _FIX_STATES else None
    return Finding(
        id=flaw.id or "unidentified",
        aliases=of_one_flaw(flaw.id, (related.id for related in match.related or ())),
        severity=severity.from_word(flaw.severity),
        kind="vulnerability",
        title=brief(flaw.description),
        cvss=_score(flaw),
        epss=estimate.epss,
        kev=True if flaw.known_exploited else kev,
        package=package.name or None,
        version=package.version or None,
        purl=package.purl or None,
        fixed_in=fixed_in,
        fix_state=state if state == "wont-fix" else "fixed" if fixed_in else state,
        location=places[0].path if places else None,
        suppressed_by=suppressed_by,
        fixed_at=earliest(each.date for each in (fix.available if fix else None) or ()),
        epss_at=dated(estimate.date),
        kev_added=earliest(each.date_added for each in exploited),
        kev_due=earliest(each.due_date for each in exploited),
        layer=next((place.layer_id for place in places if place.layer_id), None),
        paths=tuple(place.path for place in places if place.path) or None,
    )


def _estimate(flaw: _Vulnerability) -> _Epss:
    """The highest that is one; none where there is none."""
    valid = [each for each in flaw.epss or () if probability(each.epss) is not None]
    return max(valid, key=lambda each: each.epss or 0, default=_Epss())


def _score(flaw: _Vulnerability) -> float | None:
    """The highest score by the newest version of CVSS that there is."""
    rated = [((c.version or "")[:1], c.metrics.base_score) for c in flaw.cvss or () if c.metrics]
    old = (("3", flaw.cvss_v3), ("2", flaw.cvss_v2))
    rated += [(version, metrics.base_score) for version, metrics in old if metrics]
    valid = [(version, value) for version, base in rated if (value := score(base)) is not None]
    return max(valid, default=("", None))[1]


def _suppression(rules: list[_Rule], own: frozenset[str]) -> str:
    if any(rule.vex_status for rule in rules):
        return "grype vex"
    if rules and all(_is_kernel_headers(rule) for rule in rules):
        return "grype kernel-headers"
    if rules and all(rule.reason in own for rule in rules):
        return "grype matcher"
    return "grype ignore"


def _filters(configuration: _Configuration) -> tuple[str, ...]:
    """What Grype was told to leave out; its own rule about headers of another kernel is not listed."""
    search, stock = configuration.search or _Search(), (configuration.match or _Matchers()).stock
    switches = {
        "only-fixed": configuration.only_fixed,
        "only-notfixed": configuration.only_notfixed,
        "indexed-archives false": search.indexed_archives is False,
        "stock using-cpes false": stock is not None and stock.using_cpes is False,
    }
    scope = (search.scope or "squashed").lower().replace("-", "")
    lists: dict[str, list[str]] = {
        "ignore-states": [configuration.ignore_wontfix] if configuration.ignore_wontfix else [],
        "exclude": configuration.exclude or [],
        "vex-documents": configuration.vex_documents or [],
        "distro": [configuration.distro]
        if configuration.distro
        else [],  # in place of the one that was found
        "scope": [] if scope in _SCOPES else [scope],
    }
    rules = (rule for rule in configuration.ignore or () if not _is_kernel_headers(rule))
    return (
        *(name for name, on in switches.items() if on),
        *(f"{name} {brief(value, 200)}" for name, values in lists.items() for value in values),
        *(f"ignore {brief(_described(rule), 200)}" for rule in rules),
    )


def _is_kernel_headers(rule: _Rule) -> bool:
    package = rule.package or _RulePackage()
    indirect = rule.match_type == "exact-indirect-match" and package.upstream_name in _KERNEL
    return indirect and not (rule.vulnerability or rule.reason or rule.fix_state or rule.vex_status)


def _described(rule: _Rule) -> str:
    package = rule.package or _RulePackage()
    told = {
        "vulnerability": rule.vulnerability,
        "package": package.name,
        "version": package.version,
        "type": package.type,
        "location": package.location,
        "namespace": rule.namespace,
        "fix-state": rule.fix_state,
        "vex-status": rule.vex_status,
        "match-type": rule.match_type,
        "reason": rule.reason,
    }
    return ", ".join(f"{name}: {value}" for name, value in told.items() if value) or "everything"


def _recognise(head: Head) -> bool:
    matches = head.keys.get("matches", b"").replace(b" ", b"").replace(b"\n", b"")
    known = {"source", "descriptor"} <= set(head.keys) or matches.startswith(b'[{"vulnerability":')
    # Xeol, which looks for the end of life of packages, writes the same form under its own name.
    writer = _WRITER.search(head.keys.get("descriptor", b""))
    is_other = writer is not None and writer[1] != b"grype"
    return not head.is_array and matches.startswith(b"[") and known and not is_other


FORMAT = Format(
    name="grype",
    kind="scans",
    media_type="application/json",
    suffixes=(".json",),
    file_names=("grype*.json", "*-grype.json", "*_grype.json", "*.grype.json"),
    marks=(b'"matches"', b'"vulnerability"', b'"dataSource"'),
    recognise=_recognise,
    document=_Report,
    read=_read,
)

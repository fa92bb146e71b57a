"""From Grype's matches to findings, and from its configuration to what it left out."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.model.evidence import Finding
from pushpolicy.reports.parsing.values import brief, probability, score
from pushpolicy.reports.scans import severity
from pushpolicy.reports.scans.grype_model import (
    Configuration,
    Descriptor,
    Match,
    Report,
    Rule,
    RulePackage,
    Vulnerability,
)
from pushpolicy.reports.scans.ids import of_one_flaw

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
_KERNEL = ("kernel", "linux", "linux.*")


def findings(report: Report) -> Iterator[Finding]:
    """All matches, then those that were set aside."""
    about = report.descriptor or Descriptor()
    configured = (about.configuration.ignore if about.configuration else None) or []
    own = _MATCHERS - {rule.reason for rule in configured}
    # Only a database that has the catalogue can tell that a flaw is not in it.
    kev = False if about.db and "kev" in (about.db.providers or ()) else None
    for match in report.matches:
        yield _finding(match, kev)
    for match in report.ignored_matches or ():
        yield _finding(match, kev, _suppression(match.rules or [], own))


def _finding(match: Match, kev: bool | None, suppressed_by: str | None = None) -> Finding:
    flaw, package, fix = match.vulnerability, match.artifact, match.vulnerability.fix
    fixed_in = ", ".join((fix.versions if fix else None) or ()) or flaw.fixed_in_version or None
    state = fix.state if fix and fix.state in _FIX_STATES else None
    return Finding(
        id=flaw.id or "unidentified",
        aliases=of_one_flaw(flaw.id, (related.id for related in match.related or ())),
        severity=severity.from_word(flaw.severity),
        kind="vulnerability",
        title=brief(flaw.description),
        cvss=_score(flaw),
        epss=max(
            (value for e in flaw.epss or () if (value := probability(e.epss)) is not None), default=None
        ),
        kev=True if flaw.known_exploited else kev,
        package=package.name or None,
        version=package.version or None,
        purl=package.purl or None,
        fixed_in=fixed_in,
        fix_state="fixed" if fixed_in else state,
        location=next((place.path for place in package.locations or () if place.path), None),
        suppressed_by=suppressed_by,
    )


def _score(flaw: Vulnerability) -> float | None:
    """The highest score by the newest version of CVSS that there is."""
    rated = [((c.version or "")[:1], c.metrics.base_score) for c in flaw.cvss or () if c.metrics]
    old = (("3", flaw.cvss_v3), ("2", flaw.cvss_v2))
    rated += [(version, metrics.base_score) for version, metrics in old if metrics]
    valid = [(version, value) for version, base in rated if (value := score(base)) is not None]
    return max(valid, default=("", None))[1]


def _suppression(rules: list[Rule], own: frozenset[str]) -> str:
    if any(rule.vex_status for rule in rules):
        return "grype vex"
    if rules and all(_is_kernel_headers(rule) for rule in rules):
        return "grype kernel-headers"
    if rules and all(rule.reason in own for rule in rules):
        return "grype matcher"
    return "grype ignore"


def filters(configuration: Configuration) -> tuple[str, ...]:
    """What Grype was told to leave out; its own rule about headers of another kernel is not told."""
    switches = {"only-fixed": configuration.only_fixed, "only-notfixed": configuration.only_notfixed}
    lists = {
        "ignore-states": [configuration.ignore_wontfix] if configuration.ignore_wontfix else [],
        "exclude": configuration.exclude or [],
        "vex-documents": configuration.vex_documents or [],
    }
    rules = (rule for rule in configuration.ignore or () if not _is_kernel_headers(rule))
    return (
        *(name for name, on in switches.items() if on),
        *(f"{name} {brief(value, 200)}" for name, values in lists.items() for value in values),
        *(f"ignore {brief(_described(rule), 200)}" for rule in rules),
    )


def _is_kernel_headers(rule: Rule) -> bool:
    package = rule.package or RulePackage()
    indirect = rule.match_type == "exact-indirect-match" and package.upstream_name in _KERNEL
    return indirect and not (rule.vulnerability or rule.reason or rule.fix_state or rule.vex_status)


def _described(rule: Rule) -> str:
    package = rule.package or RulePackage()
    parts = {
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
    return ", ".join(f"{name}: {value}" for name, value in parts.items() if value) or "everything"

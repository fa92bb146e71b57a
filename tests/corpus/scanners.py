"""Facts of the scanners that have a format of their own; see facts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from pushpolicy.model.evidence import Finding
from pushpolicy.reports.facts import ScanFacts
from pushpolicy.reports.parsing.values import NOT_PROVIDED
from pushpolicy.reports.scans import count

Facts = Mapping[str, Any]


def of_grype(results: tuple[ScanFacts, ...], stated: Facts) -> Facts:
    (scan,) = results
    found = [finding for finding in scan.findings if finding.suppressed_by is None]
    digests = list(scan.identity.digests)
    manifest = digests.pop(0) if stated["manifest_digest"] else None
    unknown = stated["scanner_version"] == NOT_PROVIDED  # for us no version, for the manifest a text
    return _listed(found) | {
        "scanner": scan.scanner.name if stated["scanner"] else None,
        "scanner_version": NOT_PROVIDED if unknown and not scan.scanner.version else scan.scanner.version,
        "target_name": scan.identity.name,
        "image_digests": digests or None,
        "manifest_digest": manifest,
        "image_id": scan.identity.image_id,
        "scan_timestamp": scan.at,
        "db_built": scan.scanner.db_built,
        "ignored_matches": len(scan.findings) - len(found),
        "distinct_vulnerability_ids": len({finding.id for finding in found}),
    }


def of_snyk(results: tuple[ScanFacts, ...], stated: Facts) -> Facts:
    everything = [finding for scan in results for finding in scan.findings]
    found = [finding for finding in everything if finding.kind != "misconfiguration"]
    wrong = [finding for finding in everything if finding.kind == "misconfiguration"]
    unique = list({finding.id: finding for finding in found}.values())
    facts = _listed(found) | {
        "scanner": results[0].scanner.name,
        "target_name": results[0].identity.name,
        "unique_ids": len(unique),
        "unique_by_severity": _severities(unique),
        "unique_with_fix": sum(finding.fixed_in is not None for finding in unique),
    }
    if stated["iac_issues"] is not None:
        facts |= {"iac_issues": len(wrong), "iac_by_severity": _severities(wrong)}
    return facts


def of_clair(results: tuple[ScanFacts, ...], stated: Facts) -> Facts:
    (scan,) = results
    facts = _listed(scan.findings) | {
        "target_name": scan.identity.name,
        "image_digests": list(scan.identity.digests) or None,
    }
    if stated["with_fix"] is None:  # the versions of the file are placeholders
        facts["with_fix"] = facts["with_fix"] or None
    return facts


def of_osv(results: tuple[ScanFacts, ...], stated: Facts) -> Facts:
    """OSV-Scanner counts its groups for each package; we count a flaw once, in however many it is."""
    (scan,) = results
    packages: dict[tuple[str | None, ...], list[Finding]] = defaultdict(list)
    for finding in scan.findings:
        packages[finding.location, finding.package, finding.version].append(finding)
    groups: Counter[str] = Counter()
    for findings in packages.values():
        groups.update(count(findings).by_severity)
    return _listed(scan.findings) | {
        "scanner": scan.scanner.name,
        "groups": groups.total(),
        "groups_by_severity": +groups,
        "packages_with_vulnerabilities": len(packages),
        "distinct_ids": len({finding.id for finding in scan.findings}),
    }


def of_gitlab(results: tuple[ScanFacts, ...], stated: Facts) -> Facts:
    (scan,) = results
    facts = _listed(scan.findings)
    if stated["by_severity"] is None:  # code quality has its own words
        return {"findings_total": facts["findings_total"], "by_severity": None}
    images = sorted({f.location for f in scan.findings if f.location}) if scan.kind == "image" else []
    return facts | {
        "images": images or None,
        "scanner": scan.scanner.name if stated["scanner"] else None,
        "scanner_version": scan.scanner.version,
        "scan_timestamp": scan.at.removesuffix("Z") if scan.at else None,
    }


def _listed(findings: Iterable[Finding]) -> dict[str, Any]:
    found = list(findings)
    return {
        "findings_total": len(found),
        "by_severity": _severities(found),
        "with_fix": sum(finding.fixed_in is not None for finding in found),
    }


def _severities(findings: Iterable[Finding]) -> dict[str, int]:
    return dict(Counter(finding.severity.value for finding in findings))

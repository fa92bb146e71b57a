"""What the corpus states about its files, beside what was read: one function for each kind.

Each gives our values under the manifest's own names; the test compares those that the manifest states.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pushpolicy.model.evidence import Finding
from pushpolicy.reports.facts import ScanFacts
from pushpolicy.reports.parsing.values import utc
from pushpolicy.reports.pipeline import PipelineFacts
from pushpolicy.reports.scans import count
from tests.corpus import boms, runs, scanners

Facts = Mapping[str, Any]
_LEVELS = {"high": "error", "medium": "warning", "low": "note", "unknown": "notApplicable"}


def of_trivy(results: tuple[ScanFacts, ...], stated: Facts) -> Facts:
    (scan,) = results
    listed = [finding for finding in scan.findings if finding.suppressed_by is None]
    flaws = [finding for finding in listed if finding.kind == "vulnerability"]
    secrets = [finding for finding in listed if finding.kind == "secret"]
    wrong = [finding for finding in listed if finding.kind == "misconfiguration"]
    return {
        "findings_total": len(flaws),
        "by_severity": severities(flaws),
        "with_fix": sum(finding.fixed_in is not None for finding in flaws),
        "distinct_vulnerability_ids": sum(count(flaws).by_severity.values()),
        "secrets": len(secrets),
        "secrets_by_severity": severities(secrets),
        "misconfigurations_failed_by_severity": severities(wrong),
        "suppressed_findings": len(scan.findings) - len(listed) or None,
        "scanner": scan.scanner.name,
        "scanner_version": scan.scanner.version,
        "target_name": scan.identity.name,
        "image_digests": list(scan.identity.digests) or None,
        "image_id": scan.identity.image_id,
        "scan_timestamp": scan.at,
    }


def of_sarif(results: tuple[ScanFacts | PipelineFacts, ...], stated: Facts) -> Facts:
    scans = [each for each in results if isinstance(each, ScanFacts)]
    if len(scans) < len(results):
        leaks = [each for each in results if isinstance(each, PipelineFacts)]
        return {"findings_total": sum(len(each.findings) + len(each.risks) for each in leaks)}
    findings = [finding for scan in scans for finding in scan.findings]
    facts: dict[str, Any] = {
        "findings_total": len(findings),
        "suppressed_results": sum(finding.suppressed_by is not None for finding in findings),
        "by_severity": severities(findings),
    }
    if stated["by_severity"] is None:
        # Nothing in the file but levels: ours are made of them.
        facts["by_severity"] = None
        facts["by_effective_level"] = {_LEVELS[key]: n for key, n in severities(findings).items()}
    if scans:
        facts |= {
            "scanner": scans[0].scanner.name,
            "scanner_version": scans[0].scanner.version,
            "target_name": scans[0].identity.name,
            "scan_timestamp": scans[0].at,
        }
    return facts


def severities(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each severity that occurs."""
    return dict(Counter(finding.severity.value for finding in findings))


def agree(name: str, ours: Any, stated: Any) -> bool:
    """Whether our value is what the manifest says, in its spelling."""
    if name.endswith("by_severity") or name == "by_effective_level":
        unknown = {
            "missing": "unknown",
            "none": "negligible",
            "info": "negligible",
            "other:defcon1": "critical",
        }
        wanted: Counter[str] = Counter()
        for key, number in (stated or {}).items():
            wanted[unknown.get(key, key)] += number
        return Counter(ours or {}) == +wanted
    if name in ("scan_timestamp", "timestamp_first"):
        return ours in (stated, utc(stated))
    return bool(ours == stated)


READERS: Mapping[str, tuple[tuple[str, ...], Callable[[Any, Facts], Facts]]] = {
    "junit": (("junit",), runs.of_tests),
    "nunit": (("nunit", "xunit"), runs.of_tests),
    "trx": (("trx",), runs.of_tests),
    "tap": (("tap",), runs.of_tap),
    "gotest": (("gotest",), runs.of_gotest),
    "ctrf": (("ctrf",), runs.of_ctrf),
    "coverage": (("cobertura", "clover", "jacoco", "lcov"), runs.of_coverage),
    "trivy": (("trivy", "trivy-k8s", "trivy-legacy", "trivy-operator"), of_trivy),
    "sarif": (("sarif",), of_sarif),
    "grype": (("grype",), scanners.of_grype),
    "snyk": (("snyk",), scanners.of_snyk),
    "clair": (("clair", "clair-scanner", "klar"), scanners.of_clair),
    "osv": (("osv-scanner",), scanners.of_osv),
    "gitlab": (("gitlab", "gitlab-codequality"), scanners.of_gitlab),
    "cyclonedx": (("cyclonedx", "cyclonedx-xml"), boms.of_cyclonedx),
    "spdx": (("spdx", "spdx-3", "spdx-tag-value", "spdx-yaml"), boms.of_spdx),
    "openvex": (("openvex",), boms.of_openvex),
}
"""For each kind of the corpus: the formats that its files may be recognised as, and our facts."""

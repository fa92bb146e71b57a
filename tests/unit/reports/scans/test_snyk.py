"""Snyk: projects, images with applications, IaC, what a policy set aside, and runs that failed."""

from __future__ import annotations

from typing import Any

import pytest

from pushpolicy.model.evidence import Severity
from pushpolicy.reports.format import FailedRunError, ReportError
from pushpolicy.reports.scans.snyk import FORMAT
from tests.unit.reports.scans.reading import read_all, read_one, recognised

FLAW: dict[str, Any] = {
    "id": "SNYK-JS-X-1",
    "title": "a hole",
    "severity": "high",
    "cvssScore": 7.5,
    "identifiers": {"CVE": ["CVE-2026-1234"], "GHSA": ["GHSA-2222-3333-4444"], "CWE": ["CWE-1"]},
    "epssDetails": {"probability": "0.5"},
    "name": "x",
    "version": "1",
    "fixedIn": ["2", "3"],
}
DIGEST = f"sha256:{'a' * 64}"


def project(*flaws: dict[str, Any], **fields: Any) -> dict[str, Any]:
    base = {
        "vulnerabilities": list(flaws),
        "ok": not flaws,
        "org": "me",
        "dependencyCount": 1,
        "path": "/src",
    }
    return base | fields


def test_a_flaw_is_read_whole() -> None:
    (finding,) = read_one(FORMAT, project(FLAW, displayTargetFile="package.json")).findings
    assert (finding.id, finding.aliases) == ("SNYK-JS-X-1", ("CVE-2026-1234", "GHSA-2222-3333-4444"))
    assert (finding.severity, finding.cvss, finding.epss) == (Severity.HIGH, 7.5, 0.5)
    assert (finding.package, finding.version, finding.fixed_in) == ("x", "1", "2, 3")
    assert (finding.kind, finding.location, finding.fix_state) == ("vulnerability", "package.json", "fixed")


def test_severity_ended_at_high_once() -> None:
    assert (
        read_one(FORMAT, project(FLAW | {"severityWithCritical": "critical"})).findings[0].severity
        == "critical"
    )


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"fixedIn": []}, "not-fixed"),
        ({"fixedIn": [], "isUpgradable": True}, "unknown"),
        ({"fixedIn": None}, "unknown"),
        ({"fixedIn": None, "nearestFixedInVersion": "2"}, "fixed"),
    ],
)
def test_only_an_empty_list_says_that_there_is_no_fix(fields: dict[str, Any], state: str) -> None:
    assert read_one(FORMAT, project(FLAW | fields)).findings[0].fix_state == state


def test_an_image_and_the_applications_in_it_are_one_scan() -> None:
    image = project(FLAW, docker={}, path=f"r/app@{DIGEST}", applications=[project(FLAW | {"id": "SNYK-2"})])
    scan = read_one(FORMAT, image)
    assert (scan.kind, scan.identity.digests) == ("image", (DIGEST,))
    assert [finding.id for finding in scan.findings] == ["SNYK-JS-X-1", "SNYK-2"]


def test_the_projects_of_a_checkout_are_one_scan_and_images_one_each() -> None:
    scans = read_all(
        FORMAT, [project(FLAW), project(docker={}, path="a"), project(), project(docker={}, path="b")]
    )
    assert [(scan.kind, len(scan.findings)) for scan in scans] == [("code", 1), ("image", 0), ("image", 0)]


def test_grouped_issues_name_the_package_once() -> None:
    grouped = FLAW | {"name": ["musl/a", "musl/b"], "packageName": "musl"}
    assert read_one(FORMAT, project(grouped)).findings[0].package == "musl"


def test_what_a_policy_set_aside_stays_visible() -> None:
    scan = read_one(FORMAT, project(filtered={"ignore": [FLAW], "patch": [FLAW]}))
    assert [finding.suppressed_by for finding in scan.findings] == ["snyk ignore", "snyk patch"]


def test_a_licence_is_counted_as_one() -> None:
    licence = {"id": "snyk:lic:npm:x:GPL-3.0", "type": "license", "severity": "high"}
    assert read_one(FORMAT, project(licence)).findings[0].kind == "license"


def test_issues_of_iac_have_a_line() -> None:
    issues = [{"id": "SNYK-CC-1", "severity": "low", "lineNumber": line} for line in (3, -1)]
    scan = read_one(FORMAT, [project(infrastructureAsCodeIssues=issues, ok=False, targetFile="a.tf")])
    assert scan.kind == "config"
    assert [(f.kind, f.location) for f in scan.findings] == [
        ("misconfiguration", "a.tf:3"),
        ("misconfiguration", "a.tf"),
    ]


def test_a_threshold_is_told() -> None:
    assert read_one(FORMAT, project(severityThreshold="high")).filters == ("severity-threshold high",)
    assert read_one(FORMAT, project()).filters is None


@pytest.mark.parametrize(
    "content",
    [
        {"ok": False, "error": "no image\x1b", "path": "app"},
        [project(), {"ok": False, "error": {"code": 1}, "path": "b"}],
        project(ok=False),
        project(docker={}, applications=[project(ok=False)]),
    ],
)
def test_a_project_that_could_not_be_tested_fails(content: Any) -> None:
    with pytest.raises(FailedRunError) as caught:
        read_all(FORMAT, content)
    assert str(caught.value).isprintable()


def test_an_image_may_be_not_ok_for_its_applications() -> None:
    assert read_one(FORMAT, project(ok=False, docker={}, applications=[project(FLAW)])).findings


@pytest.mark.parametrize(
    "content", ["[1]", '{"vulnerabilities": {}}', '{"ok": true}', '{"vulnerabilities": [{}]}']
)
def test_hostile_documents_are_refused(content: str) -> None:
    with pytest.raises(ReportError):
        read_all(FORMAT, content)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (project(), "snyk"),
        ([project()], "snyk"),
        ({"vulnerabilities": [FLAW]}, "snyk"),
        ({"ok": False, "error": "x", "path": "y"}, "snyk"),
        ({"ok": False, "error": "x"}, None),
        ({"vulnerabilities": []}, None),
        ({"auditReportVersion": 2, "vulnerabilities": {}, "metadata": {}}, None),
        ({"imageDigest": "sha256:a", "vulnerabilities": [], "vulnerability_type": "all"}, None),
    ],
)
def test_recognition(content: Any, name: str | None) -> None:
    assert recognised(content) == name


def test_a_project_that_counts_flaws_and_lists_none_is_not_clean() -> None:
    for content in (project(uniqueCount=5), project(docker={}, applications=[project(uniqueCount=1)])):
        with pytest.raises(ReportError, match="lists none of them"):
            read_all(FORMAT, content)
    assert read_one(FORMAT, project(uniqueCount=0)).findings == ()
    assert len(read_one(FORMAT, project(uniqueCount=1, filtered={"ignore": [FLAW]})).findings) == 1

"""GitLab's security reports of every type, and its Code Quality report."""

from __future__ import annotations

from typing import Any

import pytest

from pushpolicy.model.evidence import Severity
from pushpolicy.reports.format import FailedRunError, ReportError
from pushpolicy.reports.scans import gitlab
from tests.unit.reports.scans.reading import read_one, recognised

DIGEST = f"sha256:{'a' * 64}"
FLAW: dict[str, Any] = {
    "id": "d5844e54",
    "severity": "Critical",
    "name": "a hole",
    "solution": "Upgrade curl to 7.61.1-r0",
    "location": {
        "dependency": {"package": {"name": "curl"}, "version": "7.61.0-r0"},
        "image": f"r/app@{DIGEST}",
    },
    "identifiers": [
        {"type": "gemnasium", "value": "ffb814a0-404c"},
        {"type": "cve", "value": "CVE-2026-1234"},
        {"type": "ghsa", "value": "GHSA-2222-3333-4444"},
    ],
}


def report(*flaws: dict[str, Any], **scan: Any) -> dict[str, Any]:
    block = {
        "type": "container_scanning",
        "status": "success",
        "start_time": "2026-01-02T03:04:05",
        "end_time": "2026-01-02T03:05:05",
        "scanner": {"id": "trivy", "name": "Trivy", "version": "0.70.0"},
    }
    return {"version": "15.1.1", "vulnerabilities": list(flaws), "scan": block | scan}


def test_a_flaw_of_an_image_is_read_whole() -> None:
    scan = read_one(gitlab.FORMAT, report(FLAW))
    (finding,) = scan.findings
    assert (scan.kind, scan.scanner.name, scan.scanner.version) == ("image", "Trivy", "0.70.0")
    assert (scan.at, scan.identity.digests) == ("2026-01-02T03:05:05Z", (DIGEST,))
    assert (finding.id, finding.aliases) == ("CVE-2026-1234", ("GHSA-2222-3333-4444",))
    assert (finding.severity, finding.kind, finding.package) == (Severity.CRITICAL, "vulnerability", "curl")
    assert (finding.version, finding.fixed_in, finding.fix_state) == ("7.61.0-r0", "7.61.1-r0", "fixed")


@pytest.mark.parametrize(
    ("solution", "version", "state"),
    [
        ("Upgrade to version 0.3.3 or above.", "0.3.3", "fixed"),
        ("Upgrade to versions 1.2, 2.0 or above.", "1.2, 2.0", "fixed"),
        ("Unfortunately, there is no solution available yet.", None, "not-fixed"),
        ("No solution provided", None, "unknown"),
        ("Do not use eval.", None, "unknown"),
        ("", None, "unknown"),
    ],
)
def test_what_a_solution_says(solution: str, version: str | None, state: str) -> None:
    finding = read_one(gitlab.FORMAT, report(FLAW | {"solution": solution})).findings[0]
    assert (finding.fixed_in, finding.fix_state) == (version, state)


@pytest.mark.parametrize(
    ("scan_type", "kind", "finding_kind"),
    [
        ("sast", "code", "code"),
        ("secret_detection", "secret", "secret"),
        ("dependency_scanning", "code", "vulnerability"),
        ("dast", "code", "code"),
    ],
)
def test_the_kind_follows_from_the_type(scan_type: str, kind: str, finding_kind: str) -> None:
    entry = {
        "location": {"file": "a.py", "start_line": 3},
        "identifiers": [{"type": "rule", "value": "B703"}],
        "severity": "Info",
    }
    scan = read_one(gitlab.FORMAT, report(entry, type=scan_type))
    (finding,) = scan.findings
    assert (scan.kind, finding.kind, finding.id) == (kind, finding_kind, "B703")
    assert (finding.location, finding.severity) == ("a.py:3", Severity.NEGLIGIBLE)


def test_without_a_scan_block_the_findings_tell() -> None:
    old = {"version": "2.3", "vulnerabilities": [FLAW | {"scanner": {"name": "Klar"}}]}
    scan = read_one(gitlab.FORMAT, old)
    assert (scan.kind, scan.scanner.name, scan.at) == ("image", "Klar", None)
    assert read_one(gitlab.FORMAT, {"version": "2.3", "vulnerabilities": []}).kind == "code"


def test_several_images_are_none() -> None:
    other = FLAW | {"location": {"image": "Node.js"}}
    assert read_one(gitlab.FORMAT, report(FLAW, other)).identity.digests == ()


def test_flags_stay_visible() -> None:
    flagged = FLAW | {"flags": [{"type": "flagged-as-likely-false-positive"}]}
    assert (
        read_one(gitlab.FORMAT, report(flagged)).findings[0].suppressed_by
        == "gitlab flagged-as-likely-false-positive"
    )


@pytest.mark.parametrize(
    "scan",
    [
        {"status": "failure"},
        {"messages": [{"level": "fatal", "value": "no db"}]},
        {"messages": [{"level": "error"}]},
    ],
)
def test_a_scan_that_failed_is_no_scan(scan: dict[str, Any]) -> None:
    with pytest.raises(FailedRunError):
        read_one(gitlab.FORMAT, report(**scan))


@pytest.mark.parametrize(
    "content", ["{}", '{"version": "15", "vulnerabilities": {}}', '{"version": 1, "vulnerabilities": []}']
)
def test_hostile_documents_are_refused(content: str) -> None:
    with pytest.raises(ReportError):
        read_one(gitlab.FORMAT, content)


ISSUE = {
    "description": "CVE-2026-1234 - curl - a hole",
    "check_name": "container_scanning",
    "fingerprint": "f",
    "severity": "minor",
    "location": {"path": "a.py", "lines": {"begin": 3}},
}


def test_code_quality() -> None:
    flaw, smell = read_one(
        gitlab.CODEQUALITY, [ISSUE, ISSUE | {"description": "too long", "severity": "blocker"}]
    ).findings
    assert (flaw.id, flaw.kind, flaw.severity) == ("CVE-2026-1234", "vulnerability", Severity.MEDIUM)
    assert (smell.id, smell.kind, smell.severity) == ("container_scanning", "code", Severity.CRITICAL)
    assert smell.location == "a.py:3"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (report(), "gitlab"),
        ({"version": "2.3", "vulnerabilities": [FLAW], "remediations": []}, "gitlab"),
        ([ISSUE], "gitlab-codequality"),
        ({"vulnerabilities": []}, None),
        ({"version": "1", "vulnerabilities": []}, None),
        ({"version": 1, "vulnerabilities": [], "metadata": {}}, None),
        ([{"description": "x", "location": "y"}], None),
    ],
)
def test_recognition(content: Any, name: str | None) -> None:
    assert recognised(content) == name

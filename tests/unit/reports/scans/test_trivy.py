"""Trivy: findings of every kind, what was scanned, and hostile documents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pushpolicy.model.evidence import Severity
from pushpolicy.reports.facts import ScanFacts
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.scans.trivy import FORMAT, K8S
from tests.unit.reports.bytes_report import BytesReport, only

FLAW = {
    "VulnerabilityID": "CVE-2026-1234",
    "VendorIDs": ["GHSA-2222-3333-4444", "DSA-1-1"],
    "PkgName": "openssl",
    "PkgIdentifier": {"PURL": "pkg:deb/debian/openssl@1"},
    "InstalledVersion": "1",
    "FixedVersion": "2",
    "Status": "fixed",
    "Severity": "CRITICAL",
    "Title": "a hole",
    "CVSS": {"nvd": {"V3Score": 9.8, "V2Score": 7}, "redhat": {"V3Score": 8.1}},
}


def read(content: str | bytes | dict[str, Any], limits: Limits | None = None) -> ScanFacts:
    text = json.dumps(content) if isinstance(content, dict) else content
    raw = text if isinstance(text, bytes) else text.encode()
    return only(ScanFacts, FORMAT.read(BytesReport(raw), limits or Limits()))


def report(*results: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"SchemaVersion": 2, "ArtifactType": "container_image", "Results": list(results)} | fields


def test_a_vulnerability_is_read_whole() -> None:
    (finding,) = read(report({"Target": "app (debian)", "Vulnerabilities": [FLAW]})).findings
    assert finding.severity is Severity.CRITICAL
    assert (finding.id, finding.aliases) == ("CVE-2026-1234", ("GHSA-2222-3333-4444",))
    assert (finding.package, finding.version, finding.fixed_in, finding.cvss) == ("openssl", "1", "2", 9.8)
    assert (finding.purl, finding.kind) == ("pkg:deb/debian/openssl@1", "vulnerability")


@pytest.mark.parametrize(
    ("status", "fixed", "state"),
    [
        ("fixed", "2", "fixed"),
        ("affected", "", "not-fixed"),
        ("will_not_fix", "", "wont-fix"),
        ("under_investigation", "", "unknown"),
        (None, "", "unknown"),
        ("fixed", "", "unknown"),
        ("affected", "2", "fixed"),
    ],
)
def test_only_a_status_says_that_there_is_no_fix(status: str | None, fixed: str, state: str) -> None:
    flaw = FLAW | {"Status": status, "FixedVersion": fixed}
    assert read(report({"Vulnerabilities": [flaw]})).findings[0].fix_state == state


def test_misconfigurations_count_when_they_failed() -> None:
    entries = [
        {"ID": f"DS{n}", "Severity": "HIGH", "Status": s} for n, s in enumerate(["PASS", "FAIL", "EXCEPTION"])
    ]
    found = read(report({"Target": "Dockerfile", "Class": "config", "Misconfigurations": entries})).findings
    assert [(f.id, f.kind, f.suppressed_by) for f in found] == [
        ("DS1", "misconfiguration", None),
        ("DS2", "misconfiguration", "trivy exception"),
    ]


def test_secrets_have_a_place() -> None:
    entry = {"RuleID": "aws", "Severity": "CRITICAL", "StartLine": 3, "Match": "AKIA****"}
    (finding,) = read(report({"Target": "a.env", "Secrets": [entry]})).findings
    assert (finding.id, finding.kind, finding.location) == ("aws", "secret", "a.env:3")


def test_findings_that_were_set_aside_stay_visible() -> None:
    aside = {"Type": "vulnerability", "Status": "ignored", "Source": ".trivyignore", "Finding": FLAW}
    (finding,) = read(report({"ExperimentalModifiedFindings": [aside]})).findings
    assert (finding.id, finding.suppressed_by) == ("CVE-2026-1234", ".trivyignore ignored")


def test_an_entry_without_an_id_or_severity_still_counts() -> None:
    (finding,) = read(report({"Vulnerabilities": [{"PkgName": "x"}]})).findings
    assert (finding.id, finding.severity) == ("unidentified", Severity.UNKNOWN)


def test_the_image_is_told_by_digests() -> None:
    metadata = {"ImageID": "sha256:c", "RepoDigests": ["r/app@sha256:m"], "DiffIDs": ["sha256:1", "sha256:2"]}
    identity = read(report(Metadata=metadata, ArtifactName="app:1")).identity
    assert (identity.name, identity.digests, identity.image_id) == ("app:1", ("sha256:m",), "sha256:c")
    assert identity.diff_ids == ("sha256:1", "sha256:2")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"ArtifactType": "container_image"}, "image"),
        ({"ArtifactType": "cyclonedx", "Metadata": {"ImageID": "sha256:c"}}, "image"),
        ({"ArtifactType": "filesystem"}, "code"),
        ({"ArtifactType": "filesystem", "Results": [{"Class": "config"}]}, "config"),
        ({"ArtifactType": "filesystem", "Results": [{"Class": "secret"}]}, "secret"),
        ({"ArtifactType": "repository", "Results": [{"Class": "config"}, {"Class": "lang-pkgs"}]}, "code"),
    ],
)
def test_the_kind_follows_from_what_was_scanned(fields: dict[str, Any], kind: str) -> None:
    assert read(report(**fields)).kind == kind


def test_version_time_and_commit() -> None:
    scan = read(
        report(
            Trivy={"Version": "0.70.0"},
            CreatedAt="2026-01-02T03:04:05.123456789+02:00",
            Metadata={"Commit": "abc"},
        )
    )
    assert (scan.scanner.version, scan.at, scan.commit) == ("0.70.0", "2026-01-02T01:04:05.123456Z", "abc")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        '{"SchemaVersion": 2, "Results": 1}',
        '{"SchemaVersion": 1}',
        '{"SchemaVersion": "2"}',
        '{"SchemaVersion": NaN}',
        '{"SchemaVersion": 2, "ArtifactName": "\\ud800"}',
        b'{"SchemaVersion": 2, "ArtifactName": "\xff"}',
        b'{"SchemaVersion": 2, "Unread": "\xff"}',
        '{"SchemaVersion": 2, "x": ' + "[" * 200_000 + "]" * 200_000 + "}",
        '{"SchemaVersion": 2} trailing',
        '{"SchemaVersion": 2, "Results": [{"Vulnerabilities": [{"CVSS": {"nvd": {"V3Score": "9"}}}]}]}',
        json.dumps(report({"ExperimentalModifiedFindings": [{"Type": "secret", "Finding": 1}]})),
    ],
)
def test_hostile_documents_are_refused(content: str | bytes) -> None:
    with pytest.raises(ReportError):
        read(content)


def test_utf16_with_a_byte_order_mark_is_read() -> None:
    assert read(json.dumps(report({"Vulnerabilities": [FLAW]})).encode("utf-16")).findings


def test_a_key_that_occurs_twice_counts_last() -> None:
    assert read('{"SchemaVersion": 1, "SchemaVersion": 2}').findings == ()


def test_findings_are_never_cut_short() -> None:
    content = report({"Vulnerabilities": [FLAW] * 3})
    with pytest.raises(ReportError, match="limit of 2"):
        read(content, Limits(max_findings=2))
    with pytest.raises(ReportError, match="characters"):
        read(content, Limits(max_text=5))


OS = {"Target": "app", "Class": "os-pkgs", "Type": "alpine"}
LISTED = OS | {"Packages": [{"Name": "musl"}]}
ASIDE = {"Type": "vulnerability", "Status": "ignored", "Finding": FLAW}
LICENCE = {"Target": "app", "Class": "license", "Licenses": [{"Name": "MIT"}]}
SECRET = {"Target": "/key", "Class": "secret", "Secrets": [{"RuleID": "aws", "Severity": "HIGH"}]}


@pytest.mark.parametrize(
    ("results", "looked_for"),
    [
        ([], ("unsaid",)),
        ([OS], ("vulnerabilities",)),
        ([LISTED], ("unsaid",)),
        ([LISTED, OS], ("unsaid",)),
        ([LISTED, SECRET], ("secrets", "unsaid")),
        ([LISTED | {"ExperimentalModifiedFindings": [ASIDE]}], ("vulnerabilities",)),
        ([{"Target": "a", "Vulnerabilities": [FLAW]}], ("vulnerabilities",)),
        ([LICENCE], ("licences",)),
        ([LISTED, LICENCE], ("licences", "unsaid")),
        ([LISTED | {"Vulnerabilities": [FLAW]}, LICENCE], ("licences", "vulnerabilities")),
        ([SECRET], ("secrets",)),
        ([OS, SECRET], ("secrets", "vulnerabilities")),
        ([{"Target": "Dockerfile", "Class": "config"}], ("misconfiguration",)),
    ],
)
def test_what_was_looked_for_is_what_the_classes_show(
    results: list[dict[str, Any]], looked_for: tuple[str, ...]
) -> None:
    assert read(report(*results)).looked_for == looked_for
    assert read(report(Results=None)).looked_for == ("unsaid",)


def test_packages_are_counted_where_they_are_listed() -> None:
    assert [read(report(*results)).packages for results in ([], [OS], [LISTED, OS, LISTED])] == [
        None,
        None,
        2,
    ]


@pytest.mark.parametrize(
    ("system", "told"),
    [
        ({"Family": "alpine", "Name": "3.10.2", "EOSL": True}, ("alpine 3.10.2", True)),
        ({"Family": "alpine", "Name": "3.22.1"}, ("alpine 3.22.1", False)),
        (None, (None, None)),
    ],
)
def test_the_end_of_life_of_the_system_is_a_fact(
    system: dict[str, Any] | None, told: tuple[str | None, bool | None]
) -> None:
    scan = read(report(OS, Metadata={"OS": system}))
    assert (scan.system, scan.end_of_life) == told
    unsaid = read(report(LISTED, Metadata={"OS": system}))
    assert (unsaid.system, unsaid.end_of_life) == (told[0], told[1] or None)


@pytest.mark.parametrize("status", ["FAIL", "fail", "Failed", "UNKNOWN", ""])
def test_a_misconfiguration_of_a_status_that_is_not_pass_counts(status: str) -> None:
    entry = {"ID": "DS002", "Severity": "HIGH", "Status": status}
    assert len(read(report({"Target": "a", "Class": "config", "Misconfigurations": [entry]})).findings) == 1
    passed = entry | {"Status": "PASS"}
    assert read(report({"Target": "a", "Misconfigurations": [passed]})).findings == ()


@pytest.mark.parametrize("kind", ["vulnerability", "Vulnerability", "VULNERABILITY", "flaw", None])
def test_a_finding_that_was_set_aside_counts_whatever_its_type_is_called(kind: str | None) -> None:
    modified = {"Type": kind, "Status": "ignored", "Source": ".trivyignore", "Finding": FLAW}
    (finding,) = read(report({"Target": "a", "ExperimentalModifiedFindings": [modified]})).findings
    assert (finding.id, finding.suppressed_by) == ("CVE-2026-1234", ".trivyignore ignored")


def test_an_old_report_of_a_cluster_lists_its_resources_by_what_was_looked_for() -> None:
    resource = {"Kind": "Pod", "Name": "web", "Results": [{"Target": "app", "Vulnerabilities": [FLAW]}]}
    wrong = {"Results": [{"Target": "y", "Misconfigurations": [{"ID": "KSV1", "Status": "FAIL"}]}]}
    content = {"ClusterName": "c", "Vulnerabilities": [resource], "Misconfigurations": [wrong]}
    head = jsondoc.head(json.dumps(content).encode(), b"")
    assert K8S.recognise(head)
    scan = only(ScanFacts, K8S.read(BytesReport(json.dumps(content).encode()), Limits()))
    assert [finding.id for finding in scan.findings] == ["CVE-2026-1234", "KSV1"]

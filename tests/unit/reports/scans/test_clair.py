"""Clair v4, Quay's answer made of it, and the two reporters over Clair v2."""

from __future__ import annotations

from typing import Any

import pytest

from pushpolicy.model.evidence import Severity
from pushpolicy.reports.format import FailedRunError, ReportError
from pushpolicy.reports.scans import clair, klar, quay
from tests.unit.reports.scans.reading import read_one, recognised

DIGEST = f"sha256:{'a' * 64}"
FLAW = {
    "name": "RHSA-2026:0109: perl update (CVE-2026-1234)",
    "description": "a hole",
    "normalized_severity": "High",
    "fixed_in_version": "2",
}
OLD = {
    "vulnerability": "CVE-2026-1234",
    "severity": "Low",
    "featurename": "x",
    "featureversion": "1",
    "fixedby": "",
}


def report(**fields: Any) -> dict[str, Any]:
    base = {
        "manifest_hash": DIGEST,
        "packages": {"p": {"name": "perl", "version": "1"}, "q": {"name": "libperl", "version": "1"}},
        "vulnerabilities": {"v": FLAW},
        "package_vulnerabilities": {"p": ["v"], "q": ["v"]},
        "enrichments": {},
    }
    return base | fields


def enriched(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    return {f"message/vnd.clair.map.vulnerability; enricher=clair.{name} schema=none": [{"v": [entry]}]}


def test_each_package_is_a_finding() -> None:
    scan = read_one(clair.FORMAT, report())
    assert (scan.kind, scan.identity.digests) == ("image", (DIGEST,))
    assert [(f.id, f.package, f.version) for f in scan.findings] == [
        ("RHSA-2026:0109", "perl", "1"),
        ("RHSA-2026:0109", "libperl", "1"),
    ]
    first = scan.findings[0]
    assert (first.aliases, first.severity, first.fixed_in) == (("CVE-2026-1234",), Severity.HIGH, "2")
    assert (first.cvss, first.epss, first.kev) == (None, None, None)


def test_enrichments_are_joined_by_key() -> None:
    more = enriched("cvss", {"version": "3.1", "baseScore": 9.8}) | enriched("epss", {"epss": 0.5})
    finding = read_one(clair.FORMAT, report(enrichments=more | enriched("kev", {"cve": "x"}))).findings[0]
    assert (finding.cvss, finding.epss, finding.kev) == (9.8, 0.5, True)


@pytest.mark.parametrize(
    ("stated", "version"),
    [
        ("0:0", None),
        ("", None),
        ("fixed=1.2&introduced=1", "1.2"),
        ("introduced=1", None),
        ("introduced=0&lastAffected=4.17.20", None),
        ("2-1", "2-1"),
    ],
)
def test_where_it_is_fixed(stated: str, version: str | None) -> None:
    flaws = {"v": FLAW | {"fixed_in_version": stated}}
    assert read_one(clair.FORMAT, report(vulnerabilities=flaws)).findings[0].fixed_in == version


def test_a_flaw_of_no_package_counts_unless_it_is_inverted() -> None:
    flaws = {"v": FLAW, "w": FLAW | {"package": {"name": "w"}}, "x": FLAW | {"Invert": True}}
    found = read_one(clair.FORMAT, report(vulnerabilities=flaws)).findings
    assert [finding.package for finding in found] == ["perl", "libperl", "w"]


@pytest.mark.parametrize(
    "fields", [{"state": "IndexError", "success": False, "err": "no"}, {"state": "Scanning"}, {"err": "no"}]
)
def test_an_index_that_did_not_finish_fails(fields: dict[str, Any]) -> None:
    with pytest.raises(FailedRunError):
        read_one(clair.FORMAT, {"manifest_hash": DIGEST, "packages": {}} | fields)


@pytest.mark.parametrize(
    "content",
    [
        {"manifest_hash": DIGEST, "packages": {}, "state": "IndexFinished", "success": True},
        report(package_vulnerabilities={"p": ["lost"]}),
        report(vulnerabilities=[]),
        report(vulnerabilities={"v": {}}),
        report(enrichments=enriched("cvss", {"baseScore": "9"})),
        {key: value for key, value in report().items() if key != "package_vulnerabilities"},
    ],
)
def test_a_document_that_lacks_something_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(ReportError):
        read_one(clair.FORMAT, content)


def layer(**fields: Any) -> dict[str, Any]:
    flaw = {
        "Name": "CVE-2026-1234",
        "Severity": "Critical",
        "FixedBy": "2",
        "Metadata": {"NVD": {"CVSSv3": {"Score": 9.8}}},
    }
    features = [
        {"Name": "x", "Version": "1", "Vulnerabilities": [flaw]},
        {"Name": "y", "Vulnerabilities": None},
    ]
    return {"status": "scanned", "data": {"Layer": {"Name": DIGEST, "Features": features}}} | fields


def test_quay_lists_by_feature() -> None:
    scan = read_one(quay.FORMAT, layer())
    (finding,) = scan.findings
    assert scan.identity.digests == (DIGEST,)
    assert (finding.id, finding.severity, finding.package) == ("CVE-2026-1234", Severity.CRITICAL, "x")
    assert (finding.fixed_in, finding.cvss) == ("2", 9.8)


@pytest.mark.parametrize("status", ["queued", "failed", "unsupported"])
def test_quay_says_when_it_has_not_scanned(status: str) -> None:
    with pytest.raises(FailedRunError, match=status):
        read_one(quay.FORMAT, {"status": status, "data": None})


def test_quay_without_a_layer_is_refused() -> None:
    with pytest.raises(ReportError):
        read_one(quay.FORMAT, layer(data=None))
    with pytest.raises(ReportError):
        read_one(quay.FORMAT, layer(data={"Layer": {}}))


def test_clair_scanner_marks_what_it_approved() -> None:
    content = {
        "image": "app:1",
        "unapproved": ["CVE-2026-1234"],
        "vulnerabilities": [OLD, OLD | {"vulnerability": "X"}],
    }
    scan = read_one(clair.SCANNER, content)
    assert scan.identity.name == "app:1"
    assert [finding.suppressed_by for finding in scan.findings] == [None, "clair-scanner approved"]
    assert scan.findings[0].fix_state == "unknown"


@pytest.mark.parametrize("listed", [["FOO"], [{"featurename": "x"}], [OLD | {"severity": []}], []])
def test_clair_scanner_refuses_entries_that_are_malformed_or_absent(listed: list[Any]) -> None:
    with pytest.raises(ReportError):
        read_one(clair.SCANNER, {"unapproved": ["CVE-2026-1234"], "vulnerabilities": listed})


def test_klar_lists_by_severity() -> None:
    flaw = {"Name": "CVE-2026-1234", "FeatureName": "x", "FeatureVersion": "1", "FixedBy": "2"}
    listed = {
        "Defcon1": [flaw],
        "Low": [flaw | {"Severity": "High"}],
        "High": [flaw | {"Severity": "Low"}],
    }
    content = {"LayerCount": 1, "Vulnerabilities": listed}
    found = read_one(klar.FORMAT, content).findings
    assert [finding.severity for finding in found] == [Severity.CRITICAL, Severity.HIGH, Severity.HIGH]
    assert found[0].fixed_in == "2"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (report(), "clair"),
        ({"manifest_hash": DIGEST, "packages": {}, "state": "IndexError"}, "clair"),
        (layer(), "quay"),
        ({"status": "queued", "data": None}, "quay"),
        ({"status": "success", "data": None}, None),
        ({"status": "success", "data": {"post": 1}}, None),
        ({"image": "a", "unapproved": [], "vulnerabilities": []}, "clair-scanner"),
        ({"LayerCount": 1, "Vulnerabilities": {}}, "klar"),
        ({"packages": {}, "vulnerabilities": []}, None),
    ],
)
def test_recognition(content: dict[str, Any], name: str | None) -> None:
    assert recognised(content) == name

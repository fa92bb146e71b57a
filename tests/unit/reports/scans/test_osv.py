"""OSV-Scanner: records, their groups, the layers of an image, and what is no report of it."""

from __future__ import annotations

from typing import Any

import pytest

from pushpolicy.model.evidence import Severity
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.scans import count
from pushpolicy.reports.scans.osv import FORMAT
from tests.unit.reports.scans.reading import read_one, recognised

GHSA = {
    "id": "GHSA-2222-3333-4444",
    "aliases": ["CVE-2026-1234"],
    "summary": "a hole",
    "affected": [
        {
            "package": {"name": "x", "ecosystem": "npm", "purl": "pkg:npm/x"},
            "ranges": [
                {"type": "GIT", "events": [{"fixed": "c0ffee"}]},
                {"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2"}, {"fixed": "2"}]},
            ],
        },
        {
            "package": {"name": "y", "ecosystem": "npm"},
            "ranges": [{"type": "SEMVER", "events": [{"fixed": "9"}]}],
        },
    ],
    "database_specific": {"severity": "MODERATE"},
}
GO = {"id": "GO-2026-0001"}
GROUP = {"ids": ["GHSA-2222-3333-4444", "GO-2026-0001"], "max_severity": "9.8"}


def report(
    *records: dict[str, Any], groups: list[dict[str, Any]] | None = None, **fields: Any
) -> dict[str, Any]:
    package = {"name": "x", "version": "1", "ecosystem": "npm"}
    packages = [{"package": package, "vulnerabilities": list(records), "groups": groups or []}]
    return {"results": [{"source": {"path": "/a.lock", "type": "lockfile"}, "packages": packages}]} | fields


def test_a_record_is_read_whole() -> None:
    scan = read_one(FORMAT, report(GHSA))
    (finding,) = scan.findings
    assert (scan.kind, scan.filters, scan.at) == ("code", None, None)
    assert (finding.id, finding.aliases) == ("GHSA-2222-3333-4444", ("CVE-2026-1234",))
    assert (finding.severity, finding.package, finding.version) == (Severity.MEDIUM, "x", "1")
    assert (finding.purl, finding.fixed_in, finding.location) == ("pkg:npm/x@1", "2", "/a.lock")


def test_records_of_a_group_are_one_flaw() -> None:
    counts = count(read_one(FORMAT, report(GHSA, GO, groups=[GROUP])).findings)
    assert (counts.listed["critical"], counts.listed["unknown"]) == (2, 0)
    assert (counts.by_severity["critical"], sum(counts.by_severity.values())) == (1, 1)


def test_the_word_counts_where_the_score_is_no_worse() -> None:
    for stated in ("", "1.0"):
        group = GROUP | {"max_severity": stated}
        found = read_one(FORMAT, report(GHSA, GO, groups=[group])).findings
        assert [finding.severity for finding in found] == ["medium", "medium"]


def test_the_score_of_the_group_stands_in_where_no_record_has_a_word() -> None:
    (finding,) = read_one(FORMAT, report(GO, groups=[GROUP])).findings
    assert (finding.severity, finding.cvss) == (Severity.CRITICAL, 9.8)
    assert (
        read_one(FORMAT, report(GO, groups=[GROUP | {"max_severity": ""}])).findings[0].severity == "unknown"
    )


@pytest.mark.parametrize(
    ("analysis", "by"),
    [
        ({"called": True}, None),
        ({"called": False}, "osv-scanner uncalled"),
        ({"called": True, "unimportant": True}, "osv-scanner unimportant"),
    ],
)
def test_what_analysis_set_aside_stays_visible(analysis: dict[str, bool], by: str | None) -> None:
    group = GROUP | {"experimental_analysis": {"GO-2026-0001": analysis}}
    assert read_one(FORMAT, report(GO, groups=[group])).findings[0].suppressed_by == by


def test_an_image_is_told_by_its_layers_with_content() -> None:
    layers = [
        {"diff_id": "sha256:1"},
        {"diff_id": "", "is_empty": True},
        {"diff_id": "sha256:2", "is_empty": False},
    ]
    scan = read_one(FORMAT, report(image_metadata={"layer_metadata": layers}))
    assert (scan.kind, scan.identity.diff_ids) == ("image", ("sha256:1", "sha256:2"))
    lost = [*layers, {"is_empty": False}]
    assert read_one(FORMAT, report(image_metadata={"layer_metadata": lost})).identity.diff_ids == ()


@pytest.mark.parametrize(
    "content", ['{"results": 1}', '{"results": [{}]}', '{"results": [{"packages": [{}]}]}', "{}"]
)
def test_hostile_documents_are_refused(content: str) -> None:
    with pytest.raises(ReportError):
        read_one(FORMAT, content)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (report(), "osv-scanner"),
        ({"results": [], "experimental_config": {}}, "osv-scanner"),
        ({"results": []}, None),
        ({"results": [{"check_id": "x"}], "errors": [], "paths": {}}, None),
        ({"results": {}, "version": "1.5", "plugins_used": []}, "detect-secrets"),
        ({"results": [{"filename": "a.py"}], "metrics": {}, "generated_at": "x"}, None),
    ],
)
def test_recognition(content: dict[str, Any], name: str | None) -> None:
    assert recognised(content) == name


def test_a_flaw_does_not_get_lost_without_its_record() -> None:
    with pytest.raises(
        ReportError, match="it lacks every record of a flaw: GHSA-2222-3333-4444, GO-2026-0001"
    ):
        read_one(FORMAT, report(groups=[GROUP]))

"""The whole step: one document that keeps to the schema, whatever is there or not."""

from __future__ import annotations

import json
from pathlib import Path

import fastjsonschema

from pushpolicy.gather import Expected, ExpectedReport, Gathered, GatherRequest, NamedEvidence, gather
from pushpolicy.model.digest import Digest
from tests.report_files import SAMPLES
from tests.unit.gather.samples import (
    FAILING,
    JUNIT,
    make_checkout,
    make_image,
    make_request,
    sarif,
    trivy,
    write,
)

SCHEMA = Path(__file__).parents[3] / "policies" / "schema" / "evidence.v1.json"
VALIDATE = fastjsonschema.compile(json.loads(SCHEMA.read_text()))


def gathered(request: GatherRequest) -> Gathered:
    """Gather, and check the document against the schema."""
    result = gather(request)
    VALIDATE(json.loads(result.evidence.document().content))
    return result


def test_an_empty_folder_gives_missing_kinds_with_reasons(tmp_path: Path) -> None:
    evidence = gathered(make_request(tmp_path)).evidence
    kinds = (evidence.source, evidence.ci, evidence.tests, evidence.scans)
    assert [kind.status for kind in kinds] == ["missing"] * 4
    assert all(kind.reason for kind in kinds)
    assert (evidence.credentials.status, evidence.credentials.source) == ("collected", "none")


def test_a_usual_checkout_is_collected_whole(tmp_path: Path) -> None:
    image = make_image()
    files = {"reports/unit.xml": JUNIT, "trivy.json": trivy(image), "lint.sarif": sarif()}
    checkout = make_checkout(tmp_path, {"app.py": "x = 1\n"})
    evidence = gathered(make_request(write(checkout, files), image=image)).evidence
    assert (evidence.tests.status, evidence.scans.status, evidence.source.status) == ("collected",) * 3
    assert [scan.name for scan in evidence.scans.items] == ["lint", "trivy"]
    assert [scan.bound for scan in evidence.scans.items] == [False, True]
    assert evidence.scans.not_covered == ()
    assert [(r.name, r.path, r.tracked_by_git) for r in evidence.reports] == [
        ("unit", "reports/unit.xml", False),
        ("lint", "lint.sarif", False),
        ("trivy", "trivy.json", False),
    ]


def test_digests_are_of_the_bytes_on_disk(tmp_path: Path) -> None:
    write(tmp_path, {"junit.xml": JUNIT, "trivy.json": trivy(), "x.json": '{"a": 1}'})
    result = gathered(make_request(tmp_path, named=(NamedEvidence(kind="extra", name="x", path="x.json"),)))
    assert len(result.reports) == 3
    for raw in result.reports:
        content = raw.path.read_bytes()
        assert (raw.digest, raw.size) == (Digest.of(content), len(content))


def test_a_failing_test_is_evidence_and_no_error(tmp_path: Path) -> None:
    tests = gathered(make_request(write(tmp_path, {"junit.xml": FAILING}))).evidence.tests
    assert tests.totals is not None
    assert (tests.status, tests.totals.failed) == ("collected", 1)
    assert [(case.report, case.name, case.kind, case.message) for case in tests.failures] == [
        ("junit", "c.a", "failure", "no")
    ]


def test_an_expected_report_that_is_absent_makes_its_kind_missing(tmp_path: Path) -> None:
    write(tmp_path, {"reports/unit.xml": JUNIT})
    expected = Expected(tests=(ExpectedReport(name="unit"), ExpectedReport(name="integration")))
    tests = gathered(make_request(tmp_path, expected=expected)).evidence.tests
    assert tests.status == "missing"
    assert tests.reason is not None
    assert "integration" in tests.reason
    assert "unit" not in tests.reason


def test_the_time_is_written_in_utc(tmp_path: Path) -> None:
    assert gathered(make_request(tmp_path)).evidence.evaluated_at == "2026-11-24T12:00:00Z"


def test_a_report_that_git_tracks_is_read_only_where_it_is_named(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, {"reports/old.xml": JUNIT})
    write(checkout, {"reports/new.xml": FAILING})
    evidence = gathered(make_request(checkout)).evidence
    assert [(report.name, report.tracked_by_git) for report in evidence.reports] == [("new", False)]
    assert [(each.path, each.why.partition(",")[0]) for each in evidence.unread] == [
        ("reports/old.xml", "it is tracked by git")
    ]
    named = (NamedEvidence(kind="tests", name="old", path="reports/old.xml"),)
    found = gathered(make_request(checkout, named=named)).evidence.reports
    assert [(report.name, report.tracked_by_git) for report in found] == [("new", False), ("old", True)]


def test_a_vex_document_that_git_tracks_is_found(tmp_path: Path) -> None:
    document = (SAMPLES / "openvex.json").read_text()
    evidence = gathered(make_request(make_checkout(tmp_path, {"openvex.json": document}))).evidence
    assert evidence.vex is not None
    assert (evidence.vex.status, evidence.unread) == ("collected", ())


def test_a_broken_fixture_that_git_tracks_fails_nothing(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, {"reports/junit.xml": "", "trivy.json": "{"})
    evidence = gathered(make_request(write(checkout, {"reports/unit.xml": JUNIT}))).evidence
    assert (evidence.tests.status, evidence.scans.status) == ("collected", "missing")
    assert [each.path for each in evidence.unread] == ["reports/junit.xml", "trivy.json"]


def test_the_commits_date_and_the_reports_own_times_are_written(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, {"app.py": "x = 1\n"})
    old = JUNIT.replace("<testsuite ", '<testsuite timestamp="2019-05-01T00:00:00Z" ')
    evidence = gathered(make_request(write(checkout, {"junit.xml": old, "trivy.json": trivy()}))).evidence
    assert evidence.source.committed_at == "2026-11-01T00:00:00Z"
    assert [report.at for report in evidence.reports] == [
        "2019-05-01T00:00:00Z",
        "2026-11-24T08:00:00.123456Z",
    ]


def test_without_a_checkout_nobody_says_whether_git_tracks_them(tmp_path: Path) -> None:
    (report,) = gathered(make_request(write(tmp_path, {"junit.xml": JUNIT}))).evidence.reports
    assert report.tracked_by_git is None

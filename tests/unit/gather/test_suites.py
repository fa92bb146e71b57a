"""Coverage in the evidence: sums over reports, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.evaluate import validate_evidence
from pushpolicy.gather import NamedEvidence, gather
from pushpolicy.model.evidence import Covered, Evidence, Status
from tests.unit.gather.samples import FAILING, JUNIT, make_request, write

LCOV = "SF:a.c\nDA:1,1\nDA:2,1\nDA:3,0\nend_of_record\n"


def test_reports_add_up_and_are_listed(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(JUNIT)
    (tmp_path / "lcov.info").write_text(LCOV)
    (tmp_path / "coverage.out").write_text("mode: set\np/a.go:1.2,3.4 3 0\n")
    gathered = gather(make_request(tmp_path))
    coverage = gathered.evidence.tests.coverage
    assert coverage is not None
    assert (coverage.covered, coverage.total, coverage.percent) == (2, 6, 33.33)
    assert [(r.name, r.format, r.percent) for r in coverage.reports] == [
        ("coverage", "go-cover", 0.0),
        ("lcov", "lcov", 66.66),
    ]
    assert [report.kind for report in gathered.evidence.reports] == ["tests", "coverage", "coverage"]


def test_a_coverage_report_that_is_cut_off_fails_the_tests(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(JUNIT)
    (tmp_path / "lcov.info").write_text(LCOV.removesuffix("end_of_record\n"))
    tests = gather(make_request(tmp_path)).evidence.tests
    assert tests.status is Status.FAILED
    assert tests.reason == "lcov.info: it ends within the record of a file"
    assert tests.coverage is None


def test_coverage_is_no_test_report(tmp_path: Path) -> None:
    (tmp_path / "lcov.info").write_text(LCOV)
    assert gather(make_request(tmp_path)).evidence.tests.status is Status.MISSING


@pytest.mark.parametrize(
    ("covered", "total", "percent"), [(0, 0, None), (0, 3, 0.0), (3, 3, 100.0), (79_999, 100_000, 79.99)]
)
def test_a_percentage_never_reaches_a_minimum_by_rounding(
    covered: int, total: int, percent: float | None
) -> None:
    assert Covered(covered=covered, total=total).percent() == percent


def test_the_document_with_coverage_is_valid(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(JUNIT)
    (tmp_path / "lcov.info").write_text(LCOV.replace("DA:3,0\n", "DA:3,0\nBRDA:3,0,0,-\nLF:9\n"))
    document = gather(make_request(tmp_path)).evidence.document()
    validate_evidence(document)
    assert document.value["tests"]["coverage"]["reports"][0]["branches"] == {"covered": 0, "total": 1}


SUMMARY = """<failsafe-summary result="null" timeout="false"><completed>{0}</completed><errors>{1}</errors>
<failures>0</failures><skipped>0</skipped><failureMessage>{2}</failureMessage></failsafe-summary>"""
AGAIN = JUNIT.replace("<testsuites>", "<testsuites><!-- TestNG -->")
SUREFIRE, FAILSAFE = "target/surefire-reports", "target/failsafe-reports"


def gathered(folder: Path, files: dict[str, str], *named: NamedEvidence) -> Evidence:
    return gather(make_request(write(folder, files), named=named)).evidence


def total(evidence: Evidence) -> int:
    assert evidence.tests.totals is not None
    return evidence.tests.totals.total


def test_testngs_own_reports_beside_surefires_count_once(tmp_path: Path) -> None:
    files = {f"{SUREFIRE}/TEST-s.xml": JUNIT, f"{SUREFIRE}/junitreports/TEST-a.xml": AGAIN}
    evidence = gathered(tmp_path, files)
    assert total(evidence) == 2
    assert [each.path for each in evidence.unread] == [f"{SUREFIRE}/junitreports/TEST-a.xml"]


@pytest.mark.parametrize(
    "again", [FAILING, AGAIN.replace('<testcase name="a"/>', '<testcase name="a"/>' * 2)]
)
def test_they_stand_where_they_say_more(tmp_path: Path, again: str) -> None:
    files = {f"{SUREFIRE}/TEST-s.xml": JUNIT, f"{SUREFIRE}/junitreports/TEST-a.xml": again}
    evidence = gathered(tmp_path, files)
    assert (len(evidence.tests.reports), evidence.unread) == (2, ())


def test_a_summary_that_says_no_more_than_the_classes_counts_once(tmp_path: Path) -> None:
    files = {f"{FAILSAFE}/TEST-s.xml": JUNIT, f"{FAILSAFE}/failsafe-summary.xml": SUMMARY.format(2, 0, "")}
    evidence = gathered(tmp_path, files)
    assert (total(evidence), len(evidence.tests.reports), len(evidence.unread)) == (2, 1, 1)


@pytest.mark.parametrize("said", [(2, 1, ""), (2, 0, "the fork crashed"), (3, 0, "")])
def test_a_summary_that_says_more_stands(tmp_path: Path, said: tuple[int, int, str]) -> None:
    files = {f"{FAILSAFE}/TEST-s.xml": JUNIT, f"{FAILSAFE}/failsafe-summary.xml": SUMMARY.format(*said)}
    assert len(gathered(tmp_path, files).tests.reports) == 2


def test_a_summary_alone_stands(tmp_path: Path) -> None:
    assert total(gathered(tmp_path, {f"{FAILSAFE}/failsafe-summary.xml": SUMMARY.format(2, 0, "")})) == 2


def test_what_was_named_stands(tmp_path: Path) -> None:
    path = f"{FAILSAFE}/failsafe-summary.xml"
    files = {f"{FAILSAFE}/TEST-s.xml": JUNIT, path: SUMMARY.format(2, 0, "")}
    named = NamedEvidence(kind="tests", name="it", path=path)
    assert len(gathered(tmp_path, files, named).tests.reports) == 2

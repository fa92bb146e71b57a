"""Coverage in the evidence: sums over reports, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.evaluate import validate_evidence
from pushpolicy.gather import gather
from pushpolicy.model.evidence import Covered, Status
from tests.unit.gather.samples import JUNIT, make_request

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

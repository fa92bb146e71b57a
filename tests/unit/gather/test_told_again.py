"""A run that several reports tell of counts once, and never where one of them says more."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.gather import NamedEvidence, gather
from pushpolicy.model.evidence import Evidence
from tests.unit.gather.samples import FAILING, JUNIT, make_request, write

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

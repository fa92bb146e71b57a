"""TRX: only Passed is a pass, and what the run itself reports is never lost."""

from __future__ import annotations

import pytest

from pushpolicy.model.evidence import Totals
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.suites.trx import FORMAT
from tests.unit.reports.bytes_report import BytesReport, only

NAMESPACE = "xmlns='http://microsoft.com/schemas/VisualStudio/TeamTest/2010'"
PASSED = "<UnitTestResult outcome='Passed'/>"


def read(results: str = PASSED, summary: str = "<ResultSummary outcome='Completed'/>") -> SuiteFacts:
    text = f"<TestRun {NAMESPACE}><Results>{results}</Results>{summary}</TestRun>"
    return only(SuiteFacts, FORMAT.read(BytesReport(text.encode()), Limits()))


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        ("Passed", "passed"),
        ("Failed", "failed"),
        ("NotExecuted", "skipped"),
        ("Inconclusive", "skipped"),
        ("NotRunnable", "skipped"),
        *[
            (word, "errors")
            for word in ("Error", "Timeout", "Aborted", "PassedButRunAborted", "Disconnected", "InProgress")
        ],
        ("Pending", "errors"),
        ("Unheard", "errors"),
    ],
)
def test_the_outcome_decides(outcome: str, counted: str) -> None:
    totals = read(f"<UnitTestResult outcome='{outcome}'/>").totals
    assert totals == Totals(**{"total": 1, counted: 1})


def test_a_missing_outcome_is_an_error() -> None:
    assert read("<UnitTestResult/>").totals.errors == 1


def test_rows_of_a_data_driven_test_count_too() -> None:
    inner = f"<InnerResults>{PASSED}<UnitTestResult outcome='Failed'/></InnerResults>"
    totals = read(f"<UnitTestResult outcome='Failed'>{inner}</UnitTestResult>").totals
    assert (totals.total, totals.passed, totals.failed) == (3, 1, 2)


@pytest.mark.parametrize(
    ("results", "summary", "undeclared"),
    [
        (PASSED, "<ResultSummary outcome='Completed'/>", 0),
        (PASSED, "<ResultSummary outcome='Failed'/>", 1),
        (PASSED, "<ResultSummary outcome='Aborted'/>", 1),
        (PASSED, "<ResultSummary/>", 1),
        (PASSED, "<ResultSummary outcome=''/>", 1),
        (PASSED, "<ResultSummary outcome='Completed'><Counters passedButRunAborted='1'/></ResultSummary>", 1),
        (PASSED, "<ResultSummary outcome='Completed'><Counters inProgress='2'/></ResultSummary>", 2),
        (PASSED, "<x:ResultSummary xmlns:x='urn:x' outcome='Failed'/>", 1),
        ("<UnitTestResult outcome='Failed'/>", "<ResultSummary outcome='Failed'/>", 0),
        ("<UnitTestResult outcome='Failed'/>", "<ResultSummary outcome='Aborted'/>", 1),
        (PASSED, "<ResultSummary outcome='Completed'><Counters failed='2' error='1'/></ResultSummary>", 3),
        (
            PASSED,
            "<ResultSummary outcome='Completed'><RunInfos><RunInfo outcome='Error'><Text>host crashed</Text>"
            "</RunInfo><RunInfo outcome='Warning'/></RunInfos></ResultSummary>",
            1,
        ),
    ],
)
def test_what_the_run_reports_and_no_test_shows(results: str, summary: str, undeclared: int) -> None:
    assert read(results, summary).undeclared == undeclared


def test_the_reason_of_a_crash_is_told() -> None:
    crash = "<RunInfos><RunInfo outcome='Error'><Text>host crashed</Text></RunInfo></RunInfos>"
    (failure,) = read(summary=f"<ResultSummary outcome='Failed'>{crash}</ResultSummary>").failures
    assert (failure.name, failure.kind, failure.message) == ("the test run", "error", "host crashed")


def test_messages_of_failures_are_kept() -> None:
    output = "<Output><ErrorInfo><Message>Expected 1</Message></ErrorInfo></Output>"
    (failure,) = read(f"<UnitTestResult testName='N.T' outcome='Failed'>{output}</UnitTestResult>").failures
    assert (failure.name, failure.message) == ("N.T", "Expected 1")


def test_counters_are_compared() -> None:
    summary = (
        "<ResultSummary outcome='Completed'><Counters total='5' executed='1' passed='1'/></ResultSummary>"
    )
    assert read(summary=summary).disagreements == ("total=5, counted 1",)


def test_times_have_their_zone() -> None:
    times = "<Times start='2026-11-24T10:00:00.1234567+02:00' finish='2026-11-24T10:00:02.1234567+02:00'/>"
    result = read(summary=times)
    assert (result.timestamp, result.duration) == ("2026-11-24T08:00:00.123456Z", 2.0)


def test_a_truncated_file_is_refused() -> None:
    with pytest.raises(ReportError, match="well-formed"):
        FORMAT.read(BytesReport(f"<TestRun {NAMESPACE}><Results>{PASSED}".encode()), Limits())


def test_a_number_of_failures_that_is_none_fails_the_report() -> None:
    with pytest.raises(ReportError, match="its failed='1,000' is no number"):
        read(PASSED, "<ResultSummary outcome='Completed'><Counters failed='1,000'/></ResultSummary>")

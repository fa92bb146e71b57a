"""NUnit 2 and 3: the words for an outcome, and suites that fail by themselves."""

from __future__ import annotations

import pytest

from pushpolicy.model.evidence import Totals
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.suites.nunit import FORMAT
from tests.unit.reports.bytes_report import BytesReport, only


def read(text: str) -> SuiteFacts:
    return only(SuiteFacts, FORMAT.read(BytesReport(text.encode()), Limits()))


def run(inner: str, attributes: str = "") -> SuiteFacts:
    return read(f"<test-run {attributes}><test-suite name='s'>{inner}</test-suite></test-run>")


@pytest.mark.parametrize(
    ("case", "outcome"),
    [
        ("<test-case result='Passed'/>", "passed"),
        ("<test-case result='Warning'/>", "passed"),
        ("<test-case result='Failed'/>", "failed"),
        ("<test-case result='Passed'><failure/></test-case>", "failed"),
        ("<test-case result='Failed' label='Error'/>", "errors"),
        ("<test-case result='Failed' label='Cancelled'/>", "errors"),
        ("<test-case result='Skipped' label='Ignored'/>", "skipped"),
        ("<test-case result='Skipped' label='Invalid'/>", "errors"),
        ("<test-case result='Skipped'><failure/></test-case>", "failed"),
        ("<test-case result='Success' success='False'/>", "failed"),
        ("<x:test-case xmlns:x='urn:x' result='Failed'/>", "failed"),
        ("<test-case result='Inconclusive'/>", "skipped"),
        ("<test-case result='Something'/>", "errors"),
        ("<test-case/>", "failed"),
        ("<test-case executed='True' result='Success' success='True'/>", "passed"),
        ("<test-case executed='True' result='Error' success='False'/>", "errors"),
        ("<test-case executed='False' result='NotRunnable'/>", "errors"),
        ("<test-case executed='False' result='Ignored'/>", "skipped"),
        ("<test-case executed='True' success='True'/>", "passed"),
        ("<test-case executed='True' success='False'/>", "failed"),
        ("<test-case executed='True' success='True'><failure/></test-case>", "failed"),
        ("<test-case executed='False'/>", "skipped"),
    ],
)
def test_the_words_of_both_versions(case: str, outcome: str) -> None:
    assert run(case).totals == Totals(**{"total": 1, outcome: 1})


@pytest.mark.parametrize(
    ("inner", "undeclared"),
    [
        ("<test-suite result='Failed' site='TearDown'><test-case result='Passed'/></test-suite>", 1),
        ("<test-suite result='Failed' label='Invalid'/>", 1),
        ("<test-suite result='Passed' failed='2'><test-case result='Passed'/></test-suite>", 2),
        ("<test-suite result='Passed' failed='2'><test-case result='Failed'/></test-suite>", 1),
        ("<test-suite failed='1'><test-suite failed='1'/><test-suite failed='1'/></test-suite>", 2),
        ("<test-suite result='Passed'><failure/><test-case result='Passed'/></test-suite>", 1),
        ("<test-suite result='Failed'><failure/><test-case result='Failed'/></test-suite>", 0),
        ("<test-suite result='Failed' site='Child'><test-case result='Failed'/></test-suite>", 0),
        ("<test-suite result='Failed'><test-suite result='Failed'/></test-suite>", 1),
        ("<test-suite result='Failed'/><test-suite result='Failed'/>", 2),
        ("<test-suite executed='True' success='False'/>", 1),
        ("<test-suite result='Passed' label='Error'/>", 1),
        ("<test-suite executed='False'/>", 0),
        ("<test-suite result='Inconclusive' success='False'/>", 0),
    ],
)
def test_a_suite_that_failed_by_itself_is_undeclared(inner: str, undeclared: int) -> None:
    assert run(inner).undeclared == undeclared


@pytest.mark.parametrize("attributes", ["failed='1'", "failures='1'", "errors='1'", "result='Failed'"])
def test_a_run_that_declares_a_failure_no_case_shows(attributes: str) -> None:
    assert run("<test-case result='Passed'/>", attributes).undeclared == 1


def test_a_total_that_no_reading_explains_is_told() -> None:
    cases = "<test-case result='Passed'/><test-case result='Skipped'/>"
    assert [run(cases, f"total='{n}'").disagreements for n in (1, 2)] == [(), ()]
    assert run(cases, "total='3'").disagreements == ("root: total=3, counted 2",)


def test_messages_times_and_durations() -> None:
    case = "<test-case fullname='N.T' result='Failed'><failure><message>no</message></failure></test-case>"
    result = run(case, "start-time='2026-11-24 10:00:00Z' duration='1.5'")
    assert [(f.name, f.kind, f.message) for f in result.failures] == [("N.T", "failure", "no")]
    assert (result.timestamp, result.duration) == ("2026-11-24T10:00:00Z", 1.5)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("<test-run>", "well-formed"),
        ("<other/>", "it has no test run"),
        ("<test-run><test-case><test-case/></test-case></test-run>", "within another"),
        ("<!DOCTYPE a SYSTEM 'a.dtd'><test-run/>", "document type"),
    ],
)
def test_what_is_refused(document: str, reason: str) -> None:
    with pytest.raises(ReportError, match=reason):
        read(document)


def test_a_number_of_failures_that_is_none_fails_the_report() -> None:
    with pytest.raises(ReportError, match="its failed='1,000' is no number"):
        run("<test-case result='Passed'/>", "failed='1,000'")

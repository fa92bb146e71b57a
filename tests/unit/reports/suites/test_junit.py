"""JUnit: the outcome of a case, what only the totals declare, and hostile documents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.model.evidence import Totals
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.suites.junit import FORMAT
from tests.unit.reports.bytes_report import BytesReport, only

# As Ginkgo writes of a suite that ran out of time between its specs.
SUITE_FAILED = "<properties><property name='SuiteSucceeded' value='false'/></properties>"


def read(text: str | bytes, limits: Limits | None = None, piece: int = 1 << 16) -> SuiteFacts:
    content = text if isinstance(text, bytes) else text.encode()
    return only(SuiteFacts, FORMAT.read(BytesReport(content, piece), limits or Limits()))


def suite(cases: str, attributes: str = "") -> SuiteFacts:
    return read(f"<testsuites><testsuite name='s' {attributes}>{cases}</testsuite></testsuites>")


@pytest.mark.parametrize(
    ("case", "outcome"),
    [
        ("<testcase/>", "passed"),
        ("<testcase><failure/></testcase>", "failed"),
        ("<testcase><error/></testcase>", "errors"),
        ("<testcase><failure/><error/></testcase>", "errors"),
        ("<testcase><skipped/><failure/></testcase>", "failed"),
        ("<testcase><skipped/></testcase>", "skipped"),
        ("<testcase status='disabled'/>", "skipped"),
        ("<testcase status='notrun'><skipped message='Unable to find executable'/></testcase>", "errors"),
        ("<testcase status='notrun'><skipped message='Fixture dependency failed'/></testcase>", "errors"),
        ("<testcase status='notrun'><skipped message='SKIP_RETURN_CODE=77'/></testcase>", "skipped"),
        ("<testcase status='notrun' result='suppressed'/>", "skipped"),
        ("<testcase><attempt><failure/></attempt></testcase>", "failed"),
        ("<testcase status='run' result='skipped'/>", "skipped"),
        ("<testcase status='failed' result='skipped'/>", "failed"),
        ("<testcase status='run' result='interrupted'/>", "errors"),
        ("<testcase status='run' result='completed'/>", "passed"),
        ("<testcase status='crashed'/>", "errors"),
        ("<testcase status=' FAILED '/>", "failed"),
        ("<testcase><warning>The data provider is invalid</warning></testcase>", "failed"),
        ("<testcase><Failure/></testcase>", "failed"),
        ("<testcase><x:error xmlns:x='urn:x'/></testcase>", "errors"),
        ("<testCase><failure/></testCase>", "failed"),
        ("<testcase status='fail'/>", "failed"),
        ("<testcase status='Failed'/>", "failed"),
        ("<testcase status='skipped'><failure/></testcase>", "failed"),
        ("<testcase><system-out>x</system-out><properties><property/></properties></testcase>", "passed"),
        ("<testcase><properties><failure/></properties></testcase>", "passed"),
        ("<testcase><flakyFailure/></testcase>", "passed"),
        ("<testcase><failure/><rerunFailure/></testcase>", "failed"),
        ("<testcase><rerunFailure/></testcase>", "failed"),
        ("<testcase status='failed'><skipped/></testcase>", "failed"),
        ("<testcase status='error'><skipped/></testcase>", "errors"),
        ("<testcase status='blocked'><skipped/></testcase>", "skipped"),
        ("<testcase outcome='failed'/>", "failed"),
        ("<testcase state='Failed'/>", "failed"),
        ("<testcase><failed/></testcase>", "failed"),
        ("<testcase success='False'/>", "failed"),
        ("<testcase success='false' status='passed'/>", "failed"),
        ("<testcase success='true'/>", "passed"),
        ("<testcase success='1'/>", "passed"),
    ],
)
def test_the_elements_decide_the_outcome(case: str, outcome: str) -> None:
    totals = suite(case).totals
    assert totals == Totals(**{"total": 1, outcome: 1, "flaky": int("flaky" in case)})


@pytest.mark.parametrize(
    ("document", "undeclared"),
    [
        ("<testsuite tests='1' failures='1'/>", 1),
        ("<testsuite status='failed'><testcase/></testsuite>", 1),
        ("<testsuites result='failure'><testsuite><testcase/></testsuite></testsuites>", 1),
        ("<testsuite status='failed'><testcase><failure/></testcase></testsuite>", 0),
        ("<testsuite status='whatever'><testcase/></testsuite>", 0),
        (f"<testsuite>{SUITE_FAILED}<testcase/></testsuite>", 1),
        (f"<testsuites><testsuite>{SUITE_FAILED}<testcase/></testsuite><testsuite/></testsuites>", 1),
        (f"<testsuite>{SUITE_FAILED}<testcase><failure/></testcase></testsuite>", 0),
        (f"<testsuite><testcase>{SUITE_FAILED}</testcase></testsuite>", 0),
        (f"<testsuite>{SUITE_FAILED.replace('SuiteSucceeded', 'FailFast')}<testcase/></testsuite>", 0),
        ("<testsuite errors='2'><testcase><error/></testcase></testsuite>", 1),
        ("<testsuite failures='1'><testcase><failure/></testcase></testsuite>", 0),
        ("<testsuite errors='1'><testcase><failure/></testcase></testsuite>", 0),
        ("<testsuite failures='2'><testcase><flakyFailure/><flakyFailure/></testcase></testsuite>", 0),
        ("<testsuite errors='2'><testcase><error/><rerunError/><rerunError/></testcase></testsuite>", 1),
        ("<testsuite errors='2'><testcase><rerunError/><rerunError/></testcase></testsuite>", 1),
        ("<testsuite><group><error/></group><testcase/></testsuite>", 1),
        ("<testsuites errors='1'><testsuite><testcase/></testsuite></testsuites>", 1),
        ("<testsuites><testsuite><error>no</error></testsuite></testsuites>", 1),
        ("<testsuites errors='1'><testsuite errors='1'><error/></testsuite></testsuites>", 1),
        (
            "<testsuites failures='1'><testsuite failures='1'/>"
            "<testsuite><testcase><failure/></testcase></testsuite></testsuites>",
            1,
        ),
    ],
)
def test_failures_that_no_case_shows_are_counted(document: str, undeclared: int) -> None:
    assert read(document).undeclared == undeclared


def test_an_error_of_a_whole_suite_is_told() -> None:
    (failure,) = read("<testsuite name='s'><error message='no module'/></testsuite>").failures
    assert (failure.name, failure.kind, failure.message) == ("s", "error", "no module")


def test_totals_that_disagree_are_told_in_words() -> None:
    result = suite("<testcase/>", "tests='3' skipped='2'")
    assert result.disagreements == ("top suites: tests=3, counted 1", "top suites: skipped=2, counted 0")


@pytest.mark.parametrize("value", ["", "many", "-1", "1e3", "9" * 40, "٣"])
def test_totals_that_are_no_numbers_are_not_read(value: str) -> None:
    assert read(f"<testsuite tests='{value}'><testcase/></testsuite>").disagreements == ()


def test_zero_tests_are_read() -> None:
    assert read("<testsuites/>").totals == Totals()


def test_messages_come_from_the_attribute_or_the_text_and_are_cut() -> None:
    cases = "<testcase name='a'><failure>why\n</failure></testcase>"
    cases += f"<testcase name='b'><error message='{'x' * 9000}'>more</error></testcase>"
    first, second = suite(cases).failures
    assert (first.name, first.message) == ("a", "why")
    assert len(second.message) == 500


def test_only_the_first_failures_are_kept_and_all_are_counted() -> None:
    result = suite("<testcase><failure/></testcase>" * 250)
    assert (len(result.failures), result.totals.failed) == (100, 250)


@pytest.mark.parametrize(
    ("stated", "time"),
    [
        ("2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z"),
        ("2026-11-24T10:00:00+02:00", "2026-11-24T08:00:00Z"),
        ("2026-11-24T10:00:00", None),
    ],
)
def test_a_time_without_zone_is_no_time(stated: str, time: str | None) -> None:
    assert suite("<testcase/>", f"timestamp='{stated}'").timestamp == time


def test_durations_may_have_thousands_separators() -> None:
    assert suite("<testcase/>", "time='1,234.5'").duration == 1234.5
    assert suite("<testcase/>", "time='-3'").duration is None


def test_a_prefix_is_left_out() -> None:
    document = (
        "<j:testsuites xmlns:j='urn:x'><j:testsuite><j:testcase><j:failure/></j:testcase></j:testsuite>"
    )
    assert read(f"{document}</j:testsuites>").totals.failed == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_encodings_and_line_ends(encoding: str) -> None:
    text = "<testsuite>\r\n<testcase name='Prüfung'>\r\n<failure/></testcase></testsuite>\r\n"
    assert read(text.encode(encoding)).failures[0].name == "Prüfung"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("<!DOCTYPE testsuite><testsuite/>", "document type"),
        ("<!DOCTYPE t [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><testsuite name='&b;'/>", "document type"),
        ("<!DOCTYPE t SYSTEM 'file:///etc/passwd'><testsuite/>", "document type"),
        ("<testsuite>&undefined;</testsuite>", "well-formed"),
        ("<testsuite><testcase>", "well-formed"),
        ("<testsuite/><testsuite/>", "well-formed"),
        ("<testsuite>" * 200 + "</testsuite>" * 200, "nested"),
        ("<testcase/>", "root element is <testcase>"),
        ("<testsuite><testcase><testcase/></testcase></testsuite>", "within another"),
        ("<testsuite><group><testcase><failure/></testcase></group></testsuite>", "in <group>"),
        ("<testsuite><testcase><failure/><testsuite/></testcase></testsuite>", "within"),
        ("<testsuite failures='one'/>", "no number"),
        ("<testsuites errors='1,000'/>", "no number"),
        ("<testsuite failures='-1'/>", "no number"),
        ("<testsuite name='\x00'/>", "well-formed"),
        (b"<testsuite name='\xff'/>", "well-formed"),
        (b"<?xml version='1.0' encoding='no-such'?><testsuite/>", "encoding"),
        ("", "well-formed"),
        (f"<testsuite name='{'x' * 9_000_000}'/>", "over the limit"),
        (f"<testsuite><!--{'x' * 9_000_000}--></testsuite>", "over the limit"),
    ],
)
def test_hostile_documents_are_refused(document: str | bytes, reason: str) -> None:
    with pytest.raises(ReportError, match=reason):
        read(document)


def test_more_cases_than_the_limit_are_refused() -> None:
    with pytest.raises(ReportError, match="limit of 2"):
        read("<testsuite><testcase/><testcase/><testcase/></testsuite>", Limits(max_cases=2))


CASES = st.sampled_from(
    [
        "<testcase/>",
        "<testcase><failure message='&lt;&amp;'>x]]&gt;</failure></testcase>",
        "<testcase><error/></testcase>",
        "<testcase><skipped/></testcase>",
        "<testcase status='disabled'/>",
    ]
)


@given(cases=st.lists(CASES, max_size=20), piece=st.integers(1, 40))
def test_the_size_of_the_pieces_does_not_matter(cases: list[str], piece: int) -> None:
    document = f"<testsuite>{''.join(cases)}</testsuite>"
    assert read(document, piece=piece) == read(document)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for document in (content, b"<testsuite>" + content):
        try:
            assert read(document).totals.total >= 0
        except ReportError:
            continue

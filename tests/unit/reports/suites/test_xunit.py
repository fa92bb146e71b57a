"""xUnit.net: the outcomes, errors beside the tests, and what else is called an assembly."""

from __future__ import annotations

import pytest

from pushpolicy.model.evidence import Totals
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import Head, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.suites.xunit import FORMAT
from tests.unit.reports.bytes_report import BytesReport, only

TESTS = "<collection>{}</collection>"


def read(inner: str, attributes: str = "") -> SuiteFacts:
    text = f"<assemblies><assembly {attributes}>{inner}</assembly></assemblies>"
    return only(SuiteFacts, FORMAT.read(BytesReport(text.encode()), Limits()))


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ("Pass", "passed"),
        ("Fail", "failed"),
        ("Skip", "skipped"),
        ("NotRun", "skipped"),
        ("Other", "errors"),
        ("", "errors"),
    ],
)
def test_the_result_decides(result: str, outcome: str) -> None:
    totals = read(TESTS.format(f"<test result='{result}'/>")).totals
    assert totals == Totals(**{"total": 1, outcome: 1})


@pytest.mark.parametrize(
    ("inner", "attributes", "undeclared"),
    [
        (
            "<errors><error type='class-cleanup'><failure><message>no</message></failure></error></errors>",
            "",
            1,
        ),
        ("<errors/>", "errors='2'", 2),
        ("<errors><error/></errors>", "errors='1'", 1),
        (TESTS.format("<test result='Pass'/>"), "failed='1'", 1),
        (TESTS.format("<test result='Fail'/>"), "failed='1'", 0),
        ("<collection failed='2'><test result='Pass'/></collection>", "", 2),
        ("<collection failed='2'><test result='Fail'/></collection>", "failed='2'", 1),
        (
            "<collection failed='1'/><collection failed='0'><test result='Fail'/></collection>",
            "failed='1'",
            1,
        ),
        (TESTS.format("<failure><message>m</message></failure><test result='Pass'/>"), "", 1),
    ],
)
def test_errors_of_no_test_are_undeclared(inner: str, attributes: str, undeclared: int) -> None:
    assert read(inner, attributes).undeclared == undeclared


@pytest.mark.parametrize(
    "attributes", ["errors='one'", "failed='1.0'", "failed='-1'", "failed='99999999999999999'"]
)
def test_a_number_of_failures_that_is_none_fails_the_report(attributes: str) -> None:
    with pytest.raises(ReportError, match="no number"):
        read(TESTS.format("<test result='Pass'/>"), attributes)


def test_a_test_that_has_no_place_fails_the_report() -> None:
    with pytest.raises(ReportError, match="a test lies in <x>"):
        read(TESTS.format("<x><test result='Fail'/></x><test result='Pass'/>"))


def test_what_has_a_failure_did_not_pass() -> None:
    assert read(TESTS.format("<test result='Pass'><failure/></test>")).totals.failed == 1


def test_totals_of_several_assemblies_add_up() -> None:
    text = "<assemblies><assembly total='1' time='1'><class><test result='Pass'/></class></assembly>"
    text += "<assembly total='2' time='0.5'><class><test result='Pass'/></class></assembly></assemblies>"
    result = only(SuiteFacts, FORMAT.read(BytesReport(text.encode()), Limits()))
    assert (result.totals.total, result.disagreements) == (2, ("total=3, counted 2",))
    assert result.duration == 1.5


def test_the_message_of_a_failure_is_told() -> None:
    test = "<test name='N.T' result='Fail'><failure><message>why</message></failure></test>"
    assert [(f.name, f.message) for f in read(TESTS.format(test)).failures] == [("N.T", "why")]


@pytest.mark.parametrize(
    "start",
    [
        b"<assembly xmlns='urn:schemas-microsoft-com:asm.v1' manifestVersion='1.0'/>",
        b"<assembly xmlns='http://maven.apache.org/ASSEMBLY/2.2.0'><id>x</id></assembly>",
    ],
)
def test_other_assemblies_are_no_reports(start: bytes) -> None:
    assert not FORMAT.recognise(Head(start=start, root="assembly"))


def test_the_errors_of_no_test_are_told_by_their_names() -> None:
    error = "<error type='class-cleanup' name='N'><failure><message>no</message></failure></error>"
    failures = read(f"<errors>{error}<error type='crash'/></errors>").failures
    assert [(f.name, f.kind, f.message) for f in failures] == [("N", "error", "no"), ("crash", "error", "")]

"""Failsafe's summary: what it says of the run as a whole counts, whatever the classes' reports show."""

from __future__ import annotations

import pytest

from pushpolicy.model.evidence import Totals
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.suites.failsafe import FORMAT
from tests.unit.reports.bytes_report import BytesReport, only

COUNTS = {"completed": "3", "errors": "0", "failures": "0", "skipped": "1"}


def summary(
    attributes: str = 'result="null" timeout="false"', message: str = "", **counts: str
) -> SuiteFacts:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in (COUNTS | counts).items())
    inner += f"<failureMessage>{message}</failureMessage>"
    document = f"<failsafe-summary {attributes}>{inner}</failsafe-summary>"
    return only(SuiteFacts, FORMAT.read(BytesReport(document.encode()), Limits()))


def test_its_numbers_are_those_of_the_run() -> None:
    assert summary(failures="1").totals == Totals(total=3, passed=1, failed=1, skipped=1)
    assert not summary().shows_failure


@pytest.mark.parametrize(
    "facts",
    [
        summary(message="There was a timeout or other error in the fork"),
        summary('result="null" timeout="true"'),
        summary('result="null" timeout="yes"'),
        summary('result="255" timeout="false"'),
        summary(errors="1"),
        summary(failures="2"),
    ],
)
def test_what_went_wrong_in_the_run_as_a_whole_is_a_failure(facts: SuiteFacts) -> None:
    assert facts.shows_failure


@pytest.mark.parametrize(
    "counts", [{"errors": "one"}, {"failures": ""}, {"failures": "9"}, {"completed": "-1"}]
)
def test_numbers_that_cannot_be_are_refused(counts: dict[str, str]) -> None:
    with pytest.raises(ReportError):
        summary(**counts)


def test_what_ended_the_run_is_told() -> None:
    facts = summary('result="255" timeout="true"', message="no fork")
    assert [failure.message for failure in facts.failures] == [
        "no fork",
        "the run was ended by its timeout",
        "the result of the run is 255",
    ]


def test_what_is_said_twice_is_refused() -> None:
    with pytest.raises(ReportError, match="<errors> more than once"):
        summary(message="</failureMessage><x:errors xmlns:x='urn:x'>1</x:errors><failureMessage>")

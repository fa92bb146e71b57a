"""CTRF: the tests decide, the summary is compared."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pushpolicy.model.evidence import Totals
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.suites.ctrf import FORMAT
from tests.unit.reports.bytes_report import BytesReport, only


def document(tests: list[dict[str, Any]], summary: dict[str, Any] | None = None) -> dict[str, Any]:
    summary = summary or {}
    return {"results": {"tool": {"name": "t"}, "summary": summary, "tests": tests}}


def read(tests: list[dict[str, Any]], summary: dict[str, Any] | None = None) -> SuiteFacts:
    return only(SuiteFacts, FORMAT.read(BytesReport(json.dumps(document(tests, summary)).encode()), Limits()))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("passed", "passed"),
        ("failed", "failed"),
        ("skipped", "skipped"),
        ("pending", "skipped"),
        ("other", "skipped"),
        ("timedOut", "errors"),
    ],
)
def test_the_status_decides(status: str, outcome: str) -> None:
    assert read([{"name": "a", "status": status}]).totals == Totals(**{"total": 1, outcome: 1})


def test_failures_that_only_the_summary_has_are_undeclared() -> None:
    result = read([{"name": "a", "status": "passed"}], {"tests": 3, "passed": 1, "failed": 2})
    assert result.undeclared == 2
    assert result.disagreements == ("tests=3, counted 1", "failed=2, counted 0")


def test_flaky_tests_and_messages() -> None:
    passed = {"name": "a", "status": "passed", "flaky": True}
    result = read([passed, {"name": "b", "status": "failed", "message": "why"}])
    assert result.totals.flaky == 1
    assert [(f.name, f.kind, f.message) for f in result.failures] == [("b", "failure", "why")]


@pytest.mark.parametrize("unit", [1, 1000])
def test_times_in_milliseconds_or_in_seconds(unit: int) -> None:
    result = read([], {"start": 1_700_000_000 * unit, "stop": 1_700_000_002 * unit})
    assert (result.timestamp, result.duration) == ("2023-11-14T22:13:20Z", 2.0)


@pytest.mark.parametrize("summary", [{"start": 1e300}, {"start": -1e17}, {"start": 5, "stop": 1}])
def test_times_that_are_none_are_left_out(summary: dict[str, float]) -> None:
    result = read([], summary)
    assert result.duration is None


@pytest.mark.parametrize(
    ("content", "is_ctrf"),
    [
        (document([]), True),
        ({"reportFormat": "CTRF", "results": {}}, True),
        ({"results": {"tests": []}, "name": "x"}, False),
        ({"results": {"passed": 1}}, False),
        ({"results": []}, False),
    ],
)
def test_a_report_is_recognised(content: dict[str, Any], is_ctrf: bool) -> None:
    assert FORMAT.recognise(jsondoc.head(json.dumps(content).encode(), b"")) is is_ctrf


@pytest.mark.parametrize(
    "content", ['{"results": {"summary": {}}}', '{"results": {"summary": {}, "tests": [{}]}}']
)
def test_a_report_without_tests_or_statuses_is_refused(content: str) -> None:
    with pytest.raises(ReportError, match="missing required field"):
        FORMAT.read(BytesReport(content.encode()), Limits())

"""go test -json: what ends a test, and packages that fail without one."""

from __future__ import annotations

import json

import pytest

from pushpolicy.model.evidence import Totals
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import Head, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.suites.gotest import FORMAT
from tests.unit.reports.bytes_report import BytesReport, only

OK = [("start", ""), ("run", "T"), ("pass", "T"), ("pass", "")]


def stream(events: list[tuple[str, str]], package: str = "p") -> str:
    lines = ({"Action": action, "Package": package, "Test": test or None} for action, test in events)
    return "".join(json.dumps({k: v for k, v in line.items() if v}) + "\n" for line in lines)


def read(text: str, limits: Limits | None = None) -> SuiteFacts:
    return only(SuiteFacts, FORMAT.read(BytesReport(text.encode(), 50), limits or Limits()))


@pytest.mark.parametrize(
    ("events", "totals", "undeclared"),
    [
        (OK, Totals(total=1, passed=1), 0),
        ([("run", "T"), ("fail", "T"), ("fail", "")], Totals(total=1, failed=1), 0),
        ([("run", "T"), ("skip", "T"), ("pass", "")], Totals(total=1, skipped=1), 0),
        ([("run", "T"), ("bench", "T"), ("pass", "")], Totals(total=1, passed=1), 0),
        ([("run", "T"), ("output", "T"), ("fail", "")], Totals(total=1, errors=1), 0),
        ([("run", "T"), ("output", "T")], Totals(total=1, errors=1), 1),
        ([("run", "T"), ("pass", "T"), ("fail", "")], Totals(total=1, passed=1), 1),
        ([("run", "T"), ("pass", "T")], Totals(total=1, passed=1), 1),
        ([("start", "")], Totals(), 1),
        ([("start", ""), ("skip", "")], Totals(), 0),
        ([("run", "T"), ("fail", "T"), ("fail", ""), *OK], Totals(total=1, passed=1, flaky=1), 0),
        ([*OK, ("run", "T"), ("fail", "T"), ("fail", "")], Totals(total=1, failed=1), 0),
        ([*OK, ("start", "")], Totals(total=1, passed=1), 1),
        ([*OK, ("run", "T")], Totals(total=1, errors=1), 1),
        ([("run", "T"), ("fail", "T"), ("pass", "T"), ("pass", "")], Totals(total=1, failed=1), 0),
        ([("run", "T"), ("pass", "T"), ("fail", ""), ("pass", "")], Totals(total=1, passed=1), 1),
        ([("run", "T"), ("pass", "T"), ("fail", ""), *OK[1:]], Totals(total=1, passed=1), 0),
        ([("run", "T"), ("run", "T/x"), ("pass", "T/x"), ("fail", "T"), ("fail", "")],
         Totals(total=2, passed=1, failed=1), 0),
    ],
)  # fmt: skip
def test_what_becomes_of_tests_and_packages(
    events: list[tuple[str, str]], totals: Totals, undeclared: int
) -> None:
    result = read(stream(events))
    assert (result.totals, result.undeclared) == (totals, undeclared)


def test_a_package_that_does_not_build_is_undeclared_once() -> None:
    build = '{"ImportPath":"p [p.test]","Action":"build-output","Output":"undefined: x\\n"}\n'
    build += '{"ImportPath":"p [p.test]","Action":"build-fail"}\n'
    failed = '{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}\n'
    assert read(build + failed).undeclared == 1
    (failure,) = read(build).failures
    assert (failure.name, failure.message) == ("p [p.test]", "undefined: x")


def test_what_go_says_outside_of_events_is_read() -> None:
    result = read(stream(OK) + "FAIL\tq [build failed]\ngo: downloading x v1.0.0\n")
    assert (result.undeclared, result.failures[0].message) == (1, "FAIL\tq [build failed]")


@pytest.mark.parametrize(
    "line", ["  FAIL\tq", "\x16--- FAIL: T (0.00s)", 'done{"Action":"fail","Package":"q","Test":"T"}']
)
def test_a_failure_within_another_line_is_not_lost(line: str) -> None:
    assert read(stream(OK) + f"{line}\n").undeclared == 1


def test_the_output_of_what_failed_is_told() -> None:
    said = '{"Action":"output","Package":"p","Test":"T","Output":"want 1\\n"}\n'
    text = stream([("run", "T")]) + said + stream([("fail", "T"), ("fail", "")])
    assert [(f.name, f.message) for f in read(text).failures] == [("p.T", "want 1")]


@pytest.mark.parametrize("end", ['{"Action":"pass","Pack', '{"Action":1}', '{"Package":"p"}'])
def test_a_line_that_is_no_event_is_refused(end: str) -> None:
    with pytest.raises(ReportError, match="line 5: "):
        read(stream(OK) + end)


def test_more_tests_than_the_limit_are_refused() -> None:
    with pytest.raises(ReportError, match="limit of 1"):
        read(stream([("run", "A"), ("run", "B")]), Limits(max_cases=1))


@pytest.mark.parametrize(
    ("start", "is_run"),
    [
        (stream(OK), True),
        ("# p\nx.go:1: undefined\n" + stream(OK), True),
        ('{"Action":"deploy","Package":"p"}\n{}', False),
        ('{"Action":"pass"}\n{}', False),
        ('{"level":"info","msg":"started"}\n{"level":"info"}\n', False),
    ],
)
def test_a_run_is_recognised_by_an_event(start: str, is_run: bool) -> None:
    assert FORMAT.recognise(Head(start=start.encode())) is is_run


def test_packages_without_tests_are_bounded_too() -> None:
    text = "".join(stream([("start", ""), ("skip", "")], f"p{number}") for number in range(3))
    assert read(text, Limits(max_cases=3)).totals.total == 0
    with pytest.raises(ReportError, match="limit of 2"):
        read(text, Limits(max_cases=2))

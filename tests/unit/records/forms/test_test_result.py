"""A test result says of the tests what the evidence has."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.approvals import Value, approved, evidence, predicate

RESULTS: Mapping[str, tuple[str, Callable[[Value], object]]] = {
    "all ran and passed": ("PASSED", lambda tests: tests["totals"].update(skipped=0)),
    "one was skipped": ("WARNED", lambda tests: None),
    "one passed at the second try": ("WARNED", lambda tests: tests["totals"].update(skipped=0, flaky=1)),
    "a report contradicts itself": (
        "WARNED",
        lambda tests: (
            tests["totals"].update(skipped=0),
            tests["reports"][0].update(disagreements=["tests"]),
        ),
    ),
    "one failed": ("FAILED", lambda tests: tests["totals"].update(failed=1)),
    "one could not run": ("FAILED", lambda tests: tests["totals"].update(errors=1)),
    "a report declares a failure that it does not show": (
        "FAILED",
        lambda tests: tests["reports"][0].update(undeclared=1),
    ),
    "all were skipped": ("FAILED", lambda tests: tests["totals"].update(passed=0, skipped=16)),
    "there are none": ("FAILED", lambda tests: tests["totals"].update(passed=0, skipped=0, total=0)),
}


@pytest.mark.parametrize("case", RESULTS)
def test_the_result_of_tests(case: str) -> None:
    result, change = RESULTS[case]
    value = evidence()
    value["tests"]["failures"] = []
    change(value["tests"])
    assert predicate("test-result", approved(value))["result"] == result


def test_the_reports_are_there_by_their_digests() -> None:
    found = predicate("test-result", approved())
    reports = evidence()["tests"]["reports"]
    assert [each["digest"]["sha256"] for each in found["configuration"]] == [
        each["sha256"] for each in reports
    ]
    assert found["configuration"][0]["annotations"]["totals"] == reports[0]["totals"]
    assert found["failedTests"] == ["it waits"]

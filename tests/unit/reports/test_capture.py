"""A capture is read within the limits."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.model.evidence import Totals
from pushpolicy.reports.capture import FORMAT, Capture, SuiteCapture, Written
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from tests.unit.reports.bytes_report import BytesReport, only

DONE = Capture(
    schema="pushpolicy.capture/v1",
    kind="tests",
    name="unit",
    argv=("make", "test"),
    started="2026-11-02T10:00:00Z",
    ended="2026-11-02T10:01:00Z",
    exit_code=0,
)


def capture(*paths: str) -> BytesReport:
    written = tuple(Written(path=path, sha256="a" * 64, size=1) for path in paths)
    return BytesReport(replace(DONE, reports=written).content())


def test_a_capture_names_no_more_reports_than_may_be_read() -> None:
    assert len(FORMAT.read(capture("a", "b"), Limits(max_files=2))) == 1
    with pytest.raises(ReportError, match="its 3 reports are over the limit of 2"):
        FORMAT.read(capture("a", "b", "c"), Limits(max_files=2))


def test_a_command_that_failed_is_one_failure_with_its_outcome() -> None:
    capture = replace(DONE, exit_code=1)
    facts = only(SuiteFacts, [SuiteCapture(capture).result()])
    assert facts.totals == Totals(total=1, failed=1)
    assert [(f.name, f.message) for f in facts.failures] == [("make test", "it ended with exit code 1")]


@pytest.mark.parametrize(
    "changes", [{"signal": "SIGKILL"}, {"ended": None}, {"argv": ()}, {"started": "today"}]
)
def test_a_capture_that_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ReportError, match="it is no capture: "):
        FORMAT.read(BytesReport(replace(DONE, **changes).content()), Limits())

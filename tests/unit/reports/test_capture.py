"""A capture is read within the limits."""

from __future__ import annotations

import pytest

from pushpolicy.reports.capture import FORMAT, Capture, Written
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from tests.unit.reports.bytes_report import BytesReport


def capture(*paths: str) -> BytesReport:
    written = tuple(Written(path=path, sha256="a" * 64, size=1) for path in paths)
    done = Capture(
        schema="pushpolicy.capture/v1",
        kind="tests",
        name="unit",
        argv=("make",),
        started="2026-11-02T10:00:00Z",
        ended="2026-11-02T10:01:00Z",
        exit_code=0,
        reports=written,
    )
    return BytesReport(done.content())


def test_a_capture_names_no_more_reports_than_may_be_read() -> None:
    assert len(FORMAT.read(capture("a", "b"), Limits(max_files=2))) == 1
    with pytest.raises(ReportError, match="its 3 reports are over the limit of 2"):
        FORMAT.read(capture("a", "b", "c"), Limits(max_files=2))

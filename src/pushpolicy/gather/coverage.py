"""Coverage reports together: what the evidence of kind ``tests`` says of coverage."""

from __future__ import annotations

from pushpolicy.gather.found import ReadReport, Reports
from pushpolicy.model.evidence import Coverage, CoverageReport, Covered
from pushpolicy.reports.coverage.table import CoverageResult


def evidence(reports: Reports) -> Coverage | None:
    """All coverage reports, added up; None when there are none.

    No format tells which lines of two reports are the same, so each report's lines count by themselves.
    """
    read = reports.of("coverage")
    if not read:
        return None
    lines = sum((report.content.lines for report in read), Covered())
    return Coverage(
        covered=lines.covered,
        total=lines.total,
        percent=lines.percent(),
        reports=tuple(_report(report) for report in read),
    )


def _report(report: ReadReport) -> CoverageReport:
    result: CoverageResult = report.content
    return CoverageReport(
        name=report.raw.name,
        format=report.raw.format,
        covered=result.lines.covered,
        total=result.lines.total,
        percent=result.lines.percent(),
        branches=result.branches,
        sha256=report.raw.digest.hex,
        disagreements=result.disagreements,
        timestamp=result.timestamp,
    )

"""Test reports together: the evidence of kind ``tests``."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from pushpolicy.gather import coverage as coverage
from pushpolicy.gather import expected
from pushpolicy.gather.found import ReadReport, Reports
from pushpolicy.gather.request import ExpectedReport
from pushpolicy.model.evidence import FailedCase, TestReport, TestsEvidence, Totals
from pushpolicy.reports.parsing.values import MAX_INTEGER
from pushpolicy.reports.suites.tally import MAX_FAILURES, SuiteResult


def evidence(reports: Reports, wanted: Iterable[ExpectedReport]) -> TestsEvidence:
    """All test reports, their totals added up. Zero tests are a fact like any other.

    Coverage is part of this kind, so a coverage report that cannot be read fails it.
    """
    read = reports.of("tests")
    missing = expected.absent(wanted, [report.raw.name for report in read])
    problems = [*reports.problems["tests"], *reports.problems["coverage"]]
    status, reason = expected.status(problems, missing, any_read=bool(read), kind="test")
    results: list[SuiteResult] = [report.content for report in read]
    durations = [result.duration for result in results if result.duration is not None]
    return TestsEvidence(
        status=status,
        reason=reason,
        totals=sum((result.totals for result in results), Totals()),
        reports=tuple(_report(report) for report in read),
        failures=tuple(islice((case for report in read for case in _failures(report)), MAX_FAILURES)),
        duration=round(sum(durations), 6) if durations else None,
        coverage=coverage.evidence(reports),
    )


def _report(report: ReadReport) -> TestReport:
    result: SuiteResult = report.content
    return TestReport(
        name=report.raw.name,
        format=report.raw.format,
        totals=result.totals,
        sha256=report.raw.digest.hex,
        undeclared=min(result.undeclared, MAX_INTEGER),
        disagreements=result.disagreements,
        timestamp=result.timestamp,
        duration=result.duration,
    )


def _failures(report: ReadReport) -> Iterable[FailedCase]:
    result: SuiteResult = report.content
    for failure in result.failures:
        yield FailedCase(
            report=report.raw.name, name=failure.name, kind=failure.kind, message=failure.message
        )

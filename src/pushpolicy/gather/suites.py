"""Test reports together: the evidence of kind ``tests``."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from pushpolicy.gather import coverage, expected
from pushpolicy.gather.names import Reports
from pushpolicy.gather.request import ExpectedReport
from pushpolicy.model.evidence import FailedCase, TestContent, TestReport, TestsEvidence, Totals, content
from pushpolicy.reports.facts import SuiteFacts
from pushpolicy.reports.parsing.values import MAX_INTEGER
from pushpolicy.reports.suites.tally import MAX_FAILURES


def evidence(reports: Reports, due: Iterable[ExpectedReport]) -> TestsEvidence:
    """All test reports, their totals added up. Zero tests are a fact like any other.

    Coverage is part of this kind, so a coverage report that cannot be read fails it.
    """
    read = list(reports.items(SuiteFacts))
    missing = expected.absent(due, [name for name, _, _ in read])
    problems = [*reports.problems["tests"], *reports.problems["coverage"]]
    status, reason = expected.status(problems, missing, any_read=bool(read), kind="test")
    durations = [facts.duration for _, _, facts in read if facts.duration is not None]
    failures = (
        FailedCase(report=name, name=case.name, kind=case.kind, message=case.message)
        for name, _, facts in read
        for case in facts.failures
    )
    return TestsEvidence(
        status=status,
        reason=reason,
        totals=sum((facts.totals for _, _, facts in read), Totals()),
        reports=tuple(
            TestReport(
                name=name,
                format=raw.format,
                sha256=raw.digest.hex,
                **content(facts, TestContent) | {"undeclared": min(facts.undeclared, MAX_INTEGER)},
            )
            for name, raw, facts in read
        ),
        failures=tuple(islice(failures, MAX_FAILURES)),
        duration=round(sum(durations), 6) if durations else None,
        coverage=coverage.evidence(reports),
    )

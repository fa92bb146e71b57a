"""Test reports together, and coverage reports with them: the evidence of kind ``tests``.

Each test counts once. A report that says the same of the same run as another, under another name, is left
out. Maven writes the classes' reports, a summary of those of Failsafe, and, where TestNG writes its own, the
same classes once more in ``junitreports``. Such a report is left out only where the ones that it repeats show
at least as many tests, as many of each bad outcome, and each that failed; one that says more stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from pushpolicy.gather import expected
from pushpolicy.gather.names import ReadReport, Reports
from pushpolicy.gather.request import Expected
from pushpolicy.model.evidence import (
    Coverage,
    CoverageReport,
    Covered,
    FailedCase,
    TestContent,
    TestReport,
    TestsEvidence,
    Totals,
    content,
)
from pushpolicy.reports.facts import CoverageFacts, SuiteFacts, of_type
from pushpolicy.reports.parsing.values import MAX_INTEGER
from pushpolicy.reports.suites import MAX_FAILURES

_AGAIN = "junitreports"  # within the folder of the classes' own reports
_SUMMARY = "failsafe-summary"


def evidence(reports: Reports, due: Expected) -> TestsEvidence:
    """All test reports, their totals added up. Zero tests are a fact like any other.

    Coverage is part of this kind, so a coverage report that cannot be read fails it, and one that is expected
    and not there makes it missing.
    """
    read, covered = list(reports.items(SuiteFacts)), _coverage(reports)
    missing = expected.absent(due.tests, [name for name, _, _ in read])
    names = [each.name for each in covered.reports] if covered else []
    missing += [f"{lack} (coverage)" for lack in expected.absent(due.coverage, names)]
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
        coverage=covered,
    )


def _coverage(reports: Reports) -> Coverage | None:
    """All coverage reports, added up; None when there are none.

    No format tells which lines of two reports are the same, so each report's lines count by themselves.
    """
    read = list(reports.items(CoverageFacts))
    if not read:
        return None
    lines = sum((facts.lines for _, _, facts in read), Covered())
    return Coverage(
        covered=lines.covered,
        total=lines.total,
        percent=lines.percent(),
        reports=tuple(
            CoverageReport(
                name=name,
                format=raw.format,
                sha256=raw.digest.hex,
                covered=facts.lines.covered,
                total=facts.lines.total,
                percent=facts.lines.percent(),
                branches=facts.branches,
                disagreements=facts.disagreements,
                timestamp=facts.timestamp,
            )
            for name, raw, facts in read
        ),
    )


def told_again(found: Iterable[ReadReport]) -> Iterator[tuple[ReadReport, Path]]:
    """Each of the reports that repeats others, and the folder or file of those."""
    by_folder: dict[Path, list[ReadReport]] = {}
    same: dict[bytes, ReadReport] = {}
    for report in sorted(found, key=lambda each: each.raw.path):
        suites = of_type(SuiteFacts, report.facts) if report.raw.kind == "tests" else ()
        said = msgspec.json.encode(suites) if suites and all(map(_names_its_run, suites)) else b""
        if said and same.setdefault(said, report) is not report:
            yield report, same[said].raw.path
        elif suites:
            by_folder.setdefault(report.raw.path.parent, []).append(report)
    for folder, reports in by_folder.items():
        for summary in (each for each in reports if each.raw.format == _SUMMARY):
            if _is_counted([summary], [each for each in reports if each.raw.format == "junit"]):
                yield summary, folder
        if folder.name == _AGAIN:
            first = [each for each in by_folder.get(folder.parent, ()) if each.raw.format == "junit"]
            if _is_counted(reports, first) and _is_named(reports, first):
                yield from ((each, folder.parent) for each in reports)


def _names_its_run(facts: SuiteFacts) -> bool:
    """Whether a report that says the same must be of the same run: of these suites, at that time, as long."""
    return bool(facts.suites and facts.timestamp and facts.duration)


def _is_counted(again: list[ReadReport], first: list[ReadReport]) -> bool:
    """Whether the first ones count all that the others count."""
    theirs, ours = _totals(again), _totals(first)
    names = ("total", "failed", "errors", "skipped")
    said = [each.undeclared for report in again for each in of_type(SuiteFacts, report.facts)]
    return bool(first) and not any(said) and all(getattr(theirs, n) <= getattr(ours, n) for n in names)


def _is_named(again: list[ReadReport], first: list[ReadReport]) -> bool:
    """Whether the first ones name each test that failed; not where a report does not name all of them."""
    bad = _totals(again).failed + _totals(again).errors
    return bad == len(_failures(again)) and not Counter(_failures(again)) - Counter(_failures(first))


def _failures(reports: list[ReadReport]) -> list[str]:
    suites = (each for report in reports for each in of_type(SuiteFacts, report.facts))
    return [failure.name for each in suites for failure in each.failures]


def _totals(reports: list[ReadReport]) -> Totals:
    facts = (each for report in reports for each in of_type(SuiteFacts, report.facts))
    return sum((each.totals for each in facts), Totals())

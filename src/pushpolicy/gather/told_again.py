"""Which test reports tell a run again that others tell already, so that each test counts once.

Maven writes the classes' reports, a summary of those of Failsafe, and, where TestNG writes its own, the same
classes once more in ``junitreports``. Such a report is left out only where the ones that it repeats show at
least as many tests, and as many of each bad outcome; one that says more stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pushpolicy.gather.names import ReadReport
from pushpolicy.model.evidence import Totals
from pushpolicy.reports.facts import SuiteFacts, of_type

_AGAIN = "junitreports"  # within the folder of the classes' own reports
_SUMMARY = "failsafe-summary"


def told_again(found: Iterable[ReadReport]) -> Iterator[tuple[ReadReport, Path]]:
    """Each of the reports that repeats others, and the folder of those."""
    by_folder: dict[Path, list[ReadReport]] = {}
    for report in found:
        if report.raw.kind == "tests" and of_type(SuiteFacts, report.facts):
            by_folder.setdefault(report.raw.path.parent, []).append(report)
    for folder, reports in by_folder.items():
        for summary in (each for each in reports if each.raw.format == _SUMMARY):
            if _is_shown([summary], [each for each in reports if each.raw.format == "junit"]):
                yield summary, folder
        if folder.name == _AGAIN:
            first = [each for each in by_folder.get(folder.parent, ()) if each.raw.format == "junit"]
            if _is_shown(reports, first):
                yield from ((each, folder.parent) for each in reports)


def _is_shown(again: list[ReadReport], first: list[ReadReport]) -> bool:
    """Whether the first ones show all that the others say."""
    theirs, ours = _totals(again), _totals(first)
    names = ("total", "failed", "errors", "skipped")
    said = [each.undeclared for report in again for each in of_type(SuiteFacts, report.facts)]
    return bool(first) and not any(said) and all(getattr(theirs, n) <= getattr(ours, n) for n in names)


def _totals(reports: list[ReadReport]) -> Totals:
    facts = (each for report in reports for each in of_type(SuiteFacts, report.facts))
    return sum((each.totals for each in facts), Totals())

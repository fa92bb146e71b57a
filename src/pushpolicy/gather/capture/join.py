"""What captures add to the reports: who wrote them, and a report where a command wrote none.

A command that wrote no report of its kind is one test case, or one scan, whose result is its exit code. Of
one that did, the reports count, and the capture says that they are its. Where the command failed and no
report of it shows why, they are not believed: that is a failure no case shows, or a failed scan.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from pushpolicy.gather.capture.result import result
from pushpolicy.gather.capture.written import digest_of
from pushpolicy.gather.found import CAPTURES, ReadReport, Reports
from pushpolicy.model.text import printable
from pushpolicy.reports.capture import Capture
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.suites.tally import SuiteResult


def capture_of(report: ReadReport) -> Capture | None:
    """The capture that a file is; None for every other report."""
    content = report.content
    return content[0] if isinstance(content, tuple) and content and isinstance(content[0], Capture) else None


def join(reports: Reports, waiting: Iterable[ReadReport], limits: Limits) -> None:
    """Let every capture speak of the reports, or for itself.

    Args:
        reports: all other reports, and the captures that were given a name of their own.
        waiting: the captures that were not, and speak for themselves only where there is nothing else.
        limits: of what is read.
    """
    named = {report.raw.path.resolve() for report in reports.read if capture_of(report)}
    unnamed = {path: report for report in waiting if (path := report.raw.path.resolve()) not in named}
    reports.add_unnamed([_as_it_speaks(report, reports) for report in unnamed.values()])
    for place, report in enumerate(reports.read):
        if capture := capture_of(report):
            _judge(report, capture, reports, limits)
            reports.read[place] = ReadReport(report.raw, result(capture, limits))


def _as_it_speaks(report: ReadReport, reports: Reports) -> ReadReport:
    """A capture is a report of its kind only where its command wrote none."""
    capture = capture_of(report)
    if capture and _own(capture, reports):
        return ReadReport(replace(report.raw, kind=CAPTURES), report.content)
    return report


def _own(capture: Capture, reports: Reports) -> list[int]:
    """The places of the reports of its kind that the command wrote."""
    digests = {written.sha256 for written in capture.reports}
    return [
        place
        for place, report in enumerate(reports.read)
        if report.raw.kind == capture.kind and report.raw.digest.hex in digests and not capture_of(report)
    ]


def _judge(report: ReadReport, capture: Capture, reports: Reports, limits: Limits) -> None:
    path, kinds = report.raw.path, (capture.kind,)
    if capture.ended is None:
        reports.fail(path, kinds, "the command, or the capture of it, did not come to an end")
    for name in _lost(capture, reports, limits):
        reports.fail(path, kinds, f"{printable(name)} is not what the command wrote: it is gone or changed")
    for written in capture.reports:
        reports.captured_by.setdefault(written.sha256, report.raw.name)
    own = _own(capture, reports)
    if own and not capture.passed and all(_shows_nothing(reports.read[place].content) for place in own):
        _disbelieve(own, report, capture, reports)


def _lost(capture: Capture, reports: Reports, limits: Limits) -> list[str]:
    present = {report.raw.digest.hex for report in reports.read}
    lost = []
    for written in capture.reports:
        if written.sha256 not in present:
            found = digest_of(reports.workspace / written.path, limits)
            if found is None or found[0].hex != written.sha256:
                lost.append(written.path)
    return lost


def _shows_nothing(content: Any) -> bool:
    if isinstance(content, SuiteResult):
        return not (content.totals.failed or content.totals.errors or content.undeclared)
    return not any(scan.findings for scan in content)


def _disbelieve(own: list[int], report: ReadReport, capture: Capture, reports: Reports) -> None:
    """The command says that it failed, and its reports do not."""
    said = f"the command that wrote it failed (capture {report.raw.name}): {capture.outcome}"
    first = reports.read[own[0]]
    if isinstance(first.content, SuiteResult):
        disagreements = (*first.content.disagreements, printable(said))
        content = replace(first.content, undeclared=1, disagreements=disagreements)
        reports.read[own[0]] = ReadReport(first.raw, content)
        return
    reports.fail(first.raw.path, (capture.kind,), f"{printable(said)}, and it lists no finding")

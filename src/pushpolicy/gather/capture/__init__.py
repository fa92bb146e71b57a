"""``pushpolicy run``: a command, what it did, and the reports it wrote, as one capture.

Here is which reports a command wrote, and what its capture adds to them. A command that wrote no report of
its kind is one test case, or one scan, whose result is its exit code. Of one that did, the reports count, and
the capture says that they are its. Where the command failed and no report of it shows why, they are not
believed: that is a failure no case shows, or a failed scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from pushpolicy.errors import InputError
from pushpolicy.files import real
from pushpolicy.gather import find
from pushpolicy.gather.names import CAPTURES, ReadReport, Reports
from pushpolicy.gather.request import RawReport
from pushpolicy.gather.runs import RunOf
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable
from pushpolicy.reports.capture import SUFFIX, Capture, CaptureFacts, Written
from pushpolicy.reports.declared import BrokenReportError, NotAReport
from pushpolicy.reports.facts import SuiteFacts, of_type
from pushpolicy.reports.file import open_report
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.values import text
from pushpolicy.reports.reader import read

# Size, times and inode: what no writing leaves as it was.
Marks = tuple[int, int, int, int]


def marks(folder: Path, patterns: Sequence[str], limits: Limits) -> dict[Path, Marks]:
    """What tells whether a file was written, of each that may be a report.

    Raises:
        InputError: when there are more files than the limit.
    """
    try:
        usual = list(find.candidates(folder, limits))
    except find.TooManyFilesError as error:
        raise InputError(f"{error}", "raise it: --limit max-files=NUMBER") from error
    named = (path for pattern in patterns for path in find.matches(folder, pattern))
    found = {}
    for path in dict.fromkeys(real(path) for path in (*usual, *named)):
        if not path.name.endswith(SUFFIX) and path.is_relative_to(real(folder)):
            with suppress(FileNotFoundError):  # somebody else's file that has just gone
                status = path.stat()
                found[path] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return found


def written(
    folder: Path, before: Mapping[Path, Marks], after: Mapping[Path, Marks], limits: Limits
) -> tuple[Written, ...]:
    """The reports among the files that are new or changed, with the digests of their bytes."""
    changed = [path for path, mark in after.items() if before.get(path) != mark]
    digests = ((path, _digest(path, limits)) for path in sorted(changed))
    return tuple(
        Written(path=text(path.relative_to(real(folder)).as_posix()), sha256=found[0].hex, size=found[1])
        for path, found in digests
        if found is not None
    )


def _digest(path: Path, limits: Limits) -> tuple[Digest, int] | None:
    """Digest and size of a file that is, or was meant to be, a report."""
    try:
        report = read(path, limits)
        return report.digest, report.size
    except NotAReport:
        return None
    except BrokenReportError:
        return digest_of(path, limits)


def digest_of(path: Path, limits: Limits) -> tuple[Digest, int] | None:
    """Digest and size of a file as it is; None when it is absent or over the limit."""
    try:
        with open_report(path, limits.max_report_size) as file:
            return file.finish(), file.size
    except ReportError:
        return None


def capture_of(report: ReadReport) -> Capture | None:
    """The capture that a file is; None for every other report."""
    found = of_type(CaptureFacts, report.facts)
    return found[0].capture if found else None


def join(reports: Reports, waiting: Iterable[ReadReport], limits: Limits) -> None:
    """Apply every capture to the reports that its command wrote; where there is none, its exit code is one.

    Args:
        reports: all other reports, and the captures that were given a name of their own.
        waiting: the captures that were not.
        limits: of what is read.
    """
    named = {real(report.raw.path) for report in reports.read if capture_of(report)}
    unnamed = {path: report for report in waiting if (path := real(report.raw.path)) not in named}
    captures = []
    for report in unnamed.values():
        capture = capture_of(report)
        wrote_reports = capture is not None and _own(capture, reports)
        raw = replace(report.raw, kind=CAPTURES) if wrote_reports else report.raw
        captures.append(ReadReport(raw, report.facts))
    reports.add_unnamed(captures)
    for place, report in enumerate(reports.read):
        for facts in of_type(CaptureFacts, report.facts):
            reports.captures[report.raw.path] = facts.capture
            _judge(report.raw, facts.capture, reports, limits)
            reports.read[place] = ReadReport(report.raw, (facts.result(),))


def fail_other_runs(reports: Reports, here: RunOf) -> None:
    """What was captured of another commit, run or attempt fails its kind."""
    for path, capture in reports.captures.items():
        difference = here.difference(RunOf(commit=capture.commit, run=capture.run, attempt=capture.attempt))
        # The reports of several images may be the same.
        if difference and not any(difference in problem for problem in reports.problems[capture.kind]):
            reports.fail(path, (capture.kind,), f"{difference}; run the command again in this one")


def _own(capture: Capture, reports: Reports) -> list[int]:
    """The places of the reports of its kind that the command wrote."""
    digests = {written.sha256 for written in capture.reports}
    return [
        place
        for place, report in enumerate(reports.read)
        if report.raw.kind == capture.kind and report.raw.digest.hex in digests and not capture_of(report)
    ]


def _judge(raw: RawReport, capture: Capture, reports: Reports, limits: Limits) -> None:
    kinds = (capture.kind,)
    if capture.ended is None:
        reports.fail(raw.path, kinds, "the command, or the capture of it, did not come to an end")
    for name in _lost(capture, reports, limits):
        reports.fail(
            raw.path, kinds, f"{printable(name)} is not what the command wrote: it is gone or changed"
        )
    for written in capture.reports:
        reports.captured_by.setdefault(written.sha256, raw.name)
    own = _own(capture, reports)
    shown = (facts.shows_failure for place in own for facts in reports.read[place].facts)
    if own and not capture.passed and not any(shown):
        said = f"the command that wrote it failed (capture {raw.name}): {capture.outcome}"
        _disbelieve(own[0], printable(said), capture, reports)


def _lost(capture: Capture, reports: Reports, limits: Limits) -> list[str]:
    present = {report.raw.digest.hex for report in reports.read}
    lost = []
    for written in capture.reports:
        if written.sha256 not in present:
            found = digest_of(reports.workspace / written.path, limits)
            if found is None or found[0].hex != written.sha256:
                lost.append(written.path)
    return lost


def _disbelieve(place: int, why: str, capture: Capture, reports: Reports) -> None:
    """The command says that it failed, and its reports, of which this is the first, do not."""
    first = reports.read[place]
    suites = of_type(SuiteFacts, first.facts)
    if suites:
        doubted = (replace(each, undeclared=1, disagreements=(*each.disagreements, why)) for each in suites)
        reports.read[place] = ReadReport(first.raw, tuple(doubted))
    else:
        reports.fail(first.raw.path, (capture.kind,), f"{why}, and it lists no finding")

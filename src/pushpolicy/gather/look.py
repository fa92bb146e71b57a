"""Looks at files that nobody named: in the usual places, and where a capture says that it wrote reports."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from pushpolicy.gather import find as discover
from pushpolicy.gather.capture.join import capture_of
from pushpolicy.gather.capture.written import digest_of
from pushpolicy.gather.found import ReadReport, Reports
from pushpolicy.gather.request import RawReport
from pushpolicy.reports.format import KINDS, Parts
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.values import text
from pushpolicy.reports.recognise import BrokenReportError, NotAReport, read


def read_reports(reports: Reports, path: Path, name: str | None, limits: Limits) -> list[ReadReport]:
    """A file as the report of each kind that it is.

    Raises:
        NotAReport: when it is none.
        BrokenReportError: when it was meant to be one.
    """
    file = read(path, limits)
    raw = RawReport(
        name=text(name) if name else reports.names(path)[0],
        path=path,
        kind=file.format.kind,
        format=file.format.name,
        digest=file.digest,
        size=file.size,
        media_type=file.format.media_type,
    )
    if not isinstance(file.content, Parts):
        return [ReadReport(raw, file.content)]
    if not file.content:
        raise NotAReport(f"nothing in this {file.format.name} file is of a kind that is read")
    parts = file.content.by_kind()
    return [ReadReport(replace(raw, kind=kind), content) for kind, content in parts.items()]


def usual_places(reports: Reports, limits: Limits) -> list[ReadReport]:
    """What is found in the usual places, beside what was read already."""
    try:
        paths = list(discover.candidates(reports.workspace, limits))
    except discover.TooManyFilesError as error:
        for kind in KINDS:
            reports.problems[kind].append(str(error))
        return []
    known = {reports.workspace / seen.path for seen in reports.seen}
    fresh = (path for path in paths if path not in known)
    return [report for path in fresh for report in _look_at(reports, path, limits)]


def captured(reports: Reports, captures: Iterable[ReadReport], limits: Limits) -> list[ReadReport]:
    """The reports that captures name elsewhere in the workspace, as far as they are what they were."""
    read_already = {report.raw.digest.hex for report in reports.read}
    written = {
        each.path: each.sha256
        for report in captures
        if (capture := capture_of(report))
        for each in capture.reports
        if each.sha256 not in read_already
    }
    found = []
    for name, sha256 in written.items():
        path = reports.workspace / name
        within = path.resolve().is_relative_to(reports.workspace.resolve())
        digest = digest_of(path, limits) if within else None
        if digest and digest[0].hex == sha256:
            found += _look_at(reports, path, limits)
    return found


def _look_at(reports: Reports, path: Path, limits: Limits) -> list[ReadReport]:
    try:
        return read_reports(reports, path, None, limits)
    except NotAReport as error:
        reports.note(path, None, f"no report: {error}")
    except BrokenReportError as error:
        reports.fail(path, error.kinds, str(error))
    return []

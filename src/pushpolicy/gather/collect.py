"""Reads every report once: those that were named, and those in the usual places.

Naming a report never hides another one: what a checkout's configuration names only ever adds evidence.
"""

from __future__ import annotations

from pathlib import Path

from pushpolicy.errors import InputError, UsageError
from pushpolicy.gather import discover
from pushpolicy.gather.recognise import BrokenReportError, NotAReport, read
from pushpolicy.gather.reports import KINDS, ReadReport, Reports, names_of
from pushpolicy.gather.request import GatherRequest, Limits, NamedEvidence, RawReport, Seen
from pushpolicy.gather.values import text
from pushpolicy.model.text import printable


def collect(request: GatherRequest) -> Reports:
    """Read all reports.

    Raises:
        UsageError: when one name is given to several files, or the kind does not exist.
        InputError: when one that was named is absent, malformed, of another kind, or clashes.
    """
    reports = Reports(request.workspace)
    named = [item for item in request.named if item.kind != "extra"]
    for item in named:
        if item.name is not None:
            _add_by_name(reports, item, request.limits)
    for item in named:
        if item.name is None:
            reports.add_unnamed(_read_all(reports, item, request.limits))
    reports.add_unnamed(_look_around(reports, request.limits))
    return reports


def look_around(workspace: Path, limits: Limits) -> tuple[Seen, ...]:
    """What each file in the usual places is taken for."""
    reports = Reports(workspace)
    reports.add_unnamed(_look_around(reports, limits))
    return tuple(reports.seen)


def _add_by_name(reports: Reports, named: NamedEvidence, limits: Limits) -> None:
    found = _read_all(reports, named, limits)
    if len(found) > 1:
        hint = f"leave the name out ({named.kind}=...) and the files' own names are taken"
        raise UsageError(f"--evidence {printable(str(named))} gives one name to {len(found)} files", hint)
    for report in found:
        reports.add_named(report)


def _read_all(reports: Reports, named: NamedEvidence, limits: Limits) -> list[ReadReport]:
    if named.kind not in (None, *KINDS):
        raise UsageError(f"--evidence {printable(str(named))}: the kinds are {', '.join(KINDS)} and extra")
    paths = discover.matches(reports.workspace, named.path)
    if not paths:
        hint = "check the path, and that the step that writes the file has run"
        raise InputError(f"--evidence {printable(str(named))}: there is no such file", hint)
    strict = not discover.is_glob(reports.workspace, named.path)
    found = (_read_named(reports, named, path, limits, strict=strict) for path in paths)
    return [report for report in found if report is not None]


def _read_named(
    reports: Reports, named: NamedEvidence, path: Path, limits: Limits, *, strict: bool
) -> ReadReport | None:
    where = printable(reports.shown(path))
    try:
        report = _read(reports, path, named.name, limits)
    except NotAReport as error:
        if strict:
            hint = "`pushpolicy doctor` lists the formats"
            raise InputError(f"{where} is no report that pushpolicy knows: {error}", hint) from error
        reports.note(path, None, f"no report: {error}")
        return None
    except BrokenReportError as error:
        if not error.run_failed:
            hint = "run the step that writes it again; what is cut short or malformed is not believed"
            raise InputError(f"{where}: {error}", hint) from error
        reports.fail(path, error.kind, str(error))  # the file is sound; that the tool failed is evidence
        return None
    if named.kind not in (None, report.raw.kind):
        hint = f"write --evidence {report.raw.kind}=... for it"
        raise InputError(f"{where} is a {report.raw.format} report, which is not of kind {named.kind}", hint)
    return report


def _look_around(reports: Reports, limits: Limits) -> list[ReadReport]:
    try:
        paths = list(discover.candidates(reports.workspace, limits))
    except discover.TooManyFilesError as error:
        for kind in KINDS:
            reports.problems[kind].append(str(error))
        return []
    known = {reports.workspace / seen.path for seen in reports.seen}
    fresh = (path for path in paths if path not in known)
    return [report for path in fresh if (report := _look_at(reports, path, limits))]


def _look_at(reports: Reports, path: Path, limits: Limits) -> ReadReport | None:
    try:
        return _read(reports, path, None, limits)
    except NotAReport as error:
        reports.note(path, None, f"no report: {error}")
    except BrokenReportError as error:
        reports.fail(path, error.kind, str(error))
    return None


def _read(reports: Reports, path: Path, name: str | None, limits: Limits) -> ReadReport:
    file = read(path, limits)
    raw = RawReport(
        name=text(name) if name else names_of(reports.shown(path))[0],
        path=path,
        kind=file.format.kind,
        format=file.format.name,
        digest=file.digest,
        size=file.size,
        media_type=file.format.media_type,
    )
    return ReadReport(raw, file.content)

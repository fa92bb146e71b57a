"""Reads every report once: those that were named, and those in the usual places.

Naming a report never hides another one: what a checkout's configuration names only ever adds evidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pushpolicy.errors import InputError, UsageError
from pushpolicy.gather import find as discover
from pushpolicy.gather.capture.join import capture_of, join
from pushpolicy.gather.confine import refuse_outside
from pushpolicy.gather.found import ReadReport, Reports
from pushpolicy.gather.look import captured, read_reports, usual_places
from pushpolicy.gather.merge import merge_parts
from pushpolicy.gather.parts.document import Part
from pushpolicy.gather.request import NamedEvidence, Reading, Seen
from pushpolicy.model.text import printable
from pushpolicy.reports.format import KINDS
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import BrokenReportError, NotAReport


def collect(request: Reading, merged: Iterable[Part] = ()) -> Reports:
    """Read all reports: those of the parts of other jobs, those that were named, and those that are found.

    Raises:
        UsageError: when one name is given to several files, or the kind does not exist.
        InputError: when one that was named is absent, malformed, of another kind, or clashes.
    """
    reports, limits = Reports(request.workspace), request.limits
    named = [item for item in request.named if item.kind not in ("extra", "part")]
    for item in named:
        if item.name is not None:
            _add_by_name(reports, item, limits)
    captures = _add_unnamed(reports, merge_parts(reports, merged, limits))
    for item in named:
        if item.name is None:
            captures += _add_unnamed(reports, _read_all(reports, item, limits))
    _find(reports, captures, limits)
    return reports


def look_around(workspace: Path, limits: Limits) -> tuple[Seen, ...]:
    """What each file in the usual places is taken for."""
    reports = Reports(workspace)
    _find(reports, [], limits)
    return tuple(reports.seen)


def _find(reports: Reports, captures: list[ReadReport], limits: Limits) -> None:
    """Add what is found, and let the captures speak, which wait until all that they may speak of is read."""
    captures += _add_unnamed(reports, usual_places(reports, limits))
    speaking = [*captures, *(report for report in reports.read if capture_of(report))]
    _add_unnamed(reports, captured(reports, speaking, limits))
    join(reports, captures, limits)


def _add_unnamed(reports: Reports, found: list[ReadReport]) -> list[ReadReport]:
    """Add reports under the names of their files.

    Returns:
        the captures among them, which are not added.
    """
    reports.add_unnamed(report for report in found if not capture_of(report))
    return [report for report in found if capture_of(report)]


def _add_by_name(reports: Reports, named: NamedEvidence, limits: Limits) -> None:
    found = _read_all(reports, named, limits)
    files = len({report.raw.path for report in found})
    if files > 1:
        hint = f"leave the name out ({named.kind}=...) and the files' own names are taken"
        raise UsageError(f"{named.shown} gives one name to {files} files", hint)
    for report in found:
        reports.add_named(report)


def _read_all(reports: Reports, named: NamedEvidence, limits: Limits) -> list[ReadReport]:
    if named.kind not in (None, *KINDS):
        raise UsageError(f"{named.shown}: the kinds are {', '.join(KINDS)} and extra")
    refuse_outside(named, reports.workspace)
    paths = discover.matches(reports.workspace, named.path)
    if not paths:
        hint = "check the path, and that the step that writes the file has run"
        raise InputError(f"{named.shown}: there is no such file", hint)
    strict = not discover.is_glob(reports.workspace, named.path)
    return [report for path in paths for report in _read_named(reports, named, path, limits, strict=strict)]


def _read_named(
    reports: Reports, named: NamedEvidence, path: Path, limits: Limits, *, strict: bool
) -> list[ReadReport]:
    where = printable(reports.shown(path))
    try:
        found = read_reports(reports, path, named.name, limits)
    except NotAReport as error:
        if strict:
            hint = "`pushpolicy doctor` lists the formats"
            raise InputError(f"{where} is no report that pushpolicy knows: {error}", hint) from error
        reports.note(path, None, f"no report: {error}")
        return []
    except BrokenReportError as error:
        if not error.run_failed:
            hint = "run the step that writes it again; what is cut short or malformed is not believed"
            raise InputError(f"{where}: {error}", hint) from error
        reports.fail(path, error.kinds, str(error))  # the file is sound; that the tool failed is evidence
        return []
    kinds = [report.raw.kind for report in found]
    if named.kind not in (None, *kinds):
        hint = f"write --evidence {kinds[0]}=... for it"
        form = found[0].raw.format
        raise InputError(f"{where} is a {form} report, which is not of kind {named.kind}", hint)
    return found

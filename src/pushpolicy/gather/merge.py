"""The reports of other jobs' parts: read here, under the names they were given there or PART/NAME."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from pushpolicy.errors import InputError
from pushpolicy.gather.found import Origin, ReadReport, Reports
from pushpolicy.gather.look import read_reports
from pushpolicy.gather.parts.document import Part, Unpacked
from pushpolicy.model.text import printable
from pushpolicy.reports.format import KINDS
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import BrokenReportError, NotAReport


def merge_parts(reports: Reports, parts: Iterable[Part], limits: Limits) -> list[ReadReport]:
    """Add the reports that have names.

    Returns:
        those that have none yet.

    Raises:
        InputError: when a file is no report here, or two reports of one name differ.
    """
    unnamed = []
    for part in parts:
        _take_problems(reports, part)
        for file in part.files:
            reports.origins[file.path] = Origin(part.about.name, file.listed.path)
            if "extra" not in file.listed.names:
                unnamed += _merge(reports, file, limits)
    return unnamed


def _take_problems(reports: Reports, part: Part) -> None:
    """What could not be read there fails its kind here as well."""
    for kind, problems in part.about.problems.items():
        if kind in KINDS:
            reports.problems[kind] += [f"part {part.about.name}: {printable(each)}" for each in problems]


def _merge(reports: Reports, file: Unpacked, limits: Limits) -> list[ReadReport]:
    unnamed = []
    for report in _read(reports, file, limits):
        name = file.listed.names.get(report.raw.kind)
        if name is None:
            unnamed.append(report)
        else:
            reports.add_named(ReadReport(replace(report.raw, name=name), report.content))
    return unnamed


def _read(reports: Reports, file: Unpacked, limits: Limits) -> list[ReadReport]:
    where = printable(reports.shown(file.path))
    try:
        return read_reports(reports, file.path, None, limits)
    except NotAReport as error:
        hint = "merge with the version of pushpolicy that wrote the part"
        raise InputError(f"{where} is no report that pushpolicy knows: {error}", hint) from error
    except BrokenReportError as error:
        if not error.run_failed:
            raise InputError(f"{where}: {error}", "the job that wrote the part could read it") from error
        reports.fail(file.path, error.kinds, str(error))
        return []

"""Reads every report once: those of other jobs' parts, those that were named, and those in the usual places.

Naming a report never hides another one: what a checkout's configuration names only ever adds evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from pushpolicy.errors import InputError, UsageError
from pushpolicy.files import is_file, real
from pushpolicy.gather import find
from pushpolicy.gather.capture import capture_of, digest_of, join
from pushpolicy.gather.checkout import FileState, state_in_head
from pushpolicy.gather.names import Origin, ReadReport, Reports
from pushpolicy.gather.parts import Part, Unpacked
from pushpolicy.gather.request import NamedEvidence, RawReport, Reading, Seen
from pushpolicy.gather.suites import told_again
from pushpolicy.model.text import printable
from pushpolicy.reports.declared import BY_NAME, BrokenReportError, NotAReport, promised
from pushpolicy.reports.file import bare_name
from pushpolicy.reports.format import KINDS, Declared, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.values import text
from pushpolicy.reports.reader import read

_TRACKED = "it is tracked by git, so it is no result of this run"


def collect(
    request: Reading, parts: Iterable[Part] = (), tracks: Callable[[Path], bool | None] = lambda _: None
) -> Reports:
    """Read all reports: those of the parts of other jobs, those that were named, and those that are found.

    Args:
        request: what to read.
        parts: of other jobs.
        tracks: whether git tracks a file; None where that is not known.

    Raises:
        UsageError: when one name is given to several files, or the kind does not exist.
        InputError: when one that was named is absent, malformed, of another kind, or clashes; when a file of
            a part is no report here.
    """
    reports, limits = Reports(request.workspace, tracks), request.limits
    named = [item for item in request.named if item.kind not in ("extra", "part")]
    for item in named:
        if item.name is not None:
            _add_by_name(reports, item, limits)
    captures = _add_unnamed(reports, [report for part in parts for report in _of_part(reports, part, limits)])
    for item in named:
        if item.name is None:
            captures += _add_unnamed(reports, _read_all(reports, item, limits))
    _find(reports, captures, limits)
    return reports


def find_reports(workspace: Path, limits: Limits, environ: Mapping[str, str]) -> tuple[Seen, ...]:
    """What each file in the usual places is taken for."""

    def tracks(path: Path) -> bool:
        # Whatever it holds, what is there in HEAD is tracked.
        return state_in_head(workspace, path, b"", environ) is not FileState.UNTRACKED

    reports = Reports(workspace, tracks)
    _find(reports, [], limits)
    return tuple(reports.seen)


def _find(reports: Reports, captures: list[ReadReport], limits: Limits) -> None:
    """Add what is found, then what captures name; captures are applied when all that they name is read."""
    captures += _add_unnamed(reports, _in_usual_places(reports, limits))
    all_captures = [*captures, *(report for report in reports.read if capture_of(report))]
    _add_unnamed(reports, _captured(reports, all_captures, limits))
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
    find.refuse_outside(named, reports.workspace)
    paths = find.matches(reports.workspace, named.path)
    if not paths:
        hint = "check the path, and that the step that writes the file has run"
        raise InputError(f"{named.shown}: there is no such file", hint)
    strict = not find.is_glob(reports.workspace, named.path)
    return [report for path in paths for report in _read_named(reports, named, path, limits, strict=strict)]


def _read_named(
    reports: Reports, named: NamedEvidence, path: Path, limits: Limits, *, strict: bool
) -> list[ReadReport]:
    where = printable(reports.shown(path))
    try:
        found = _read(reports, path, named.name, limits)
    except NotAReport as error:
        if strict:
            hint = "`pushpolicy doctor` lists the formats"
            raise InputError(f"{where} is no report that pushpolicy knows: {error}", hint) from error
        if named.kind:
            reports.fail(path, (named.kind,), f"it is no report that pushpolicy knows: {error}")
        else:
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


def _of_part(reports: Reports, part: Part, limits: Limits) -> list[ReadReport]:
    """Add the reports of another job's part that were given a name there, and its problems.

    Returns:
        those that have no name yet.
    """
    for kind, problems in part.about.problems.items():
        if kind in KINDS:
            reports.problems[kind] += [f"part {part.about.name}: {printable(each)}" for each in problems]
    unnamed = []
    for each in part.about.unread:
        shown = f"{part.about.name}:{each.path}"
        reports.seen.append(Seen(path=shown, taken_for=None, note=printable(each.why)))
    for file in part.files:
        reports.origins[file.path] = Origin(part.about.name, file.listed.path)
        for report in () if "extra" in file.listed.names else _read_unpacked(reports, file, limits):
            name = file.listed.names.get(report.raw.kind)
            if name is None:
                unnamed.append(report)
            else:
                reports.add_named(ReadReport(replace(report.raw, name=name), report.facts))
    return unnamed


def _read_unpacked(reports: Reports, file: Unpacked, limits: Limits) -> list[ReadReport]:
    where = printable(reports.shown(file.path))
    try:
        return _read(reports, file.path, None, limits)
    except NotAReport as error:
        hint = "merge with the version of pushpolicy that wrote the part"
        raise InputError(f"{where} is no report that pushpolicy knows: {error}", hint) from error
    except BrokenReportError as error:
        if not error.run_failed:
            raise InputError(f"{where}: {error}", "the job that wrote the part could read it") from error
        reports.fail(file.path, error.kinds, str(error))
        return []


def _in_usual_places(reports: Reports, limits: Limits) -> list[ReadReport]:
    """What is found there, beside what was read already."""
    try:
        paths = list(find.candidates(reports.workspace, limits))
    except find.TooManyFilesError as error:
        for kind in KINDS:
            reports.problems[kind].append(str(error))
        return []
    known = {reports.workspace / seen.path for seen in reports.seen}
    fresh = (path for path in paths if path not in known)
    found = [report for path in fresh for report in _read_found(reports, path, limits)]
    again = {report.raw.path: folder for report, folder in told_again(found)}
    for path, folder in again.items():
        shown = printable(reports.shown(folder))
        reports.note(path, None, f"left out: it tells of the run that the reports of {shown} tell of")
    return [report for report in found if report.raw.path not in again]


def _captured(reports: Reports, captures: Iterable[ReadReport], limits: Limits) -> list[ReadReport]:
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
        within = real(path).is_relative_to(real(reports.workspace))
        digest = digest_of(path, limits) if within else None
        if digest and digest[0].hex == sha256:
            found += _read_found(reports, path, limits)
    return found


def _read_found(reports: Reports, path: Path, limits: Limits) -> list[ReadReport]:
    """A file that nobody named: one that is no report is noted, a broken one fails its kinds.

    What git tracks is no result of this run; of such a file only what is no result, a statement, is read.
    What may hold reports and cannot be looked into fails every kind, whoever made it so.
    """
    if hidden := find.why_hidden(reports.workspace, path):
        reports.fail(path, KINDS, hidden)
        return []
    try:
        found = _found(path, reports, limits)
    except NotAReport as error:
        reports.note(path, None, f"no report: {error}")
        return []
    except BrokenReportError as error:
        # What was written through a link of the commit is a result of this run.
        tracked = reports.tracks(real(path) if is_file(path) else path)
        kinds = [kind for kind in error.kinds if _is_statement(kind, error.meant) or not tracked]
        if kinds:
            reports.fail(path, kinds, str(error))
        else:
            reports.note(path, None, f"{_TRACKED}; {error}")
        return []
    statements = [each for each in found if _is_statement(each.raw.kind, BY_NAME[each.raw.format])]
    if len(statements) == len(found) or not reports.tracks(path):
        return found
    reports.note(path, None, _TRACKED)
    return statements


def _is_statement(kind: str, form: Declared) -> bool:
    """Whether it is what people say, which may be a file of the commit."""
    return kind == "vex" or form.is_statement


def _found(path: Path, reports: Reports, limits: Limits) -> list[ReadReport]:
    why = find.why_not_read(path)
    if why is None:
        return _read(reports, path, None, limits)
    meant = promised(bare_name(path.name))
    if meant is None and is_file(path) and not find.is_searched(reports.workspace, real(path)):
        with suppress(NotAReport):
            meant = read(path, limits).format  # a report that was written through a link
    if meant is None:
        raise NotAReport(why)
    raise BrokenReportError(ReportError(why), meant)


def _read(reports: Reports, path: Path, name: str | None, limits: Limits) -> list[ReadReport]:
    """A file as the report of each kind that it is.

    Raises:
        NotAReport: when it is none.
        BrokenReportError: when it was meant to be one.
    """
    file = read(path, limits)
    kinds = file.by_kind()
    if not kinds:
        raise NotAReport(f"nothing in this {file.format.name} file is of a kind that is read")
    raw = RawReport(
        name=text(name) if name else reports.names(path)[0],
        path=path,
        kind=file.format.kind,
        format=file.format.name,
        digest=file.digest,
        size=file.size,
        media_type=file.format.media_type,
    )
    return [ReadReport(replace(raw, kind=kind), facts) for kind, facts in kinds.items()]

"""Which reports a command wrote: files that are new or changed since it started, and are reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pushpolicy.errors import InputError
from pushpolicy.gather import find
from pushpolicy.model.digest import Digest
from pushpolicy.reports.capture import SUFFIX, Written
from pushpolicy.reports.file import open_report
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.values import text
from pushpolicy.reports.recognise import BrokenReportError, NotAReport, read

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
    for path in dict.fromkeys(path.resolve() for path in (*usual, *named)):
        if not path.name.endswith(SUFFIX) and path.is_relative_to(folder.resolve()):
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
        Written(path=text(path.relative_to(folder.resolve()).as_posix()), sha256=found[0].hex, size=found[1])
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

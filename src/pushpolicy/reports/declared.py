"""What each format declares of itself, without its reader: what looking for reports and naming them needs.

The readers are large, and only the process that reads (`child`) imports them. declared.json is written by
`make index` from `recognise.FORMATS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

import msgspec

from pushpolicy.reports.file import bare_name, opened
from pushpolicy.reports.format import Declared, FailedRunError, ReportError

DOCUMENT = Path(__file__).with_name("declared.json")
# In the order in which a file is tried.
FORMATS = msgspec.json.decode(DOCUMENT.read_bytes(), type=tuple[Declared, ...])
BY_NAME = {item.name: item for item in FORMATS}

# Folders of the checkout that hold reports of any format.
_COMMON_PLACES = (
    "reports",
    "report",
    "test-reports",
    "test-results",
    "test_results",
    "testresults",
    "scan-reports",
    "scan-results",
    "security-reports",
)
_DECLARED_PLACES = [place for item in FORMATS for place in item.places]
# Folders of the checkout, and DIR/DIR of any module, however deep it lies: searched with all that is in them.
PLACES = frozenset((*_COMMON_PLACES, *(place for place in _DECLARED_PLACES if "/" not in place)))
MODULE_PLACES = tuple(dict.fromkeys(place for place in _DECLARED_PLACES if "/" in place))
# In a place, files of these suffixes are looked at, compressed ones too; in the checkout itself, those whose
# name promises a format. Longest first: a name loses `.sarif.json` rather than `.json`.
SUFFIXES = tuple(sorted({suffix for item in FORMATS for suffix in item.suffixes}, key=lambda s: (-len(s), s)))


class NotAReport(Exception):  # noqa: N818 - a file that is something else is no error
    """A file that has no format of the table; says why."""


class BrokenReportError(Exception):
    """A file that is, or was meant to be, a report, and cannot be read as one.

    Attributes:
        meant: the format it was to have.
        kinds: the kinds of evidence it was to be.
        run_failed: whether the file is sound and says that the tool's own run failed.
    """

    def __init__(self, reason: ReportError, meant: Declared) -> None:
        super().__init__(str(reason))
        self.meant = meant
        self.kinds = (meant.kind, *meant.also)
        self.run_failed = isinstance(reason, FailedRunError)


def open_named(path: Path) -> BinaryIO:
    """The file, open for reading.

    Raises:
        NotAReport: when it cannot be opened, and nothing tells that it was to be a report.
        BrokenReportError: when it cannot be opened, and its name promises one.
    """
    try:
        return opened(path)
    except ReportError as error:
        raise failure(error, path.name) from error


def failure(
    error: ReportError, name: str, start: bytes = b"", meant: Declared | None = None
) -> NotAReport | BrokenReportError:
    """What it means that a file of this name, which begins like this, cannot be read."""
    meant = meant or by_signs(bare_name(name), start)
    return NotAReport(str(error)) if meant is None else BrokenReportError(error, meant)


def by_signs(file_name: str, start: bytes) -> Declared | None:
    """The format that a broken file was meant to have, by its name or by what is left of it."""
    for item in FORMATS:
        if all(mark in start for mark in item.marks):
            return item
    return promised(file_name)


def promised(file_name: str) -> Declared | None:
    """The format that a file of this name is expected to have."""
    return next((item for item in FORMATS if promises(item, file_name)), None)


def promises(item: Declared, file_name: str) -> bool:
    """Whether a file of this name is expected to have the format."""
    return any(_fits(file_name, pattern) for pattern in item.file_names)


def _fits(name: str, pattern: str) -> bool:
    """`fnmatchcase` for patterns with stars only, of which few are so near that they have to be compiled."""
    start, end = pattern.partition("*")[0], pattern.rpartition("*")[2]
    return name.startswith(start) and name.endswith(end) and fnmatchcase(name, pattern)


def write(formats: Iterable[Declared]) -> None:
    """Write what these formats declare."""
    known = [{name: getattr(item, name) for name in Declared.__struct_fields__} for item in formats]
    DOCUMENT.write_bytes(msgspec.json.format(msgspec.json.encode(known)) + b"\n")

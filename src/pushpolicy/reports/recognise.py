"""Tells what a file is by its content, and reads it as that."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import msgspec

from pushpolicy.model.digest import Digest
from pushpolicy.reports.almost import why_not
from pushpolicy.reports.format import FailedRunError, Format, Head, ReportError
from pushpolicy.reports.formats import by_content, by_signs
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.packed import Bounds, bare_name
from pushpolicy.reports.parsing import jsondoc, markup
from pushpolicy.reports.reading import ReportFile, open_report

_JSON = (b"{", b"[")
_WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class NotAReport(Exception):  # noqa: N818 - a file that is something else is no error
    """A file that has no format of the table; says why."""


class BrokenReportError(Exception):
    """A file that is, or was meant to be, a report, and cannot be read as one.

    Attributes:
        kinds: the kinds of evidence it was to be.
        run_failed: whether the file is sound and says that the tool's own run failed.
    """

    def __init__(self, reason: ReportError, meant: Format[Any]) -> None:
        super().__init__(str(reason))
        self.kinds = (meant.kind, *meant.also)
        self.run_failed = isinstance(reason, FailedRunError)


class ReadFile(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one file, and the digest and size of exactly those bytes."""

    format: Format[Any]
    content: Any
    digest: Digest
    size: int


def read(path: Path, limits: Limits) -> ReadFile:
    """Recognise and read a file.

    Raises:
        NotAReport: when it is something else, or nothing tells that it was to be a report.
        BrokenReportError: when it is malformed, over a limit, or tells of a failed run.
    """
    start = b""
    meant: Format[Any] | None = None
    try:
        unpack = Bounds(limits.max_report_size, limits.max_unpacked_ratio)
        with open_report(path, limits.max_report_size, unpack=unpack, seconds=limits.max_seconds) as file:
            start = _start(file.head)
            meant = _format(path.name, file, start)
            content = meant.read(file, limits)
            return ReadFile(format=meant, content=content, digest=file.finish(), size=file.size)
    except ReportError as error:
        meant = meant or by_signs(bare_name(path.name), start)
        if meant is None:
            raise NotAReport(str(error)) from error
        raise BrokenReportError(error, meant) from error


def _format(file_name: str, report: ReportFile, start: bytes) -> Format[Any]:
    head = _head(report, start)
    found = by_content(head)
    if found is None:
        raise NotAReport(why_not(file_name, head))
    return found


def _head(report: ReportFile, start: bytes) -> Head:
    text = start.lstrip()
    if not text:
        raise ReportError("it is empty")
    if text.startswith(b"<"):
        return Head(start=start, root=markup.root_name(report.head))
    if jsondoc.is_lines(text) and by_content(Head(start=start)):
        return Head(start=start)
    if text.startswith(_JSON):
        return jsondoc.head(report.content(), start)
    return Head(start=start)


def _start(head: bytes) -> bytes:
    """The first bytes as UTF-8 without a byte order mark."""
    encoding = _WIDE.get(head[:2])
    if encoding:
        return head[2:].decode(encoding, "ignore").encode("utf-8", "ignore")
    return head.removeprefix(codecs.BOM_UTF8)

"""Tells what a file is by its content, and reads it as that; holds the one table of all report formats."""

from __future__ import annotations

import codecs
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

import msgspec

from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable
from pushpolicy.reports import capture, openvex
from pushpolicy.reports.coverage import clover, cobertura, coveragepy, goprofile, jacoco, lcov
from pushpolicy.reports.file import Bounds, ReportFile, bare_name, opened, report_of
from pushpolicy.reports.format import Facts, FailedRunError, Format, Head, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc, markup
from pushpolicy.reports.provenance import attestation
from pushpolicy.reports.sbom import cyclonedx, cyclonedx_xml, spdx, spdx3
from pushpolicy.reports.scans import clair, gitlab, grype, klar, osv, quay, sarif, snyk, trivy
from pushpolicy.reports.suites import ctrf, failsafe, gotest, junit, nunit, tap, trx, xunit

# In the order in which a file is tried.
FORMATS: tuple[Format, ...] = (
    capture.FORMAT,
    junit.FORMAT,
    failsafe.FORMAT,
    nunit.FORMAT,
    xunit.FORMAT,
    trx.FORMAT,
    ctrf.FORMAT,
    gotest.FORMAT,
    tap.FORMAT,
    cobertura.FORMAT,
    clover.FORMAT,
    jacoco.FORMAT,
    coveragepy.FORMAT,
    lcov.FORMAT,
    goprofile.FORMAT,
    trivy.FORMAT,
    trivy.K8S,
    trivy.LEGACY,
    trivy.OPERATOR,
    grype.FORMAT,
    snyk.FORMAT,
    clair.FORMAT,
    clair.SCANNER,
    klar.FORMAT,
    quay.FORMAT,
    osv.FORMAT,
    gitlab.FORMAT,
    gitlab.CODEQUALITY,
    sarif.FORMAT,
    cyclonedx.FORMAT,
    cyclonedx_xml.FORMAT,
    spdx.FORMAT,
    spdx3.FORMAT,
    spdx.TAG_VALUE,
    spdx.YAML,
    openvex.FORMAT,
    attestation.FORMAT,
)

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

_MAX_KEYS = 6
_JSON = (b"{", b"[")
_WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class NotAReport(Exception):  # noqa: N818 - a file that is something else is no error
    """A file that has no format of the table; says why."""


class BrokenReportError(Exception):
    """A file that is, or was meant to be, a report, and cannot be read as one.

    Attributes:
        meant: the format it was to have.
        kinds: the kinds of evidence it was to be.
        run_failed: whether the file is sound and says that the tool's own run failed.
    """

    def __init__(self, reason: ReportError, meant: Format) -> None:
        super().__init__(str(reason))
        self.meant = meant
        self.kinds = (meant.kind, *meant.also)
        self.run_failed = isinstance(reason, FailedRunError)


class ReadFile(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one file, and the digest and size of exactly those bytes."""

    format: Format
    facts: tuple[Facts, ...]
    digest: Digest
    size: int

    def by_kind(self) -> dict[str, tuple[Facts, ...]]:
        """The facts by kind of evidence. A format of one kind only is that also where it says nothing."""
        kinds = dict.fromkeys(each.evidence_kind for each in self.facts)
        if not self.format.also:
            kinds[self.format.kind] = None
        return {kind: tuple(each for each in self.facts if each.evidence_kind == kind) for kind in kinds}


def read(path: Path, limits: Limits) -> ReadFile:
    """Recognise and read a file; `child.Reader` does it in a process that can do nothing else.

    Raises:
        NotAReport: when it is something else, or nothing tells that it was to be a report.
        BrokenReportError: when it is malformed, over a limit, or tells of a failed run.
    """
    with open_named(path) as stream:
        return read_open(stream, path.name, limits)


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


def read_open(stream: BinaryIO, name: str, limits: Limits) -> ReadFile:
    """The same as `read`, of a file of this name that is open."""
    start = b""
    meant: Format | None = None
    try:
        bounds = Bounds(limits.max_report_size, limits.max_unpacked_ratio)
        with report_of(stream, limits.max_report_size, bounds=bounds, seconds=limits.max_seconds) as file:
            start = _start(file.head)
            head = _head(file, start)
            meant = by_content(head)
            if meant is None:
                _check_promise(bare_name(name), head)
                raise NotAReport(_explain(bare_name(name), head))
            facts = meant.read(file, limits)
            return ReadFile(format=meant, facts=facts, digest=file.finish(), size=file.size)
    except ReportError as error:
        raise failure(error, name, start, meant) from error


def failure(
    error: ReportError, name: str, start: bytes = b"", meant: Format | None = None
) -> NotAReport | BrokenReportError:
    """What it means that a file of this name, which begins like this, cannot be read."""
    meant = meant or by_signs(bare_name(name), start)
    return NotAReport(str(error)) if meant is None else BrokenReportError(error, meant)


def by_content(head: Head) -> Format | None:
    """The format of a well-formed file; None for one that is no report."""
    return next((item for item in FORMATS if item.recognise(head)), None)


def by_signs(file_name: str, start: bytes) -> Format | None:
    """The format that a broken file was meant to have, by its name or by what is left of it."""
    for item in FORMATS:
        if all(mark in start for mark in item.marks):
            return item
    return promised(file_name)


def promised(file_name: str) -> Format | None:
    """The format that a file of this name is expected to have."""
    return next((item for item in FORMATS if promises(item, file_name)), None)


def promises(item: Format, file_name: str) -> bool:
    """Whether a file of this name is expected to have the format."""
    return any(fnmatchcase(file_name, pattern) for pattern in item.file_names)


def _start(head: bytes) -> bytes:
    """The first bytes as UTF-8 without a byte order mark."""
    encoding = _WIDE.get(head[:2])
    if encoding:
        return head[2:].decode(encoding, "ignore").encode("utf-8", "ignore")
    return head.removeprefix(codecs.BOM_UTF8)


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


def _check_promise(file_name: str, head: Head) -> None:
    """Check that a file of no format is at least text of the family that its name promises.

    Well-formed JSON, XML or text that says something else is a stranger of that name. A banner before the
    document, an error page, or a table where JSON belongs is what a tool or shell wrote in place of a report.

    Raises:
        BrokenReportError: when it is not.
    """
    meant = [item for item in FORMATS if promises(item, file_name)]
    start = head.start.lstrip()
    found = "xml" if head.root else "json" if start.startswith(_JSON) else "text"
    is_page = head.root is not None and head.root.lower() == "html"
    alike = [item for item in meant if item.family == found and not is_page]
    if found == "text":
        alike = [item for item in alike if b"\0" not in start and not all(m in start for m in item.marks)]
    if meant and not alike:
        line = printable(start.partition(b"\n")[0][:60].decode("utf-8", "replace"))
        reason = ReportError(f"its name promises {meant[0].name}, and it begins with {line!r}")
        raise BrokenReportError(reason, meant[0])


def _explain(file_name: str, head: Head) -> str:
    """Why a well-formed file has no format of the table: what it is instead, and what it nearly is."""
    is_instead = _describe(head)
    meant = by_signs(file_name, head.start)
    if meant is None:
        return is_instead
    missing = [mark.decode("utf-8", "replace") for mark in meant.marks if mark not in head.start]
    if not missing:
        return f"{is_instead}; it looks like {meant.name}, and what tells that format is not at its top level"
    by = "its name promises" if promises(meant, file_name) else "it looks like"
    return f"{is_instead}; {by} {meant.name}, and {' and '.join(missing)} cannot be found in it"


def _describe(head: Head) -> str:
    if head.root:
        return f"its root element is <{printable(head.root, 60)}>"
    if not head.keys:
        return "its content is no report's"
    shown = ", ".join(printable(key, 40) for key in list(head.keys)[:_MAX_KEYS])
    more = ", ..." if len(head.keys) > _MAX_KEYS else ""
    return f"the keys of its {'first element' if head.is_array else 'top level'} are {shown}{more}"

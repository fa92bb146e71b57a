"""Tells what a file is by its content, and reads it as that; holds the one table of all formats' readers."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import BinaryIO

from msgspec.structs import replace

from pushpolicy.model.text import printable
from pushpolicy.reports import capture, openvex
from pushpolicy.reports.coverage import clover, cobertura, coveragepy, goprofile, jacoco, lcov
from pushpolicy.reports.declared import (
    BY_NAME,
    BrokenReportError,
    NotAReport,
    by_signs,
    failure,
    open_named,
    promises,
)
from pushpolicy.reports.file import Bounds, ReportFile, bare_name, report_of
from pushpolicy.reports.format import Format, Head, ReadFile, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc, markup
from pushpolicy.reports.pipeline import detect_secrets, gitleaks, zizmor
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
    zizmor.FORMAT,
    gitleaks.FORMAT,
    detect_secrets.FORMAT,
)

_MAX_KEYS = 6
# In its first line, what a shell, an interpreter or a tool says where it could not write a report.
_MESSAGE = re.compile(
    rb"[^\n]{0,300}?(?:command not found|: not found|no such file or directory|permission denied"
    rb"|traceback \(most recent|segmentation fault|\bkilled\b|npm err!"
    rb"|\b(?:error|fatal|panic|exception|failed|cannot|usage)\b[ :(!])",
    re.IGNORECASE,
)
_JSON = (b"{", b"[")
_WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def read(path: Path, limits: Limits) -> ReadFile:
    """Recognise and read a file; `reader.read` has it done by a process that can do nothing else.

    Raises:
        NotAReport: when it is something else, or nothing tells that it was to be a report.
        BrokenReportError: when it is malformed, over a limit, or tells of a failed run.
    """
    with open_named(path) as stream:
        return read_open(stream, path.name, limits)


def read_open(stream: BinaryIO, name: str, limits: Limits) -> ReadFile:
    """The same as `read`, of a file of this name that is open."""
    start = b""
    meant: Format | None = None
    try:
        bounds = Bounds(limits.max_report_size, limits.max_unpacked_ratio)
        with report_of(stream, limits.max_report_size, bounds=bounds, seconds=limits.max_seconds) as file:
            start = _start(file.head)
            head = _head(file, start)
            meant = by_content(head) or _by_empty_list(bare_name(name), head)
            if meant is None and (meant := _in_other_case(head)) is None:
                _check_promise(bare_name(name), head)
                raise NotAReport(_explain(bare_name(name), head))
            if meant.document:
                jsondoc.check_case(head.keys, meant.document)
            facts = meant.read(file, limits)
            return ReadFile(format=BY_NAME[meant.name], facts=facts, digest=file.finish(), size=file.size)
    except ReportError as error:
        raise failure(error, name, start, meant) from error


def by_content(head: Head) -> Format | None:
    """The format of a well-formed file; None for one that is no report."""
    return next((item for item in FORMATS if item.recognise(head)), None)


def _by_empty_list(file_name: str, head: Head) -> Format | None:
    """The format of a list without entries; one of other things is told so when it is read."""
    if not head.is_array or head.keys:
        return None
    return next((item for item in FORMATS if item.may_be_empty and promises(item, file_name)), None)


def _in_other_case(head: Head) -> Format | None:
    """The format that a file has to programs which ignore the case of keys."""
    read_so = ((item, jsondoc.in_exact_case(head.keys, item.document)) for item in FORMATS if item.document)
    return next(
        (item for item, keys in read_so if keys != head.keys and item.recognise(replace(head, keys=keys))),
        None,
    )


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
        return jsondoc.head(report.utf8(), start)
    return Head(start=start)


def _check_promise(file_name: str, head: Head) -> None:
    """Check that a file of no format is at least text of the family that its name promises.

    Well-formed JSON, XML or text that says something else is a stranger of that name. A banner before the
    document, an error page, or a table where JSON belongs is what a tool or shell wrote in place of a report.
    One that betrays the format which its name promises is such a report, within something else.

    Raises:
        BrokenReportError: when it is not.
    """
    meant = [item for item in FORMATS if promises(item, file_name)]
    start = head.start.lstrip()
    found = "xml" if head.root else "json" if start.startswith(_JSON) else "text"
    is_page = head.root is not None and head.root.lower() == "html"
    alike = [item for item in meant if item.family == found and not is_page]
    alike = [item for item in alike if not all(mark in start for mark in item.marks)]
    if found == "text":
        is_text = b"\0" not in start and not _MESSAGE.match(start)
        alike = alike if is_text and not (tap.FORMAT in meant and tap.holds_tests(start)) else []
    if meant and not alike:
        line = printable(start.partition(b"\n")[0][:60].decode("utf-8", "replace"))
        # A report of secrets may begin with one.
        instead = f"it is no {meant[0].family}" if meant[0].kind == "pipeline" else f"it begins with {line!r}"
        raise BrokenReportError(ReportError(f"its name promises {meant[0].name}, and {instead}"), meant[0])


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

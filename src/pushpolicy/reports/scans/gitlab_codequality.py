"""GitLab's Code Quality report: an array of issues as Code Climate specified them.

It names neither a tool nor a time, and an array without issues says nothing at all. Severities are those
of code; they are read as the tools of the corpus mean them, Trivy among them: minor is its MEDIUM.
"""

from __future__ import annotations

import msgspec

from pushpolicy.model.evidence import Finding, Scanner, Severity
from pushpolicy.reports.format import Format, Head, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import brief
from pushpolicy.reports.scans.ids import is_vulnerability, of_one_flaw
from pushpolicy.reports.scans.run import ScanResult, within

_SEVERITIES = {
    "blocker": Severity.CRITICAL,
    "critical": Severity.CRITICAL,
    "major": Severity.HIGH,
    "minor": Severity.MEDIUM,
    "info": Severity.LOW,
}
_KEYS = frozenset({"description", "fingerprint", "location"})


class _Lines(msgspec.Struct, gc=False):
    begin: int | None = None


class _Location(msgspec.Struct, gc=False):
    path: str | None = None
    lines: _Lines | None = None


class _Issue(msgspec.Struct, gc=False):
    description: str
    fingerprint: str
    check_name: str | None = None
    severity: str | None = None
    location: _Location | None = None


def _read(report: ReportBytes, limits: Limits) -> tuple[ScanResult, ...]:
    found = tuple(_finding(issue) for issue in jsondoc.decode(report, list[_Issue]))
    scan = ScanResult(scanner=Scanner(name="gitlab-codequality"), kind="code", findings=found)
    return within(limits, [scan])


def _finding(issue: _Issue) -> Finding:
    first = issue.description.partition(" ")[0].rstrip(":,")
    flaw = is_vulnerability(first)
    name = (first if flaw else issue.check_name) or "unidentified"
    return Finding(
        id=name,
        aliases=of_one_flaw(name, ()),
        severity=_SEVERITIES.get((issue.severity or "").lower(), Severity.UNKNOWN),
        kind="vulnerability" if flaw else "code",
        title=brief(issue.description),
        location=_place(issue.location or _Location()),
    )


def _place(location: _Location) -> str | None:
    line = location.lines.begin if location.lines else None
    return (f"{location.path}:{line}" if location.path and line else location.path) or None


def _recognise(head: Head) -> bool:
    named = {"check_name", "severity", "type"} & set(head.keys)
    is_issue = set(head.keys) >= _KEYS and head.keys["location"].startswith(b"{")
    return head.is_array and is_issue and bool(named)


FORMAT: Format[tuple[ScanResult, ...]] = Format(
    name="gitlab-codequality",
    kind="scans",
    media_type="application/json",
    file_names=("gl-code-quality*.json",),
    marks=(b'"fingerprint"', b'"check_name"'),
    recognise=_recognise,
    read=_read,
)

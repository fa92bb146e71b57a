"""GitLab's security reports: container, dependency and SAST scanning, secret detection, and their kin.

The image is named by each finding, so a report without findings names none. It says neither how old the
database was nor what was left out.
"""

from __future__ import annotations

import re

import msgspec

from pushpolicy.model.evidence import Finding, Scanner, Severity
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import ScanFacts, within
from pushpolicy.reports.format import Facts, FailedRunError, Format, Head, Identity, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import at_line, brief, utc
from pushpolicy.reports.scans import is_vulnerability, of_one_flaw, severity

_SCAN_KINDS = {
    "container_scanning": "image",
    "cluster_image_scanning": "image",
    "secret_detection": "secret",
}
_LOOKED_FOR = {
    "container_scanning": ("vulnerabilities",),
    "cluster_image_scanning": ("vulnerabilities",),
    "dependency_scanning": ("vulnerabilities",),
    "secret_detection": ("secrets",),
}
_FINDING_KINDS = {
    "container_scanning": "vulnerability",
    "cluster_image_scanning": "vulnerability",
    "dependency_scanning": "vulnerability",
    "secret_detection": "secret",
}
# Trivy writes "Upgrade curl to 7.61.1-r0", Gemnasium "Upgrade to version 0.3.3 or above."
_UPGRADE = re.compile(
    r"^upgrade (?:\S{1,300} )?to (?:versions? )?(.{1,200}?)(?: or (?:above|later|newer))?\.?$", re.I
)
_NO_SOLUTION = re.compile(r"\bno (?:solution|fix)\b.*\bavailable\b", re.I)


# The parts of security-report-schemas 2.x to 15.x that are read.
class _Named(msgspec.Struct, gc=False):
    """A scanner or an analyzer."""

    id: str | None = None
    name: str | None = None
    version: str | None = None


class _Message(msgspec.Struct, gc=False):
    """What the analyzer reports of its run."""

    level: str | None = None
    value: str | None = None


class _ScanBlock(msgspec.Struct, gc=False):
    """How the run went; times are in UTC and say no zone."""

    type: str | None = None
    status: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    scanner: _Named | None = None
    analyzer: _Named | None = None
    messages: list[_Message] | None = None


class _Identifier(msgspec.Struct, gc=False):
    """A name of the flaw or of the rule; the first is the primary one."""

    type: str | None = None
    name: str | None = None
    value: str | None = None


class _Package(msgspec.Struct, gc=False):
    """A package by its name."""

    name: str | None = None


class _Dependency(msgspec.Struct, gc=False):
    """A package and its version."""

    package: _Package | None = None
    version: str | None = None


class _Location(msgspec.Struct, gc=False):
    """Where it is: in an image, in a dependency, or on a line of a file."""

    image: str | None = None
    file: str | None = None
    start_line: int | None = None
    dependency: _Dependency | None = None


class _Flag(msgspec.Struct, gc=False):
    """What an analyzer thinks of a finding."""

    type: str | None = None


class _Vulnerability(msgspec.Struct, gc=False):
    """One finding of any type of scan."""

    location: _Location | None = None
    identifiers: list[_Identifier] | None = None
    category: str | None = None
    cve: str | None = None
    name: str | None = None
    message: str | None = None
    description: str | None = None
    severity: str | None = None
    solution: str | None = None
    scanner: _Named | None = None
    flags: list[_Flag] | None = None


class _Report(msgspec.Struct, gc=False):
    """The whole document."""

    version: str
    vulnerabilities: list[_Vulnerability]
    scan: _ScanBlock | None = None


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    document = jsondoc.decode(report, _Report)
    about = document.scan or _ScanBlock()
    _check(about)
    scan_type = _type(document)
    kind = _SCAN_KINDS.get(scan_type, "code")
    ended = about.end_time or about.start_time
    scan = ScanFacts(
        scanner=_scanner(document),
        kind=kind,
        identity=_identity(document) if kind == "image" else Identity(),
        findings=tuple(_finding(flaw, scan_type) for flaw in document.vulnerabilities),
        looked_for=_LOOKED_FOR.get(scan_type, ("unsaid",)),
        at=utc(ended) or utc(f"{ended}Z"),
    )
    return within(limits, [scan])


def _check(scan: _ScanBlock) -> None:
    if scan.status not in (None, "success"):
        raise FailedRunError(f"its scan was no success: {printable(scan.status or '', 40)}")
    bad = next((message for message in scan.messages or () if message.level in ("fatal", "error")), None)
    if bad:
        raise FailedRunError(f"its scan ended with: {printable(bad.value or 'an error')}")


def _type(report: _Report) -> str:
    """The type of scan; without one, as before version 3, what the findings are of."""
    if report.scan and report.scan.type:
        return report.scan.type
    stated = next((flaw.category for flaw in report.vulnerabilities if flaw.category), None)
    if stated is None and any(flaw.location and flaw.location.image for flaw in report.vulnerabilities):
        return "container_scanning"
    return stated or "sast"


def _scanner(report: _Report) -> Scanner:
    block = report.scan or _ScanBlock()
    by_findings = (flaw.scanner for flaw in report.vulnerabilities if flaw.scanner)
    tool = block.scanner or block.analyzer or next(by_findings, None) or _Named()
    return Scanner(name=tool.name or tool.id or "unnamed", version=tool.version or None)


def _identity(report: _Report) -> Identity:
    """The image that the findings name; none, when they name several."""
    images = {f.location.image for f in report.vulnerabilities if f.location and f.location.image}
    if len(images) != 1:
        return Identity()
    (name,) = images
    digest = name.rpartition("@")[2]
    return Identity(name=name, digests=(digest,) if digest.startswith("sha256:") else ())


def _finding(entry: _Vulnerability, scan_type: str) -> Finding:
    """One finding, by the name of a known flaw if it has one, else by its primary identifier."""
    place = entry.location or _Location()
    about = place.dependency or _Dependency()
    values = [i.value or i.name or "" for i in entry.identifiers or ()]
    known = next((value for value in values if is_vulnerability(value)), None)
    name = known or next(filter(None, values), None) or entry.cve or entry.name or "unidentified"
    solution = (entry.solution or "").strip()[:1000]
    upgrade = _UPGRADE.match(solution)
    flags = sorted({flag.type for flag in entry.flags or () if flag.type})
    return Finding(
        id=name,
        aliases=of_one_flaw(name, values),
        severity=severity.from_word(entry.severity),
        kind="vulnerability" if known else _FINDING_KINDS.get(scan_type, "code"),
        title=brief(entry.name or entry.message or entry.description),
        package=(about.package or _Package()).name or None,
        version=about.version or None,
        # Only the version to upgrade to is one; other advice names none.
        fixed_in=upgrade[1] if upgrade else None,
        fix_state="fixed" if upgrade else "not-fixed" if _NO_SOLUTION.search(solution) else None,
        location=at_line(place.file or place.image, place.start_line),
        suppressed_by=f"gitlab {', '.join(flags)}" if flags else None,
    )


def _recognise(head: Head) -> bool:
    listed, version = head.keys.get("vulnerabilities", b""), head.keys.get("version", b"")
    # CycloneDX lists vulnerabilities too, with a number for its version.
    known = "scan" in head.keys or "remediations" in head.keys or b'"identifiers"' in listed
    return not head.is_array and listed.startswith(b"[") and version.startswith(b'"') and known


FORMAT = Format(
    name="gitlab",
    kind="scans",
    media_type="application/json",
    suffixes=(".json",),
    file_names=("gl-*-report.json", "gl-*-scanning*.json", "gl-secret-*.json"),
    marks=(b'"vulnerabilities"', b'"identifiers"', b'"location"'),
    recognise=_recognise,
    document=_Report,
    read=_read,
)


_ISSUE_SEVERITIES = {
    "blocker": Severity.CRITICAL,
    "critical": Severity.CRITICAL,
    "major": Severity.HIGH,
    "minor": Severity.MEDIUM,
    "info": Severity.LOW,
}
_ISSUE_KEYS = frozenset({"description", "fingerprint", "location"})


class _IssueLines(msgspec.Struct, gc=False):
    begin: int | None = None


class _IssueLocation(msgspec.Struct, gc=False):
    path: str | None = None
    lines: _IssueLines | None = None


class _Issue(msgspec.Struct, gc=False):
    description: str
    fingerprint: str
    check_name: str | None = None
    severity: str | None = None
    location: _IssueLocation | None = None


def _read_codequality(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    """GitLab's Code Quality report: an array of issues as Code Climate specified them.

    It names neither a tool nor a time, and an array without issues says nothing at all. Severities are those
    of code; they are read as the tools of the corpus mean them, Trivy among them: minor is its MEDIUM.
    """
    found = tuple(_issue_finding(issue) for issue in jsondoc.decode(report, list[_Issue]))
    scan = ScanFacts(scanner=Scanner(name="gitlab-codequality"), kind="code", findings=found)
    return within(limits, [scan])


def _issue_finding(issue: _Issue) -> Finding:
    place = issue.location or _IssueLocation()
    first = issue.description.partition(" ")[0].rstrip(":,")
    flaw = is_vulnerability(first)
    name = (first if flaw else issue.check_name) or "unidentified"
    return Finding(
        id=name,
        aliases=of_one_flaw(name, ()),
        severity=_ISSUE_SEVERITIES.get((issue.severity or "").lower(), Severity.UNKNOWN),
        kind="vulnerability" if flaw else "code",
        title=brief(issue.description),
        location=at_line(place.path, place.lines.begin if place.lines else None),
    )


def _recognise_codequality(head: Head) -> bool:
    named = {"check_name", "severity", "type"} & set(head.keys)
    is_issue = set(head.keys) >= _ISSUE_KEYS and head.keys["location"].startswith(b"{")
    return head.is_array and is_issue and bool(named)


CODEQUALITY = Format(
    name="gitlab-codequality",
    kind="scans",
    media_type="application/json",
    suffixes=(".json",),
    file_names=("gl-code-quality*.json",),
    marks=(b'"fingerprint"', b'"check_name"'),
    recognise=_recognise_codequality,
    read=_read_codequality,
)

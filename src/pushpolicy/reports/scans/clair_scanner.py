"""clair-scanner's report (arminc/clair-scanner, over Clair v2).

It names the image as it was typed. `unapproved` lists what neither its allow list nor its threshold lets
pass; the rest of what it lists was set aside by one of them.
"""

from __future__ import annotations

import msgspec

from pushpolicy.model.evidence import Finding, Scanner
from pushpolicy.reports.format import Format, Head, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import brief
from pushpolicy.reports.scans import severity
from pushpolicy.reports.scans.ids import of_one_flaw
from pushpolicy.reports.scans.run import Identity, ScanResult, within


class _Vulnerability(msgspec.Struct, rename="lower", gc=False):
    vulnerability: str
    severity: str
    featurename: str | None = None
    featureversion: str | None = None
    description: str | None = None
    fixedby: str | None = None


class _Report(msgspec.Struct, gc=False):
    vulnerabilities: list[_Vulnerability]
    image: str | None = None
    unapproved: list[str] | None = None


def _read(report: ReportBytes, limits: Limits) -> tuple[ScanResult, ...]:
    document = jsondoc.decode(report, _Report)
    approved = {flaw.vulnerability for flaw in document.vulnerabilities} - set(document.unapproved or ())
    scan = ScanResult(
        scanner=Scanner(name="clair-scanner"),
        kind="image",
        identity=Identity(name=document.image or None),
        findings=tuple(_finding(flaw, approved) for flaw in document.vulnerabilities),
    )
    return within(limits, [scan])


def _finding(flaw: _Vulnerability, approved: set[str]) -> Finding:
    return Finding(
        id=flaw.vulnerability or "unidentified",
        aliases=of_one_flaw(flaw.vulnerability, ()),
        severity=severity.from_word(flaw.severity),
        kind="vulnerability",
        title=brief(flaw.description),
        package=flaw.featurename or None,
        version=flaw.featureversion or None,
        fixed_in=flaw.fixedby or None,
        fix_state="fixed" if flaw.fixedby else None,
        suppressed_by="clair-scanner approved" if flaw.vulnerability in approved else None,
    )


def _recognise(head: Head) -> bool:
    listed = head.keys.get("vulnerabilities", b"")
    marked = {"image", "unapproved"} <= set(head.keys) or b'"featurename"' in listed
    return not head.is_array and listed.startswith(b"[") and marked


FORMAT: Format[tuple[ScanResult, ...]] = Format(
    name="clair-scanner",
    kind="scans",
    media_type="application/json",
    file_names=(),
    marks=(b'"unapproved"', b'"vulnerabilities"'),
    recognise=_recognise,
    read=_read,
)

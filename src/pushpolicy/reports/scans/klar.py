"""klar's report (optiopay/klar, over Clair v2 and v3): vulnerabilities by severity. It names no image."""

from __future__ import annotations

import msgspec

from pushpolicy.model.evidence import Finding, Scanner
from pushpolicy.reports.facts import ScanFacts, within
from pushpolicy.reports.format import Facts, Format, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import brief
from pushpolicy.reports.scans import of_one_flaw, severity
from pushpolicy.reports.scans.clair import fixed_version


class _Vulnerability(msgspec.Struct, rename="pascal", gc=False):
    name: str
    severity: str | None = None
    description: str | None = None
    fixed_by: str | None = None
    feature_name: str | None = None
    feature_version: str | None = None


class _Report(msgspec.Struct, rename="pascal", gc=False):
    vulnerabilities: dict[str, list[_Vulnerability]] | None


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    listed = jsondoc.decode(report, _Report).vulnerabilities or {}
    found = tuple(_finding(flaw, group) for group, flaws in listed.items() for flaw in flaws)
    scan = ScanFacts(
        scanner=Scanner(name="klar"),
        kind="image",
        findings=found,
        looked_for=("vulnerabilities",),
    )
    return within(limits, [scan])


def _finding(flaw: _Vulnerability, group: str) -> Finding:
    fixed_in = fixed_version(flaw.fixed_by)
    return Finding(
        id=flaw.name or "unidentified",
        aliases=of_one_flaw(flaw.name, ()),
        severity=severity.worst(map(severity.from_word, (flaw.severity, group))),
        kind="vulnerability",
        title=brief(flaw.description),
        package=flaw.feature_name or None,
        version=flaw.feature_version or None,
        fixed_in=fixed_in,
        fix_state="fixed" if fixed_in else None,
    )


FORMAT = Format(
    name="klar",
    kind="scans",
    media_type="application/json",
    suffixes=(".json",),
    file_names=("klar*.json",),
    marks=(b'"LayerCount"', b'"Vulnerabilities"'),
    recognise=lambda head: not head.is_array and {"LayerCount", "Vulnerabilities"} <= set(head.keys),
    document=_Report,
    read=_read,
)

"""Trivy's JSON before 0.20: a bare array of targets. It names neither image nor time, and binds to nothing.

An empty array says nothing at all, not even that Trivy wrote it, and is no report.
"""

from __future__ import annotations

from pushpolicy.model.evidence import Scanner
from pushpolicy.reports.format import Format, Head, ReportBytes
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.scans.run import ScanResult, within
from pushpolicy.reports.scans.trivy_findings import findings
from pushpolicy.reports.scans.trivy_model import Result


def _read(report: ReportBytes, limits: Limits) -> tuple[ScanResult, ...]:
    found = tuple(finding for result in jsondoc.decode(report, list[Result]) for finding in findings(result))
    return within(limits, [ScanResult(scanner=Scanner(name="trivy"), kind="image", findings=found)])


def _recognise(head: Head) -> bool:
    return head.is_array and {"Target", "Vulnerabilities"} <= set(head.keys)


FORMAT: Format[tuple[ScanResult, ...]] = Format(
    name="trivy-legacy",
    kind="scans",
    media_type="application/json",
    file_names=(),
    marks=(b'"Target"', b'"VulnerabilityID"'),
    recognise=_recognise,
    read=_read,
)

"""What was counted in a report, in a few words, for whoever runs `pushpolicy gather`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from pushpolicy.model.evidence import Finding, Severity, Totals
from pushpolicy.model.text import printable
from pushpolicy.reports.capture import Capture
from pushpolicy.reports.coverage.table import CoverageResult
from pushpolicy.reports.provenance.attestation import Attestation
from pushpolicy.reports.sbom.bom import Bom
from pushpolicy.reports.scans.run import ScanResult
from pushpolicy.reports.suites.tally import SuiteResult
from pushpolicy.reports.vex.statements import VexDocument


def describe(content: Any) -> str:
    """The words for what a format's reader made of a file; empty where there is nothing to count."""
    several = content if isinstance(content, tuple) else (content,)
    return "; ".join(words for each in several if (words := _one(each)))


def _one(content: Any) -> str:
    match content:
        case SuiteResult():
            return _tests(content)
        case CoverageResult():
            lines = content.lines
            percent = lines.percent()
            return f"{lines.covered} of {lines.total} covered" + (
                f", {percent} %" if percent is not None else ""
            )
        case ScanResult():
            return (
                f"{content.kind} scan by {printable(content.scanner.name, 60)}, {_findings(content.findings)}"
            )
        case Bom():
            return f"{content.components} components"
        case VexDocument():
            return f"{len(content.statements)} VEX statements"
        case Attestation():
            return f"provenance, commit {content.build.commit or 'not named'}"
        case Capture():
            return f"{printable(content.argv[0], 60)}: {content.outcome}"
    return ""


def _tests(result: SuiteResult) -> str:
    told = [f"{result.totals.total} tests", *_others(result.totals)]
    if result.undeclared:
        told.append(f"{result.undeclared} failures that no case shows")
    if result.disagreements:
        told.append("its own totals differ")
    return ", ".join(told)


def _others(totals: Totals) -> Iterator[str]:
    for name in ("passed", "failed", "errors", "skipped", "flaky"):
        if number := getattr(totals, name):
            yield f"{number} {name}"


def _findings(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return "no findings"
    by_severity = Counter(finding.severity for finding in findings)
    parts = ", ".join(f"{by_severity[each]} {each}" for each in Severity if by_severity[each])
    return f"{len(findings)} findings ({parts})"

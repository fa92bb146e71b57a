"""What the exit code of a command says where it wrote no report."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePath
from typing import Any

from pushpolicy.model.evidence import Finding, Scanner, Severity
from pushpolicy.reports.capture import Capture
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.values import brief, utc
from pushpolicy.reports.scans.run import Identity, ScanResult
from pushpolicy.reports.suites.tally import SuiteResult, Tally

_DIGEST = re.compile(r"(?<![0-9a-z])sha256:[0-9a-f]{64}(?![0-9a-f])")


def result(capture: Capture, limits: Limits) -> Any:
    """The content of a report of the capture's kind."""
    return _tests(capture, limits) if capture.kind == "tests" else (_scan(capture),)


def _tests(capture: Capture, limits: Limits) -> SuiteResult:
    """One case, named after the command, which passed if and only if it ended with 0."""
    tally = Tally(limits)
    tally.add("passed" if capture.passed else "failed")
    if not capture.passed:
        tally.fail(shlex.join(capture.argv), "failure", capture.outcome)
    return SuiteResult(totals=tally.totals(), failures=tuple(tally.failures), timestamp=utc(capture.started))


def _scan(capture: Capture) -> ScanResult:
    """No finding where it ended with 0, else one of unknown severity: the command does not say which.

    What was scanned is known only where the command line names one digest.
    """
    kind = capture.scanned or "image"
    digests = {digest for argument in capture.argv for digest in _DIGEST.findall(argument)}
    known = kind == "image" and len(digests) == 1
    return ScanResult(
        scanner=Scanner(name=PurePath(capture.argv[0]).name or capture.argv[0]),
        kind=kind,
        identity=Identity(digests=tuple(digests)) if known else Identity(),
        findings=() if capture.passed else (_finding(capture),),
        at=utc(capture.started),
    )


def _finding(capture: Capture) -> Finding:
    return Finding(
        id=f"exit-code/{capture.name}",
        severity=Severity.UNKNOWN,
        kind="exit-code",
        title=brief(f"{shlex.join(capture.argv)}: {capture.outcome}"),
    )

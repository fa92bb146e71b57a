"""Which of the reports that the configuration expects are not there."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from pushpolicy.gather.request import ExpectedReport
from pushpolicy.model.evidence import Scan, Status
from pushpolicy.model.text import printable


def absent(expected: Iterable[ExpectedReport], names: Iterable[str]) -> list[str]:
    """What is wrong with these reports, in words; nothing when all that are expected are there."""
    present = list(names)
    return [
        problem
        for report in expected
        if (problem := _lack(report, sum(fnmatchcase(name, report.name) for name in present)))
    ]


def absent_scans(expected: Iterable[ExpectedReport], scans: Iterable[Scan]) -> list[str]:
    """The same for scans, where a platform that is expected must be the one that the scan is bound to."""
    present = list(scans)
    return [
        problem
        for report in expected
        if (problem := _lack(report, sum(_is(scan, report) for scan in present)))
    ]


def _is(scan: Scan, report: ExpectedReport) -> bool:
    if report.platform is None:
        return fnmatchcase(scan.name, report.name)
    named = fnmatchcase(scan.name, report.name) or fnmatchcase(scan.name, str(report))
    return named and scan.bound and scan.platform == report.platform


def _lack(report: ExpectedReport, found: int) -> str | None:
    if found >= report.minimum:
        return None
    name = printable(str(report))
    if report.minimum > 1:
        return f"of the expected {name} there are {found}, not {report.minimum}"
    bound = ", bound to that platform" if report.platform else ""
    return f"the expected {name} is not there{bound}"


def status(
    problems: list[str], missing: list[str], *, any_read: bool, kind: str
) -> tuple[Status, str | None]:
    """The status of a kind of evidence and its reason: failed, else missing, else collected."""
    if problems:
        return Status.FAILED, "; ".join(problems[:5])
    if missing:
        return Status.MISSING, "; ".join(missing[:5])
    if not any_read:
        return Status.MISSING, f"no {kind} report was named or found in the usual places"
    return Status.COLLECTED, None

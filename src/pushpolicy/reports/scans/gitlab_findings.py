"""From an entry of GitLab's reports to a finding."""

from __future__ import annotations

import re

from pushpolicy.model.evidence import Finding
from pushpolicy.reports.parsing.values import brief
from pushpolicy.reports.scans import severity
from pushpolicy.reports.scans.gitlab_model import Dependency, Location, Package, Vulnerability
from pushpolicy.reports.scans.ids import is_vulnerability, of_one_flaw

_KINDS = {
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


def finding(entry: Vulnerability, scan_type: str) -> Finding:
    """One finding, by the name of a known flaw if it has one, else by its primary identifier."""
    place = entry.location or Location()
    about = place.dependency or Dependency()
    values = [i.value or i.name or "" for i in entry.identifiers or ()]
    known = next((value for value in values if is_vulnerability(value)), None)
    name = known or next(filter(None, values), None) or entry.cve or entry.name or "unidentified"
    fixed_in = _fixed_in(entry.solution or "")
    return Finding(
        id=name,
        aliases=of_one_flaw(name, values),
        severity=severity.from_word(entry.severity),
        kind="vulnerability" if known else _KINDS.get(scan_type, "code"),
        title=brief(entry.name or entry.message or entry.description),
        package=(about.package or Package()).name or None,
        version=about.version or None,
        fixed_in=fixed_in,
        fix_state="fixed" if fixed_in else _without_fix(entry.solution or ""),
        location=_location(place),
        suppressed_by=_suppression(entry),
    )


def _fixed_in(solution: str) -> str | None:
    """The version that the solution says to upgrade to; any other advice names none."""
    match = _UPGRADE.match(solution.strip()[:1000])
    return match.group(1) if match else None


def _without_fix(solution: str) -> str | None:
    return "not-fixed" if _NO_SOLUTION.search(solution[:1000]) else None


def _location(place: Location) -> str | None:
    where = place.file or place.image
    return (f"{where}:{place.start_line}" if where and place.start_line else where) or None


def _suppression(entry: Vulnerability) -> str | None:
    flags = sorted({flag.type for flag in entry.flags or () if flag.type})
    return f"gitlab {', '.join(flags)}" if flags else None

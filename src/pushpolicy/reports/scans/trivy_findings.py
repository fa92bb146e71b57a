"""From the entries of Trivy's reports to findings; licences are terms, not flaws, and are not counted."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.model.evidence import Finding
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.values import brief, score
from pushpolicy.reports.scans import severity
from pushpolicy.reports.scans.ids import aliases
from pushpolicy.reports.scans.trivy_model import (
    Cvss,
    Misconfiguration,
    Modified,
    Result,
    Secret,
    Vulnerability,
)

# Only what says that no fix exists; "fixed" without a version, or no status at all, says nothing.
_FIX_STATES = {
    "affected": "not-fixed",
    "fix_deferred": "not-fixed",
    "will_not_fix": "wont-fix",
    "end_of_life": "wont-fix",
    "under_investigation": "unknown",
    "unknown": "unknown",
}


def findings(result: Result) -> Iterator[Finding]:
    """Everything one target's entry lists."""
    for vulnerability in result.vulnerabilities or ():
        yield _vulnerability(vulnerability, result.target)
    for misconfiguration in result.misconfigurations or ():
        if misconfiguration.status == "FAIL" or misconfiguration.status is None:
            yield _misconfiguration(misconfiguration, result.target)
        elif misconfiguration.status == "EXCEPTION":
            yield _misconfiguration(misconfiguration, result.target, "trivy exception")
    for secret in result.secrets or ():
        yield _secret(secret, result.target)
    for modified in result.experimental_modified_findings or ():
        yield from _modified(modified, result.target)


def _vulnerability(entry: Vulnerability, target: str | None, suppressed_by: str | None = None) -> Finding:
    return Finding(
        id=entry.id or "unidentified",
        aliases=aliases(entry.id or "", entry.vendor_ids or ()),
        severity=severity.from_word(entry.severity),
        kind="vulnerability",
        title=brief(entry.title),
        cvss=_score(entry.cvss or {}),
        package=entry.pkg_name or None,
        version=entry.installed_version or None,
        purl=(entry.pkg_identifier.PURL or None) if entry.pkg_identifier else None,
        fixed_in=entry.fixed_version or None,
        fix_state="fixed" if entry.fixed_version else _FIX_STATES.get(entry.status or ""),
        location=entry.pkg_path or target or None,
        suppressed_by=suppressed_by,
    )


def _score(ratings: dict[str, Cvss]) -> float | None:
    """The highest score that a source gives, by the newest version of CVSS that it uses."""
    newest = [score(r.v40_score or r.v3_score or r.v2_score) for r in ratings.values()]
    return max([value for value in newest if value is not None], default=None)


def _misconfiguration(
    entry: Misconfiguration, target: str | None, suppressed_by: str | None = None
) -> Finding:
    line = entry.cause_metadata.start_line if entry.cause_metadata else None
    return Finding(
        id=entry.id or "unidentified",
        severity=severity.from_word(entry.severity),
        kind="misconfiguration",
        title=brief(entry.title),
        location=_location(target, line),
        suppressed_by=suppressed_by,
    )


def _secret(entry: Secret, target: str | None, suppressed_by: str | None = None) -> Finding:
    return Finding(
        id=entry.rule_id or "unidentified",
        severity=severity.from_word(entry.severity),
        kind="secret",
        title=brief(entry.title),
        location=_location(target, entry.start_line),
        suppressed_by=suppressed_by,
    )


def _location(target: str | None, line: int | None) -> str | None:
    return (f"{target}:{line}" if line else target) or None


def _modified(entry: Modified, target: str | None) -> Iterator[Finding]:
    """A finding that was set aside; licences among them are left out as elsewhere."""
    by = " ".join(part for part in (entry.source, entry.status) if part) or "trivy"
    content = memoryview(entry.finding).tobytes()
    if entry.type == "vulnerability":
        yield _vulnerability(jsondoc.decode_value(content, Vulnerability), target, by)
    elif entry.type == "misconfiguration":
        yield _misconfiguration(jsondoc.decode_value(content, Misconfiguration), target, by)
    elif entry.type == "secret":
        yield _secret(jsondoc.decode_value(content, Secret), target, by)

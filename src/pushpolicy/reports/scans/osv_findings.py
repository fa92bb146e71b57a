"""From a package of OSV-Scanner's to findings: one for each record."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pushpolicy.model.evidence import Finding, Severity
from pushpolicy.reports.parsing.values import brief, score
from pushpolicy.reports.scans import severity
from pushpolicy.reports.scans.ids import aliases
from pushpolicy.reports.scans.osv_model import Affected, Analysis, Group, Package, Packages, Range, Record


class _Flaw(msgspec.Struct, frozen=True):
    """What holds for all records of a group; `name` is one by which they are joined."""

    group: Group
    name: str
    rated: bool


def findings(entry: Packages, path: str | None) -> Iterator[Finding]:
    """The records of a package; what call analysis or the distribution set aside is marked."""
    records = entry.vulnerabilities or []
    rated = {record.id for record in records if _word(record) is not Severity.UNKNOWN}
    flaws = {
        name: flaw for group in entry.groups or () for flaw in [_flaw(group, rated)] for name in group.ids
    }
    for record in records:
        flaw = flaws.get(record.id, _Flaw(Group(ids=[]), "", record.id in rated))
        yield _finding(record, flaw, entry.package, path)


def _flaw(group: Group, rated: set[str]) -> _Flaw:
    names = aliases("", (*group.ids, *(group.aliases or ())))
    return _Flaw(group, min(names, default=""), not rated.isdisjoint(group.ids))


def _finding(record: Record, flaw: _Flaw, package: Package, path: str | None) -> Finding:
    about = [each for each in record.affected or () if _concerns(each, package)]
    fixed_in = _fixed_in(about or record.affected or [])
    return Finding(
        id=record.id or "unidentified",
        aliases=aliases(record.id, (*(record.aliases or ()), flaw.name)),
        severity=_severity(record, flaw),
        kind="vulnerability",
        title=brief(record.summary or record.details),
        cvss=_score(flaw.group),
        package=package.name or None,
        version=package.version or package.commit or None,
        purl=next((_purl(a.package.purl, package) for a in about if a.package and a.package.purl), None),
        fixed_in=fixed_in,
        fix_state="fixed" if fixed_in else None,
        location=path,
        suppressed_by=_suppression(record, flaw.group),
    )


def _word(record: Record) -> Severity:
    stated = record.database_specific.severity if record.database_specific else None
    return severity.from_word(stated if isinstance(stated, str) else None)


def _severity(record: Record, flaw: _Flaw) -> Severity:
    """The record's own; the score of its group, when no record of it has one."""
    own, number = _word(record), _score(flaw.group)
    if number is not None and not flaw.rated:
        return severity.from_score(number)
    return own


def _score(group: Group) -> float | None:
    try:
        return score(float(group.max_severity)) if group.max_severity else None
    except ValueError:
        return None


def _concerns(affected: Affected, package: Package) -> bool:
    about = affected.package
    if about is None or about.name != package.name:
        return False
    # `Debian:10` is a release of the ecosystem `Debian`.
    mine, theirs = package.ecosystem or "", about.ecosystem or ""
    return mine == theirs or mine.partition(":")[0] == theirs or theirs.partition(":")[0] == mine


def _fixed_in(affected: list[Affected]) -> str | None:
    """Every version that a range names, in the record's order; commits only for what has no versions."""
    ranges = [part for each in affected for part in each.ranges or ()]
    of_versions = [part for part in ranges if part.type != "GIT"]
    return ", ".join(_fixes(of_versions) or _fixes(ranges)) or None


def _fixes(ranges: list[Range]) -> list[str]:
    fixes = (event.fixed for part in ranges for event in part.events or () if event.fixed)
    return list(dict.fromkeys(fixes))


def _purl(without_version: str, package: Package) -> str:
    base, mark, rest = without_version.partition("?")
    return f"{base}@{package.version}{mark}{rest}" if package.version and "@" not in base else without_version


def _suppression(record: Record, group: Group) -> str | None:
    analysis = (group.experimental_analysis or {}).get(record.id, Analysis())
    if analysis.unimportant:
        return "osv-scanner unimportant"
    return None if analysis.called else "osv-scanner uncalled"

"""Scan reports: one file per format. Here findings are counted, and the names of a flaw told and joined.

`severity` has the scale that serves them all.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from pushpolicy.model.evidence import Counts, Finding, Severity
from pushpolicy.model.expressions import expression
from pushpolicy.reports.scans.severity import worst

Name = TypeVar("Name", bound=Hashable)
# Advisories of distributions (DSA, RHSA, USN ...) are left out: one covers many flaws.
_FLAW = expression(
    r"CVE-\d{4}-\d{4,19}|GHSA(?:-[23456789cfghjmpqrvwx]{4}){3}|GO-\d{4}-\d{4,9}|PYSEC-\d{4}-\d{1,9}|RUSTSEC-\d{4}-\d{4,9}"
)
_KNOWN_ID = expression(
    r"(?:CVE-\d{4}-\d{4,19}|GHSA(?:-[0-9a-z]{4}){3}|GO-\d{4}-\d{4,9}|PYSEC-\d{4}-\d+|RUSTSEC-\d{4}-\d+"
    r"|SNYK-[A-Z0-9]+-|GMS-\d{4}-|ALAS|DSA-\d|DLA-\d|RHSA-|ELSA-|USN-\d|TEMP-\d{7})"
)


def is_vulnerability(name: str) -> bool:
    """Whether a rule's or finding's id is that of a known vulnerability."""
    return _KNOWN_ID.match(name) is not None


def aliases(name: str, others: Iterable[str]) -> tuple[str, ...]:
    """The other names of one flaw, sorted; also the one that leads an id such as Grype's CVE-...-package."""
    found = [*filter(_FLAW.fullmatch, others)]
    if (leading := _FLAW.match(name)) and leading.end() != len(name):
        found.append(leading[0])
    return tuple(sorted({*found} - {name})) if found else ()


def of_one_flaw(name: str, others: Iterable[str]) -> tuple[str, ...]:
    """The aliases; none where more than one CVE is among the names: that is an advisory over many flaws.

    Joining those would count them as one, and a waiver of one of them would cover the rest.
    """
    found = aliases(name, others)
    several = sum(each.startswith("CVE-") for each in {name, *found}) > 1
    return () if several else found


def count(findings: Iterable[Finding]) -> Counts:
    """Count findings as listed, and flaws by severity.

    Vulnerabilities that share an id or alias are one flaw, of the worst severity that any entry gives
    it, in however many packages it is. Every other finding is a flaw of its own.
    """
    listed = dict.fromkeys((severity.value for severity in Severity), 0)
    by_severity = dict(listed)
    vulnerabilities = []
    for finding in findings:
        listed[finding.severity] += 1
        if finding.kind == "vulnerability":
            vulnerabilities.append(finding)
        else:
            by_severity[finding.severity] += 1
    for severity in _flaws(vulnerabilities):
        by_severity[severity] += 1
    return Counts(listed=listed, by_severity=by_severity)


def _flaws(findings: list[Finding]) -> Iterable[Severity]:
    names: Names[str] = Names()
    for finding in findings:
        for alias in finding.aliases:
            names.join(finding.id, alias)
    flaws: dict[str, Severity] = {}
    for finding in findings:
        name, severity = names.first(finding.id), finding.severity
        known = flaws.get(name)
        if known is None or severity is not known:
            flaws[name] = severity if known is None else worst((severity, known))
    return flaws.values()


class Names(Generic[Name]):
    """Disjoint sets of names of one thing."""

    def __init__(self) -> None:
        self._parent: dict[Name, Name] = {}

    def first(self, name: Name) -> Name:
        """The name that stands for the set."""
        while (parent := self._parent.get(name, name)) != name:
            self._parent[name] = self._parent.get(parent, parent)
            name = parent
        return name

    def join(self, name: Name, other: Name) -> None:
        """These two name one thing."""
        self._parent[self.first(name)] = self.first(other)

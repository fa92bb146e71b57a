"""The one place that counts findings and joins the names of one flaw."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from pushpolicy.model.evidence import Counts, Finding, Severity
from pushpolicy.reports.scans.severity import worst

Name = TypeVar("Name", bound=Hashable)


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

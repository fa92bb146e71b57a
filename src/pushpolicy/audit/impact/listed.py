"""What the evidence of a record lists: flaws by their names, and packages.

The evidence is valid against its schema: what that requires is there, and a time has at least its form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from pushpolicy.model.document import Document
from pushpolicy.model.times import moment_of
from pushpolicy.records.floor import matches_glob
from pushpolicy.reports.parsing.purl import Purl

# A package by its type and name; by its name alone, under no type, where no package URL is given.
Product = tuple[str, str]


class Package(NamedTuple):
    """A package, as a scan or an SBOM names it."""

    name: str
    version: str | None
    purl: str | None

    @property
    def products(self) -> tuple[Product, ...]:
        """What it may be known as: a list without package URLs knows the name alone."""
        return _products(self.name, self.purl)

    def fits(self, glob: str) -> bool:
        """Whether a glob over package URLs is for it; without a version it is for all of them."""
        if self.purl is None:
            return False
        spelled = (self.purl, self.purl.partition("?")[0])
        globs = (glob,) if "@" in glob.rpartition("/")[2] else (glob, f"{glob}@**")
        return any(matches_glob(each, "", text) for each in globs for text in spelled)


@lru_cache(maxsize=65536)
def _products(name: str, purl: str | None) -> tuple[Product, ...]:
    """Images of a company have much the same packages."""
    found, by_name = Purl.parse(purl), ("", name.lower())
    return ((found.type, found.name.lower()), by_name) if found else (by_name,)


class Flaw(NamedTuple):
    """A finding of a scan.

    Attributes:
        names: its id and its aliases, in lower case.
        value: the finding itself.
        scan: the name of the report.
    """

    names: frozenset[str]
    value: Mapping[str, Any]
    scan: str


def package_of(value: Mapping[str, Any]) -> Package | None:
    """The package that a finding is in; None where it names none."""
    name, purl = value.get("package"), value.get("purl")
    if not (isinstance(name, str) or isinstance(purl, str)):
        return None
    version = value.get("version")
    return Package(str(name or purl), version if isinstance(version, str) else None, purl)


def flaws(evidence: Document) -> Iterator[Flaw]:
    """Every finding of every scan."""
    for scan in evidence.value["scans"].get("items", ()):
        for finding in scan["findings"]:
            names = {name.lower() for name in (finding["id"], *finding.get("aliases", ()))}
            yield Flaw(frozenset(names), finding, scan["name"])


def packages(evidence: Document) -> Iterator[tuple[str, Package]]:
    """Every component of every SBOM, and every package that a scan names; with the name of the report."""
    for component in evidence.value.get("sbom", {}).get("components", ()):
        package = Package(component["name"], component.get("version"), component.get("purl"))
        yield component["sbom"], package
    for flaw in flaws(evidence):
        if named := package_of(flaw.value):
            yield flaw.scan, named


def looked_at(evidence: Document) -> datetime | None:
    """When something looked for flaws in it last; None where nothing did."""
    decided = moment_of(evidence.value["evaluated_at"])
    found = [
        moment_of(scan.get("at")) or decided
        for scan in evidence.value["scans"].get("items", ())
        # An older version did not say what for.
        if not {"vulnerabilities", "unsaid"}.isdisjoint(scan.get("looked_for", ("unsaid",)))
    ]
    return max(filter(None, found), default=None)

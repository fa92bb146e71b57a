"""What a report says, one type for each kind of evidence, before any of it is tied to a push."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TypeVar

import msgspec

from pushpolicy.model.evidence import (
    BuildContent,
    Component,
    Covered,
    Failure,
    Finding,
    Licence,
    SbomContent,
    ScanContent,
    Severity,
    TestContent,
    Totals,
)
from pushpolicy.model.text import printable
from pushpolicy.reports.format import Facts, Identity, ReportError
from pushpolicy.reports.limits import Limits

Kind = TypeVar("Kind", bound=Facts)


def of_type(kind: type[Kind], facts: Iterable[Facts]) -> tuple[Kind, ...]:
    """Those of one type, in order."""
    return tuple(each for each in facts if isinstance(each, kind))


def within(limits: Limits, facts: Iterable[Facts]) -> tuple[Facts, ...]:
    """The same facts.

    Raises:
        ReportError: when one is over a limit.
    """
    checked = tuple(facts)
    for each in checked:
        each.check(limits)
    return checked


class SuiteFacts(Facts, TestContent, frozen=True, kw_only=True):
    """One test report; `failures` are its first ones."""

    evidence_kind = "tests"

    failures: tuple[Failure, ...]

    @property
    def shows_failure(self) -> bool:
        """Whether a test failed, could not run, or is declared to have."""
        return bool(self.totals.failed or self.totals.errors or self.undeclared)

    @property
    def moment(self) -> str | None:
        """As the report says."""
        return self.timestamp

    def summary(self) -> str:
        """As ``3 tests, 2 passed, 1 failed``."""
        others = ((name, getattr(self.totals, name)) for name in Totals.__struct_fields__ if name != "total")
        told = [f"{self.totals.total} tests", *(f"{number} {name}" for name, number in others if number)]
        if self.undeclared:
            told.append(f"{self.undeclared} failures that no case shows")
        if self.disagreements:
            told.append("its own totals differ")
        return ", ".join(told)


class CoverageFacts(Facts, frozen=True, kw_only=True):
    """One coverage report; `disagreements` are as those of model.evidence.CoverageReport."""

    evidence_kind = "coverage"

    lines: Covered
    branches: Covered | None = None
    disagreements: tuple[str, ...] = ()
    timestamp: str | None = None

    @property
    def moment(self) -> str | None:
        """As the report says."""
        return self.timestamp

    def summary(self) -> str:
        """As ``3 of 4 covered, 75.0 %``."""
        percent = self.lines.percent()
        share = f", {percent} %" if percent is not None else ""
        return f"{self.lines.covered} of {self.lines.total} covered{share}"


class ScanFacts(Facts, ScanContent, frozen=True, kw_only=True):
    """One run of one scanner, and what it looked at; `licences` is None where it did not look for any."""

    evidence_kind = "scans"

    identity: Identity = Identity()
    licences: tuple[Licence, ...] | None = None

    @property
    def shows_failure(self) -> bool:
        """Whether it lists a finding."""
        return bool(self.findings)

    @property
    def moment(self) -> str | None:
        """As the report says."""
        return self.at

    def summary(self) -> str:
        """As ``image scan by trivy, 3 findings (1 high, 2 low)``."""
        by_severity = Counter(finding.severity for finding in self.findings)
        told = ", ".join(f"{by_severity[each]} {each}" for each in Severity if by_severity[each])
        found = f"{len(self.findings)} findings ({told})" if self.findings else "no findings"
        return f"{self.kind} scan by {printable(self.scanner.name, 60)}, {found}"

    def check(self, limits: Limits) -> None:
        """Findings are never left out, and their names never cut short."""
        if len(self.findings) > limits.max_findings:
            raise ReportError(
                f"its {len(self.findings)} findings are over the limit of {limits.max_findings}"
            )
        licences = self.licences or ()
        if len(licences) > limits.max_findings:
            raise ReportError(f"its {len(licences)} licences are over the limit of {limits.max_findings}")
        longest = max(_longest(self.findings), max(map(_longest_of, licences), default=0))
        if longest > limits.max_text:
            raise ReportError(f"a finding has a text over the limit of {limits.max_text} characters")


def _longest(findings: Iterable[Finding]) -> int:
    longest = 0  # kept by hand: of a hundred thousand findings `max` would take twice as long
    texts: tuple[str | None, ...]
    for f in findings:
        texts = (f.id, f.package, f.version, f.purl, f.fixed_in, f.location, f.suppressed_by, f.layer)
        if f.aliases or f.paths:
            texts += f.aliases + (f.paths or ())
        for text in texts:
            if text is not None and len(text) > longest:
                longest = len(text)
    return longest


def _longest_of(terms: Licence) -> int:
    texts = (terms.expression, terms.package, terms.version, terms.category, terms.path, terms.suppressed_by)
    return max(map(len, filter(None, (*texts, *terms.licences))), default=0)


class SbomFacts(Facts, SbomContent, frozen=True, kw_only=True):
    """One SBOM, and what it is about; in SPDX that is one of its components.

    Attributes:
        listed: its components but for files; none where they are over a limit, which `not_listed` tells.
    """

    evidence_kind = "sbom"

    identity: Identity = Identity()
    listed: tuple[Component, ...] = ()
    not_listed: str | None = None

    @property
    def moment(self) -> str | None:
        """As the report says."""
        return self.at

    def summary(self) -> str:
        """As ``120 components``."""
        return f"{self.components} components"

    def check(self, limits: Limits) -> None:
        """Names are never cut short."""
        about, tool = self.identity, self.tool
        texts = (self.id, about.name, about.image_id, *about.digests, *about.diff_ids)
        texts += (tool.name, tool.version) if tool else ()
        if any(len(text) > limits.max_text for text in texts if text):
            raise ReportError(f"a name is over the limit of {limits.max_text} characters")


class VexStatus(StrEnum):
    """What is said of a flaw in a product, strictest first, in OpenVEX's words.

    They are CISA's ("Minimum Requirements for VEX", 2023).
    """

    AFFECTED = "affected"
    UNDER_INVESTIGATION = "under_investigation"
    FIXED = "fixed"
    NOT_AFFECTED = "not_affected"


HARMLESS = frozenset({VexStatus.FIXED, VexStatus.NOT_AFFECTED})


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """What a VEX statement is about.

    Attributes:
        identity: the digests of an image, where the product is one.
        purls: the product's package URLs.
        subcomponents: package URLs of the components that are meant; none for the product as a whole.
    """

    identity: Identity = Identity()
    purls: tuple[str, ...] = ()
    subcomponents: tuple[str, ...] = ()


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One VEX statement.

    Attributes:
        names: the flaw's name and its aliases.
        reason: the justification, or the impact statement that stands for it.
        justification: where it is one of the words that its format has.
        at, last_updated: when it was made, and last changed, RFC 3339 in UTC.
    """

    names: tuple[str, ...]
    status: VexStatus
    products: tuple[Product, ...]
    reason: str | None = None
    justification: str | None = None
    at: str | None = None
    last_updated: str | None = None


class VexFacts(Facts, frozen=True, kw_only=True):
    """One VEX document; `id` and `author` are not verified."""

    evidence_kind = "vex"

    statements: tuple[Statement, ...]
    id: str | None = None
    author: str | None = None
    at: str | None = None
    last_updated: str | None = None

    @property
    def moment(self) -> str | None:
        """As the report says."""
        return self.at

    def summary(self) -> str:
        """As ``2 VEX statements``."""
        return f"{len(self.statements)} VEX statements"

    def check(self, limits: Limits) -> None:
        """Statements are never left out, and their names never cut short."""
        number = len(self.statements)
        if number > limits.max_findings:
            raise ReportError(f"its {number} statements are over the limit of {limits.max_findings}")
        texts = [text for statement in self.statements for text in _texts(statement)]
        if any(len(text) > limits.max_text for text in (*texts, self.id, self.author) if text):
            raise ReportError(f"a text is over the limit of {limits.max_text} characters")


def _texts(statement: Statement) -> Iterator[str]:
    yield from statement.names
    for product in statement.products:
        yield from (*product.purls, *product.subcomponents, *product.identity.digests)


class ProvenanceFacts(Facts, BuildContent, frozen=True, kw_only=True):
    """One statement about a build, and what it is a statement about. Nothing in it is verified."""

    evidence_kind = "provenance"

    subject: Identity = Identity()

    @property
    def moment(self) -> str | None:
        """As the report says."""
        return self.finished or self.started

    def summary(self) -> str:
        """As ``provenance, commit 0123...``."""
        return f"provenance, commit {self.commit or 'not named'}"

    def check(self, limits: Limits) -> None:
        """Materials are never left out, and no text is cut short."""
        if len(self.materials) > limits.max_findings:
            raise ReportError(
                f"its {len(self.materials)} materials are over the limit of {limits.max_findings}"
            )
        texts = [self.builder, self.build_type, self.repository, self.ref, self.invocation]
        texts += [text for each in self.materials for text in (each.uri, *each.digest, *each.digest.values())]
        if any(len(text) > limits.max_text for text in texts if text):
            raise ReportError(f"a text is over the limit of {limits.max_text} characters")

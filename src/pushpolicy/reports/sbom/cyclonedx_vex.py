"""What a CycloneDX BOM says became of its vulnerabilities, as VEX statements.

A component is judged within its product, so a statement is about what the BOM is about. Not applied: a
BOM-Link into another document, since nobody vouches for what that says its bom-refs are; and the all-clear
for some versions only, since ranges (``vers:``) would have to be compared as each ecosystem does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing.values import utc
from pushpolicy.reports.sbom.cyclonedx_model import Affected, Analysis, Document, Root, Vulnerability, walk
from pushpolicy.reports.scans.run import Identity
from pushpolicy.reports.vex.statements import HARMLESS, Product, Statement, VexDocument, VexStatus, within

# bom-1.4 and later, impactAnalysisState.
_STATES = {
    "resolved": VexStatus.FIXED,
    "resolved_with_pedigree": VexStatus.FIXED,
    "exploitable": VexStatus.AFFECTED,
    "in_triage": VexStatus.UNDER_INVESTIGATION,
    "false_positive": VexStatus.NOT_AFFECTED,
    "not_affected": VexStatus.NOT_AFFECTED,
}


def vex(document: Document, identity: Identity, limits: Limits) -> VexDocument:
    """The statements of a BOM.

    Raises:
        ReportError: when they are over a limit.
    """
    metadata = document.metadata
    root = (metadata.component if metadata else None) or Root()
    entries = [entry for entry in document.vulnerabilities or () if entry.analysis and entry.analysis.state]
    wanted = {target.ref for entry in entries for target in entry.affects or ()}
    purls = {c.bom_ref: c.purl for c in walk(document.components) if c.bom_ref in wanted}
    at = utc(metadata.timestamp) if metadata else None
    statements = (_statement(entry, _About(root, identity, purls), at) for entry in entries)
    return within(limits, VexDocument(statements=tuple(statements), id=document.serial_number or None, at=at))


class _About:
    """What the BOM is about, and the packages of its bom-refs."""

    def __init__(self, root: Root, identity: Identity, purls: Mapping[str | None, str | None]) -> None:
        self._root = root
        self._identity = identity
        self._purls = purls

    def product(self, ref: str | None) -> Product:
        """The part of the product that a reference names."""
        own = (self._root.purl,) if self._root.purl else ()
        if ref and ref == self._root.bom_ref:
            return Product(identity=self._identity, purls=own)
        # A part whose package is not known covers nothing.
        return Product(identity=self._identity, purls=own, subcomponents=(self._purls.get(ref) or "",))


def _statement(entry: Vulnerability, about: _About, at: str | None) -> Statement:
    analysis = entry.analysis or Analysis()
    status = _STATES.get(analysis.state or "", VexStatus.UNDER_INVESTIGATION)
    products = tuple(about.product(target.ref) for target in _meant(entry, status))
    return Statement(
        names=tuple(name for name in (entry.id, *(r.id for r in entry.references or ())) if name),
        status=status,
        products=products,
        reason=analysis.justification or analysis.state,
        at=utc(analysis.last_updated) if analysis.last_updated else at,
    )


def _meant(entry: Vulnerability, status: VexStatus) -> Iterator[Affected]:
    return (each for each in entry.affects or () if status not in HARMLESS or not each.versions)

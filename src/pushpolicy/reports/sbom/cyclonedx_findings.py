"""The vulnerabilities of a CycloneDX BOM as findings: one for each entry, in however many components."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.model.evidence import Finding, Severity
from pushpolicy.reports.parsing.values import brief, score
from pushpolicy.reports.sbom.cyclonedx_model import Component, Document, Rating, Root, Vulnerability, walk
from pushpolicy.reports.scans import severity
from pushpolicy.reports.scans.ids import of_one_flaw

# States of bom-1.4 and later that say the flaw does no harm here.
SET_ASIDE = frozenset({"resolved", "resolved_with_pedigree", "false_positive", "not_affected"})
_SHOWN = 5


def findings(document: Document) -> Iterator[Finding]:
    """One finding for each vulnerability."""
    entries = document.vulnerabilities or ()
    wanted = {target.ref for entry in entries for target in entry.affects or () if target.ref}
    named: dict[str | None, Component] = {
        c.bom_ref: c for c in walk(document.components) if c.bom_ref in wanted
    }
    root = document.metadata.component if document.metadata else None
    if root and root.bom_ref in wanted:
        named.setdefault(root.bom_ref, _as_component(root))
    for entry in entries:
        yield _finding(entry, named)


def _as_component(root: Root) -> Component:
    return Component(bom_ref=root.bom_ref, name=root.name, version=root.version, purl=root.purl)


def _finding(entry: Vulnerability, named: dict[str | None, Component]) -> Finding:
    refs = [target.ref for target in entry.affects or () if target.ref]
    # Where there are several, none stands for the others: a waiver by package would cover them too.
    only = named.get(refs[0]) if len(refs) == 1 else None
    ratings = entry.ratings or ()
    return Finding(
        id=entry.id or "unidentified",
        aliases=of_one_flaw(entry.id or "", [other.id for other in entry.references or () if other.id]),
        severity=severity.worst([Severity.UNKNOWN, *(severity.from_word(r.severity) for r in ratings)]),
        kind="vulnerability",
        title=brief(entry.description),
        cvss=_cvss(ratings),
        package=(_name(only) if only else None) or None,
        version=(only.version or None) if only else None,
        purl=(only.purl or None) if only else None,
        location=_location([named.get(ref) for ref in refs]),
        suppressed_by=_suppression(entry),
    )


def _name(component: Component) -> str:
    return "/".join(part for part in (component.group, component.name) if part)


def _cvss(ratings: list[Rating] | tuple[()]) -> float | None:
    scores = (score(each.score) for each in ratings if (each.method or "").upper().startswith("CVSS"))
    return max((value for value in scores if value is not None), default=None)


def _location(affected: list[Component | None]) -> str | None:
    """Which components, where there are several."""
    if len(affected) < 2:
        return None
    names = [brief(_name(each), 100) or "?" for each in affected if each][:_SHOWN]
    return f"{len(affected)} components: {', '.join(names)}{' ...' if len(affected) > len(names) else ''}"


def _suppression(entry: Vulnerability) -> str | None:
    state = entry.analysis.state if entry.analysis else None
    if entry.analysis is None or state not in SET_ASIDE:
        return None
    why = entry.analysis.justification
    return f"cyclonedx {state}: {why}" if why else f"cyclonedx {state}"

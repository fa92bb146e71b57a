"""CycloneDX 1.2 to 1.7 as JSON: an SBOM, its vulnerabilities as a scan, and what it says of them as VEX.

Components that are files are counted, and not listed: they have neither a version nor a licence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from pushpolicy.model import evidence as model
from pushpolicy.model.evidence import Finding, Scanner, Severity
from pushpolicy.model.text import printable
from pushpolicy.reports.facts import (
    HARMLESS,
    Product,
    SbomFacts,
    ScanFacts,
    Statement,
    VexFacts,
    VexStatus,
    within,
)
from pushpolicy.reports.format import Facts, Format, Head, Identity, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.purl import Purl
from pushpolicy.reports.parsing.values import brief, dated, highest, score, utc, version
from pushpolicy.reports.sbom.components import Terms, listed, terms
from pushpolicy.reports.scans import of_one_flaw, severity

_VERSIONS = frozenset(f"1.{minor}" for minor in range(8))
_TRIVY = "aquasecurity:trivy:"
# States of bom-1.4 and later that say the flaw does no harm here.
_SET_ASIDE = frozenset({"resolved", "resolved_with_pedigree", "false_positive", "not_affected"})
_SEVERE = frozenset({Severity.CRITICAL, Severity.HIGH})
_SHOWN = 5
# bom-1.4 and later, impactAnalysisJustification.
_JUSTIFICATIONS = frozenset(
    {
        "code_not_present",
        "code_not_reachable",
        "requires_configuration",
        "requires_dependency",
        "requires_environment",
        "protected_by_compiler",
        "protected_at_runtime",
        "protected_at_perimeter",
        "protected_by_mitigating_control",
    }
)
# bom-1.4 and later, impactAnalysisState.
_STATES = {
    "resolved": VexStatus.FIXED,
    "resolved_with_pedigree": VexStatus.FIXED,
    "exploitable": VexStatus.AFFECTED,
    "in_triage": VexStatus.UNDER_INVESTIGATION,
    "false_positive": VexStatus.NOT_AFFECTED,
    "not_affected": VexStatus.NOT_AFFECTED,
}


_NONE = msgspec.Raw(b"null")
_USUAL = 500  # bytes of the licences of a component


# The parts of bom-1.2 to 1.7 (cyclonedx.org) that are read.
class _Struct(msgspec.Struct, rename="camel", gc=False):
    """What is absent or null is None."""


class Hash(_Struct):
    """A digest of a component, as hexadecimal text."""

    alg: str | None = None
    content: str | None = None


class Property(_Struct):
    """A name and value of a tool's own."""

    name: str | None = None
    value: str | None = None


class License(_Struct):
    """A licence, by its SPDX id or another name."""

    id: str | None = None
    name: str | None = None


class LicenseChoice(_Struct):
    """A licence, or an expression of several."""

    license: License | str | None = None
    expression: str | None = None


_Choices = list[LicenseChoice | str | None]
_CHOICES: Any = list[_Choices | None]


class Evidence(_Struct):
    """What was found in the files of a component."""

    licenses: msgspec.Raw = _NONE


class Component(_Struct):
    """A component; of all but the root, only what names it, and under which terms it comes.

    `licenses` is a list of `LicenseChoice`, decoded where it is told: that is as much work as all the rest.
    """

    bom_ref: str | None = msgspec.field(name="bom-ref", default=None)
    type: str | None = None
    group: str | None = None
    name: str | None = None
    version: str | None = None
    purl: str | None = None
    licenses: msgspec.Raw = _NONE
    evidence: Evidence | None = None
    components: list[Component] | None = None


class Root(_Struct):
    """What the BOM is about."""

    bom_ref: str | None = msgspec.field(name="bom-ref", default=None)
    type: str | None = None
    name: str | None = None
    version: str | None = None
    purl: str | None = None
    hashes: list[Hash] | None = None
    properties: list[Property] | None = None


class Tool(_Struct):
    """A program that wrote the BOM."""

    name: str | None = None
    version: str | None = None


class _Tools(_Struct):
    """The programs, as 1.5 writes them."""

    components: list[Tool] | None = None
    services: list[Tool] | None = None


class Metadata(_Struct):
    """When, by what and about what the BOM was written."""

    timestamp: str | None = None
    tools: list[Tool] | _Tools | None = None
    component: Root | None = None


class Rating(_Struct):
    """How bad a source holds a vulnerability to be."""

    score: float | None = None
    severity: str | None = None
    method: str | None = None
    vector: str | None = None


class Reference(_Struct):
    """Another name of a vulnerability."""

    id: str | None = None


class Analysis(_Struct):
    """What became of a vulnerability in this product: VEX."""

    state: str | None = None
    justification: str | None = None
    last_updated: str | None = None


class AffectedVersion(_Struct):
    """A version or range for which the vulnerability was judged."""

    version: str | None = None
    range: str | None = None


class Affected(_Struct):
    """A component that a vulnerability is in, by its bom-ref or a BOM-Link."""

    ref: str | None = None
    versions: list[AffectedVersion] | None = None


class Vulnerability(_Struct):
    """A known flaw, in however many components."""

    id: str | None = None
    references: list[Reference] | None = None
    ratings: list[Rating] | None = None
    description: str | None = None
    published: str | None = None
    analysis: Analysis | None = None
    affects: list[Affected] | None = None


class Document(_Struct):
    """A BOM; only the JSON form names its format."""

    bom_format: str | None = None
    spec_version: str | None = None
    serial_number: str | None = None
    metadata: Metadata | None = None
    components: list[Component] | None = None
    vulnerabilities: list[Vulnerability] | None = None


def _walk(components: list[Component] | None) -> Iterator[Component]:
    """Every component, and those within."""
    waiting = list(components or ())
    while waiting:
        component = waiting.pop()
        yield component
        waiting.extend(component.components or ())


def read_value(content: bytes, limits: Limits, subject: Identity | None = None) -> tuple[Facts, ...]:
    """Read a BOM.

    Args:
        content: UTF-8, as a file or within another document.
        limits: how much is read.
        subject: of the statement that it is the predicate of, if any.

    Raises:
        ReportError: when it is malformed or over a limit.
    """
    document = jsondoc.decode_value(content, Document)
    if document.bom_format != "CycloneDX":
        raise ReportError(f"its bomFormat is {printable(repr(document.bom_format), 40)}, not 'CycloneDX'")
    return read_document(document, limits, subject)


def read_document(document: Document, limits: Limits, subject: Identity | None = None) -> tuple[Facts, ...]:
    """The SBOM, the scan and the VEX statements of a BOM, as far as it is each of them.

    An empty list of vulnerabilities is no scan: Trivy writes one whether or not it looked for any. A BOM that
    lists no component, but vulnerabilities, is no SBOM.

    Raises:
        ReportError: when its version is not known, or it is over a limit.
    """
    if document.spec_version not in _VERSIONS:
        raise ReportError(f"its specVersion is {printable(repr(document.spec_version), 40)}, not 1.0 to 1.7")
    metadata = document.metadata or Metadata()
    identity, tool = _identity(metadata.component or Root()), _tool(metadata.tools)
    walked = list(_walk(document.components))
    packages = [component for component in walked if component.type != "file"]
    told, not_listed = listed(len(packages), lambda: map(_component, packages), limits)
    bom = SbomFacts(
        spec_version=document.spec_version or "",
        components=len(walked),
        listed=told,
        not_listed=not_listed,
        identity=identity.attested(subject),
        tool=tool,
        id=document.serial_number or None,
        at=utc(metadata.timestamp),
    )
    found: list[Facts] = []
    if walked or not document.vulnerabilities:
        found.append(bom)
    if document.vulnerabilities:
        is_image = metadata.component is not None and metadata.component.type == "container"
        scan = ScanFacts(
            scanner=tool or Scanner(name="cyclonedx"),
            kind="image" if is_image else "code",
            identity=identity,
            findings=tuple(_findings(document)),
            looked_for=("vulnerabilities",),
            at=bom.at,
        )
        found.append(scan)
    if any(entry.analysis and entry.analysis.state for entry in document.vulnerabilities or ()):
        found.append(_vex(document, identity))
    return within(limits, found)


def _component(component: Component) -> model.Component:
    found = component.evidence.licenses if component.evidence else _NONE
    content = b"[%b,%b]" % (component.licenses, found)
    licences, expression = _terms(content) if len(content) < _USUAL else _terms.__wrapped__(content)
    return model.Component(
        name=_name(component),
        version=component.version or None,
        purl=component.purl or None,
        type=component.type or None,
        licences=licences,
        expression=expression,
    )


@lru_cache(1024)  # the same few are of many components, which then share what is read of them
def _terms(content: bytes) -> Terms:
    return terms(
        licence for choices in jsondoc.decode_value(content, _CHOICES) for licence in _named(choices)
    )


def _named(choices: _Choices | None) -> Iterator[str | None]:
    for choice in choices or ():
        if isinstance(choice, LicenseChoice):
            named = choice.license
            yield choice.expression or ((named.id or named.name) if isinstance(named, License) else named)
        else:
            yield choice


def _tool(tools: list[Tool] | _Tools | None) -> Scanner | None:
    """The first of the programs."""
    listed = [*(tools.components or ()), *(tools.services or ())] if isinstance(tools, _Tools) else tools
    first = next((tool for tool in listed or () if tool.name), None)
    return Scanner(name=first.name, version=version(first.version)) if first and first.name else None


def _identity(root: Root) -> Identity:
    """What the root says of itself: Syft puts the digest into the version, Trivy the rest into properties.

    Trivy sorts the properties by value, which loses the order of several layers: only a single one is used.
    """
    purl = Purl.parse(root.purl)
    values = {
        name: [each.value for each in root.properties or () if each.name == _TRIVY + name and each.value]
        for name in ("RepoDigest", "RepoTag", "ImageID", "DiffID")
    }
    stated = [root.version, purl.version if purl else None]
    stated += [name.rpartition("@")[2] for name in values["RepoDigest"]]
    stated += [f"sha256:{each.content}" for each in root.hashes or () if each.alg == "SHA-256"]
    digests = [text for text in stated if text and text.startswith("sha256:")]
    return Identity(
        name=root.name or None,
        digests=tuple(dict.fromkeys(digests)) if root.type == "container" else (),
        tags=tuple(values["RepoTag"]),
        image_id=next(iter(values["ImageID"]), None),
        diff_ids=tuple(values["DiffID"]) if len(values["DiffID"]) == 1 else (),
    )


def _findings(document: Document) -> Iterator[Finding]:
    """One finding for each vulnerability."""
    entries = document.vulnerabilities or ()
    affected = {target.ref for entry in entries for target in entry.affects or () if target.ref}
    named: dict[str | None, Component] = {
        c.bom_ref: c for c in _walk(document.components) if c.bom_ref in affected
    }
    root = document.metadata.component if document.metadata else None
    if root and root.bom_ref in affected:
        as_component = Component(bom_ref=root.bom_ref, name=root.name, version=root.version, purl=root.purl)
        named.setdefault(root.bom_ref, as_component)
    for entry in entries:
        yield _finding(entry, named)


def _finding(entry: Vulnerability, named: dict[str | None, Component]) -> Finding:
    refs = [target.ref for target in entry.affects or () if target.ref]
    # One of several packages is not named: a waiver by package would cover the others too.
    only = named.get(refs[0]) if len(refs) == 1 else None
    ratings = entry.ratings or ()
    return Finding(
        id=entry.id or "unidentified",
        aliases=of_one_flaw(entry.id or "", [other.id for other in entry.references or () if other.id]),
        severity=_severity(ratings),
        kind="vulnerability",
        title=brief(entry.description),
        cvss=highest(score(r.score) for r in ratings if (r.method or "").upper().startswith("CVSS")),
        package=(_name(only) if only else None) or None,
        version=(only.version or None) if only else None,
        purl=(only.purl or None) if only else None,
        location=_location([named.get(ref) for ref in refs]),
        suppressed_by=_suppression(entry),
        published=dated(entry.published),
    )


def _severity(ratings: Sequence[Rating]) -> Severity:
    """The worst word; beside one, a rating without any counts by its score, from 0 to 10 in every method.

    What rates the flaw, and cannot be told, may be the worst: a vector without a score, a score outside of
    that, a word that CycloneDX does not have.
    """
    told = [(r, severity.from_word(r.severity)) for r in ratings]
    words = [word for _, word in told if word is not Severity.UNKNOWN]
    others = [r for r, word in told if word is Severity.UNKNOWN]
    scores = [severity.from_score(r.score) for r in others if r.score is not None]
    if not words or (any(map(_is_untold, others)) and not _SEVERE.intersection((*words, *scores))):
        return Severity.UNKNOWN
    return severity.worst((*words, *scores))


def _is_untold(rating: Rating) -> bool:
    """Whether a rating without a known word says more than that nobody rated the flaw."""
    if rating.score is not None:
        return severity.from_score(rating.score) is Severity.UNKNOWN
    return bool(rating.vector) or (rating.severity or "unknown").lower() != "unknown"


def _name(component: Component) -> str:
    return "/".join(name for name in (component.group, component.name) if name)


def _location(affected: list[Component | None]) -> str | None:
    """Which components, where there are several."""
    if len(affected) < 2:
        return None
    names = [brief(_name(each), 100) or "?" for each in affected if each][:_SHOWN]
    return f"{len(affected)} components: {', '.join(names)}{' ...' if len(affected) > len(names) else ''}"


def _suppression(entry: Vulnerability) -> str | None:
    state = entry.analysis.state if entry.analysis else None
    if entry.analysis is None or state not in _SET_ASIDE:
        return None
    why = entry.analysis.justification
    return f"cyclonedx {state}: {why}" if why else f"cyclonedx {state}"


def _vex(document: Document, identity: Identity) -> VexFacts:
    """What a BOM says became of its vulnerabilities.

    A component is judged within its product, so a statement is about what the BOM is about. Not applied: a
    BOM-Link, since the other document that defines its bom-refs is not verified; and the all-clear for some
    versions only, since ranges (``vers:``) would have to be compared as each ecosystem does.
    """
    metadata = document.metadata
    root = (metadata.component if metadata else None) or Root()
    entries = [entry for entry in document.vulnerabilities or () if entry.analysis and entry.analysis.state]
    affected = {target.ref for entry in entries for target in entry.affects or ()}
    purls = {c.bom_ref: c.purl for c in _walk(document.components) if c.bom_ref in affected}
    at = utc(metadata.timestamp) if metadata else None
    found = tuple(_vex_statement(entry, _About(root, identity, purls), at) for entry in entries)
    return VexFacts(statements=found, id=document.serial_number or None, at=at)


class _About:
    """What the BOM is about, and the packages of its bom-refs."""

    def __init__(self, root: Root, identity: Identity, purls: Mapping[str | None, str | None]) -> None:
        self._root = root
        self._identity = identity
        self._purls = purls

    def product(self, ref: str | None) -> Product:
        """The component of the product that a reference names."""
        own = (self._root.purl,) if self._root.purl else ()
        if ref and ref == self._root.bom_ref:
            return Product(identity=self._identity, purls=own)
        # An unknown bom-ref becomes an empty subcomponent, which matches no package.
        return Product(identity=self._identity, purls=own, subcomponents=(self._purls.get(ref) or "",))


def _vex_statement(entry: Vulnerability, about: _About, at: str | None) -> Statement:
    analysis = entry.analysis or Analysis()
    status = _STATES.get(analysis.state or "", VexStatus.UNDER_INVESTIGATION)
    # An all-clear for some versions only is left out: version ranges are not compared.
    affected = [each for each in entry.affects or () if status not in HARMLESS or not each.versions]
    return Statement(
        names=tuple(name for name in (entry.id, *(r.id for r in entry.references or ())) if name),
        status=status,
        products=tuple(about.product(each.ref) for each in affected),
        reason=analysis.justification or analysis.state,
        justification=analysis.justification if analysis.justification in _JUSTIFICATIONS else None,
        last_updated=utc(analysis.last_updated),
        at=utc(analysis.last_updated) if analysis.last_updated else at,
    )


def _recognise(head: Head) -> bool:
    # A wrong bomFormat is refused with the reason, instead of passing for an unknown file.
    return not head.is_array and {"bomFormat", "specVersion"} <= set(head.keys)


FORMAT = Format(
    name="cyclonedx",
    kind="sbom",
    also=("scans", "vex"),
    media_type="application/vnd.cyclonedx+json",
    suffixes=(".cdx.json", ".json"),
    file_names=("bom.json", "*.cdx.json", "*cyclonedx*.json"),
    marks=(b'"bomFormat"', b'"CycloneDX"'),
    recognise=_recognise,
    document=Document,
    read=lambda report, limits: read_value(report.utf8(), limits),
)

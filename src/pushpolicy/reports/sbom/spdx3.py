"""SPDX 3.0 as JSON-LD (spdx.github.io/spdx-spec/v3.0.1), as far as it is written without nesting.

All elements lie side by side in ``@graph``, and name one another by their spdxId. Some tools write the older
key ``@id`` for it. Vulnerabilities of its security profile are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from pushpolicy.model.evidence import Component
from pushpolicy.reports.facts import SbomFacts, within
from pushpolicy.reports.format import Facts, Format, Head, Identity, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.purl import Purl
from pushpolicy.reports.parsing.values import utc
from pushpolicy.reports.sbom.components import listed, terms
from pushpolicy.reports.sbom.spdx import tool

_PACKAGES = ("software_Package", "dataset_DatasetPackage", "ai_AIPackage")
# Both spellings that are about; the older tools write the first.
_LICENSED = ("HAS_DECLARED_LICENSE", "HAS_CONCLUDED_LICENSE", "hasDeclaredLicense", "hasConcludedLicense")
_INDIVIDUALS = {"NoAssertionLicense": "NOASSERTION", "NoneLicense": "NONE"}
_PURL = ("purl", "packageUrl")
_INNER = re.compile(r"(?<=[a-z])(?=[A-Z])")


class _Hash(msgspec.Struct, rename="camel", gc=False):
    algorithm: str | None = None
    hash_value: str | None = None


class _ExternalIdentifier(msgspec.Struct, rename="camel", gc=False):
    external_identifier_type: str | None = None
    identifier: str | None = None


class _Element(msgspec.Struct, rename="camel", gc=False):
    type: str | None = None
    id: str | None = msgspec.field(name="spdxId", default=None)
    json_ld_id: str | None = msgspec.field(name="@id", default=None)
    name: str | None = None
    spec_version: str | None = None
    created: str | None = None
    root_element: list[str] | None = None
    purl: str | None = msgspec.field(name="software_packageUrl", default=None)
    purpose: str | None = msgspec.field(name="software_primaryPurpose", default=None)
    version: str | None = msgspec.field(name="software_packageVersion", default=None)
    verified_using: list[_Hash | str] | None = None
    external_identifier: list[_ExternalIdentifier | str] | None = None
    external_identifier_type: str | None = None
    identifier: str | None = None
    relationship_type: str | None = None
    source: str | None = msgspec.field(name="from", default=None)
    targets: object = msgspec.field(name="to", default=None)
    expression: str | None = msgspec.field(name="simplelicensing_licenseExpression", default=None)
    members: object = msgspec.field(name="expandedlicensing_member", default=None)

    @property
    def ref(self) -> str | None:
        """What others name it by."""
        return self.id or self.json_ld_id


class _Document(msgspec.Struct, gc=False):
    graph: list[_Element] = msgspec.field(name="@graph")
    spdx_version: str | None = msgspec.field(name="spdxVersion", default=None)
    context: str | list[str] | None = msgspec.field(name="@context", default=None)


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    document = jsondoc.decode(report, _Document)
    graph = document.graph
    about, creation = _first(graph, "SpdxDocument"), _first(graph, "CreationInfo")
    packages = [element for element in graph if element.type in _PACKAGES]
    if about.type is None and not packages:
        raise ReportError("its @graph holds neither an SpdxDocument nor a package")
    program = _first(graph, "Tool").name or ""
    digests = _digests(_subject(about, graph), packages)
    components, not_listed = listed(len(packages), lambda: _components(graph, packages), limits)
    facts = SbomFacts(
        spec_version=_spec_version(creation, document),
        components=len(packages),
        listed=components,
        not_listed=not_listed,
        identity=Identity(name=about.name or None, digests=tuple(dict.fromkeys(digests))),
        tool=tool(["Tool:" + program.removeprefix("Tool:")]),
        id=about.ref,
        at=utc(creation.created),
    )
    return within(limits, [facts])


def _components(graph: list[_Element], packages: list[_Element]) -> Iterator[Component]:
    by_ref = {element.ref: element for element in graph if element.ref}
    licences: dict[str, list[str]] = {}
    for each in graph:
        if each.source and each.relationship_type in _LICENSED:
            stated = licences.setdefault(each.source, [])
            stated += [text for ref in _refs(each.targets) for text in _licences(by_ref, ref)]
    for package in packages:
        named, expression = terms(licences.get(package.ref or "", ()))
        yield Component(
            name=package.name or "",
            version=package.version or None,
            purl=package.purl or next(_purls(package, by_ref), None),
            type=_INNER.sub("-", package.purpose or "").lower() or None,
            licences=named,
            expression=expression,
        )


def _licences(by_ref: Mapping[str, _Element], ref: str) -> Iterator[str]:
    """The licences that a reference leads to, one level of sets deep; what is not in the document by name."""
    found = by_ref.get(ref, _Element())
    for each in _refs(found.members) or [ref]:
        element, name = by_ref.get(each, _Element()), re.split("[/_]", each)[-1]
        yield element.expression or element.name or _INDIVIDUALS.get(name, name)


def _purls(package: _Element, by_ref: Mapping[str, _Element]) -> Iterator[str]:
    for each in package.external_identifier or ():
        identifier = by_ref.get(each) if isinstance(each, str) else each
        if identifier and identifier.external_identifier_type in _PURL and identifier.identifier:
            yield identifier.identifier


def _refs(value: object) -> list[str]:
    """What an element names; what is nested in it is not read."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]


def _first(graph: list[_Element], kind: str) -> _Element:
    return next((element for element in graph if element.type == kind), _Element())


def _spec_version(creation: _Element, document: _Document) -> str:
    """As the document says, else by its context."""
    context, stated = document.context, document.spdx_version or ""
    texts = [context] if isinstance(context, str) else context or []
    by_context = next((text.split("/rdf/")[1].split("/")[0] for text in texts if "/rdf/" in text), "3.0")
    return creation.spec_version or stated.removeprefix("SPDX-") or by_context


def _subject(about: _Element, graph: list[_Element]) -> _Element | None:
    """The one element that the document is about, through the SBOM where that lies between."""
    by_ref = {element.ref: element for element in graph if element.ref}
    roots = about.root_element or []
    for _ in range(2):
        found = [by_ref[ref] for ref in roots if ref in by_ref]
        if len(found) != 1 or found[0].type not in ("software_Sbom", "Bom"):
            break
        roots = found[0].root_element or []
    return found[0] if len(found) == 1 else None


def _digests(subject: _Element | None, packages: list[_Element]) -> Iterator[str]:
    if subject is None or all(subject is not package for package in packages):
        return
    purl = Purl.parse(subject.purl)
    if subject.purpose != "container" and (purl is None or purl.type != "oci"):
        return
    for each in subject.verified_using or ():
        if isinstance(each, _Hash) and each.algorithm == "sha256" and each.hash_value:
            yield f"sha256:{each.hash_value}"
    for version in (subject.version, purl.version if purl else None):
        if version and version.startswith("sha256:"):
            yield version


def _recognise(head: Head) -> bool:
    context = head.keys.get("@context", b"")
    return not head.is_array and "@graph" in head.keys and b"spdx.org/rdf/3." in context


FORMAT = Format(
    name="spdx-3",
    kind="sbom",
    media_type="application/ld+json",
    suffixes=(".json",),
    file_names=("*.spdx3.json", "*.spdx.jsonld", "*.jsonld"),
    marks=(b"spdx.org/rdf/3.", b'"@graph"'),
    recognise=_recognise,
    read=_read,
)

"""SPDX 3.0 as JSON-LD (spdx.github.io/spdx-spec/v3.0.1), as far as it is written without nesting.

All elements lie side by side in ``@graph``, and name one another by their spdxId. Some tools write the older
key ``@id`` for it. Vulnerabilities of its security profile are not read.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pushpolicy.reports.facts import SbomFacts, within
from pushpolicy.reports.format import Facts, Format, Head, Identity, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import jsondoc
from pushpolicy.reports.parsing.purl import Purl
from pushpolicy.reports.parsing.values import utc
from pushpolicy.reports.sbom.spdx import tool

_PACKAGES = ("software_Package", "dataset_DatasetPackage", "ai_AIPackage")


class _Hash(msgspec.Struct, rename="camel", gc=False):
    algorithm: str | None = None
    hash_value: str | None = None


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
    facts = SbomFacts(
        spec_version=_spec_version(creation, document),
        components=len(packages),
        identity=Identity(name=about.name or None, digests=tuple(dict.fromkeys(digests))),
        tool=tool(["Tool:" + program.removeprefix("Tool:")]),
        id=about.ref,
        at=utc(creation.created),
    )
    return within(limits, [facts])


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

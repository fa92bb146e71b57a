"""CycloneDX 1.0 to 1.7 as XML, read as a stream into the same document as the JSON form.

Before 1.4 vulnerabilities came from an extension (http://cyclonedx.org/schema/ext/vulnerability/1.0), within
the component that has them or at the end; its names are the same but for the score and the reference.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from pushpolicy.reports.format import Facts, Format, ReportBytes, ReportError
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.parsing import markup
from pushpolicy.reports.parsing.values import number
from pushpolicy.reports.sbom.cyclonedx import (
    Affected,
    AffectedVersion,
    Analysis,
    Component,
    Document,
    Hash,
    Metadata,
    Property,
    Rating,
    Reference,
    Root,
    Tool,
    Vulnerability,
    read_document,
)

_NAMESPACE = re.compile(r"http://cyclonedx\.org/schema/bom/(\d+\.\d+)\Z")
_Item = TypeVar("_Item")
# Elements whose text is read, by their own name and their parent's.
_TEXTS = frozenset(
    {
        *((name, "component") for name in ("group", "name", "version", "purl")),
        *((name, "tool") for name in ("name", "version")),
        *((name, "vulnerability") for name in ("id", "description", "published")),
        *((name, "rating") for name in ("score", "severity", "method", "vector")),
        *((name, "analysis") for name in ("state", "justification", "lastUpdated")),
        ("timestamp", "metadata"),
        ("hash", "hashes"),
        ("property", "properties"),
        ("base", "score"),
        ("id", "reference"),
        ("id", "license"),
        ("name", "license"),
        ("expression", "licenses"),
        ("ref", "target"),
    }
)


class _Reader(markup.Elements):
    """Builds as much of the BOM as is read."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.document = Document(components=[], vulnerabilities=[])
        self._open: list[Component] = []
        self._licences: list[list[str | None]] = []  # of each open component
        self._wanted: str | None = None
        self._attributes: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        parent = self.path[-1] if self.path else ""
        self.descend(name)
        if not parent:
            self._root(attributes)
        elif (name, parent) in _TEXTS:
            self.take_text()
            self.collect_text()
            self._wanted, self._attributes = name, attributes
        else:
            self._begin(name, parent, attributes)

    def end(self, name: str) -> None:
        """An element ends."""
        self.path.pop()
        parent = self.path[-1] if self.path else ""
        if self._wanted == name:
            self._wanted = None
            self._text_of(name, parent, self.take_text().strip())
        elif name == "component" and self._open and self._in_inventory():
            stated = self._licences.pop()
            if stated:
                self._open[-1].licenses = msgspec.Raw(msgspec.json.encode(stated))
            self._open.pop()

    def _root(self, attributes: dict[str, str]) -> None:
        found = next((m for text in attributes.values() if (m := _NAMESPACE.match(text))), None)
        if found is None:
            raise ReportError("its root element is in no namespace of CycloneDX")
        self.document.spec_version = found.group(1)
        self.document.serial_number = attributes.get("serialNumber")

    @property
    def _metadata(self) -> Metadata:
        metadata = self.document.metadata
        if metadata is None:
            metadata = self.document.metadata = Metadata(tools=[])
        return metadata

    def _begin(self, name: str, parent: str, attributes: dict[str, str]) -> None:
        document = self.document
        ref = attributes.get("bom-ref")
        match name, parent:
            case "component", "metadata":
                root = Root(bom_ref=ref, type=attributes.get("type"), hashes=[], properties=[])
                self._metadata.component = root
            case "component", "components" if self._in_inventory():
                component = Component(bom_ref=ref, type=attributes.get("type"), components=[])
                _add(self._open[-1].components if self._open else document.components, component)
                self._open.append(component)
                self._licences.append([])
            case ("tool", "tools") | ("component", "components") if self.path[1] == "metadata":
                tools = self._metadata.tools
                _add(tools if isinstance(tools, list) else None, Tool())
            case "vulnerability", "vulnerabilities":
                own = attributes.get("ref")
                affects = [Affected(ref=own)] if own else []
                _add(document.vulnerabilities, Vulnerability(references=[], ratings=[], affects=affects))
            case _ if document.vulnerabilities:
                _begin_detail(document.vulnerabilities[-1], name, parent)

    def _in_inventory(self, *besides: str) -> bool:
        """Whether this is a component of the BOM, and not of its tools, or of a formula or annotation.

        Args:
            besides: what may lie between the component and this.
        """
        names = {"components", "component", *besides}
        return self.path[1:2] == ["components"] and names.issuperset(self.path[1:])

    def _text_of(self, name: str, parent: str, text: str) -> None:
        inside = self.path[1] if len(self.path) > 1 else ""
        value = text or None
        if parent == "metadata":
            self._metadata.timestamp = value
        elif inside == "metadata":
            self._text_of_metadata(name, parent, value)
        elif parent == "component" and self._open and self._in_inventory():
            setattr(self._open[-1], name, value)
        elif parent in ("license", "licenses") and self._open:
            if self._in_inventory("evidence", "licenses", "license"):
                self._licences[-1].append(value)
        elif self.document.vulnerabilities and "vulnerability" in self.path:
            _text_of_vulnerability(self.document.vulnerabilities[-1], name, parent, value)

    def _text_of_metadata(self, name: str, parent: str, value: str | None) -> None:
        root, tools = self._metadata.component, self._metadata.tools
        if "tools" in self.path:
            if isinstance(tools, list) and tools and name in ("name", "version"):
                setattr(tools[-1], name, value)
        elif root is None or self.path.count("component") != 1:
            return
        elif parent == "component":
            if name != "group":
                setattr(root, name, value)
        elif name == "hash":
            _add(root.hashes, Hash(alg=self._attributes.get("alg"), content=value))
        elif name == "property":
            _add(root.properties, Property(name=self._attributes.get("name"), value=value))


def _add(items: list[_Item] | None, item: _Item) -> None:
    if items is not None:
        items.append(item)


def _begin_detail(entry: Vulnerability, name: str, parent: str) -> None:
    match name, parent:
        case "rating", "ratings":
            _add(entry.ratings, Rating())
        case "reference", "references":
            _add(entry.references, Reference())
        case "analysis", "vulnerability":
            entry.analysis = Analysis()
        case "target", "affects":
            _add(entry.affects, Affected(versions=[]))
        case "version", "versions" if entry.affects:
            _add(entry.affects[-1].versions, AffectedVersion())


def _text_of_vulnerability(entry: Vulnerability, name: str, parent: str, value: str | None) -> None:
    match name, parent:
        case "id", "vulnerability":
            entry.id = value
        case "description" | "published", "vulnerability":
            setattr(entry, name, value)
        case "score" | "base", "rating" | "score" if entry.ratings:
            entry.ratings[-1].score = number(value)
        case "severity" | "method" | "vector", "rating" if entry.ratings:
            setattr(entry.ratings[-1], name, value)
        case "id", "reference" if entry.references:
            entry.references[-1].id = value
        case "ref", "target" if entry.affects:
            entry.affects[-1].ref = value
        case "state" | "justification", "analysis" if entry.analysis:
            setattr(entry.analysis, name, value)
        case "lastUpdated", "analysis" if entry.analysis:
            entry.analysis.last_updated = value


def _read(report: ReportBytes, limits: Limits) -> tuple[Facts, ...]:
    reader = _Reader(limits)
    markup.parse(report.chunks(), reader, limits)
    return read_document(reader.document, limits)


FORMAT = Format(
    name="cyclonedx-xml",
    kind="sbom",
    also=("scans", "vex"),
    media_type="application/vnd.cyclonedx+xml",
    suffixes=(".cdx.xml", ".xml"),
    file_names=("bom.xml", "*.cdx.xml", "*cyclonedx*.xml"),
    marks=(b"<bom", b"http://cyclonedx.org/schema/bom/"),
    recognise=lambda head: head.root == "bom" and b"http://cyclonedx.org/schema/bom/" in head.start,
    read=_read,
)

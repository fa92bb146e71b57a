"""The parts of a CycloneDX BOM that are read (cyclonedx.org, bom-1.2 to 1.7)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec


class Part(msgspec.Struct, rename="camel", gc=False):
    """What is absent or null is None."""


class Hash(Part):
    """A digest of a component, as hexadecimal text."""

    alg: str | None = None
    content: str | None = None


class Property(Part):
    """A name and value of a tool's own."""

    name: str | None = None
    value: str | None = None


class Component(Part):
    """A component; of all but the root, only what names it."""

    bom_ref: str | None = msgspec.field(name="bom-ref", default=None)
    group: str | None = None
    name: str | None = None
    version: str | None = None
    purl: str | None = None
    components: list[Component] | None = None


class Root(Part):
    """What the BOM is about."""

    bom_ref: str | None = msgspec.field(name="bom-ref", default=None)
    type: str | None = None
    name: str | None = None
    version: str | None = None
    purl: str | None = None
    hashes: list[Hash] | None = None
    properties: list[Property] | None = None


class Tool(Part):
    """A program that wrote the BOM."""

    name: str | None = None
    version: str | None = None


class Tools(Part):
    """The programs, as 1.5 writes them."""

    components: list[Tool] | None = None
    services: list[Tool] | None = None


class Metadata(Part):
    """When, by what and about what the BOM was written."""

    timestamp: str | None = None
    tools: list[Tool] | Tools | None = None
    component: Root | None = None


class Source(Part):
    """Who names or rates a vulnerability."""

    name: str | None = None


class Rating(Part):
    """How bad a source holds a vulnerability to be."""

    score: float | None = None
    severity: str | None = None
    method: str | None = None


class Reference(Part):
    """Another name of a vulnerability."""

    id: str | None = None


class Analysis(Part):
    """What became of a vulnerability in this product: VEX."""

    state: str | None = None
    justification: str | None = None
    last_updated: str | None = None


class AffectedVersion(Part):
    """A version or range for which the vulnerability was judged."""

    version: str | None = None
    range: str | None = None


class Affected(Part):
    """A component that a vulnerability is in, by its bom-ref or a BOM-Link."""

    ref: str | None = None
    versions: list[AffectedVersion] | None = None


class Vulnerability(Part):
    """A known flaw, in however many components."""

    id: str | None = None
    references: list[Reference] | None = None
    ratings: list[Rating] | None = None
    description: str | None = None
    analysis: Analysis | None = None
    affects: list[Affected] | None = None


class Document(Part):
    """A BOM; only the JSON form names its format."""

    bom_format: str | None = None
    spec_version: str | None = None
    serial_number: str | None = None
    metadata: Metadata | None = None
    components: list[Component] | None = None
    vulnerabilities: list[Vulnerability] | None = None


def walk(components: list[Component] | None) -> Iterator[Component]:
    """Every component, and those within."""
    waiting = list(components or ())
    while waiting:
        component = waiting.pop()
        yield component
        waiting.extend(component.components or ())

"""A report with one thing deleted: a leaf of JSON; an attribute, text or childless element of XML; a line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from pushpolicy.evaluate.authoring.deletions import without

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted, in words, and what is left."""

    what: str
    left: bytes = field(repr=False)


def deletions(content: bytes) -> Iterator[Deletion]:
    """Every report that is this one without one thing; white space may differ too."""
    start = content.lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t")[:1]
    if start == b"<":
        yield from _of_xml(content)
        return
    try:
        document = json.loads(content)
    except ValueError:
        yield from _of_lines(content)
        return
    for place in leaves(document):
        yield Deletion(_shown(place), json.dumps(without(document, place)).encode())


def children(value: Any) -> list[tuple[str | int, Any]]:
    """What is directly in a container; nothing for a scalar."""
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def leaves(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where the scalars and the empty containers are."""
    below = children(value)
    if not below and place:
        yield place
    for key, child in below:
        yield from leaves(child, (*place, key))


def _shown(place: Place) -> str:
    return ".".join(map(str, place))


def _of_xml(content: bytes) -> Iterator[Deletion]:
    for prefix, uri in _namespaces(content):
        ElementTree.register_namespace(prefix, uri)
    root = ElementTree.fromstring(content)
    for element, way in _walk(root, root.tag):
        for name in list(element.attrib):
            kept = dict(element.attrib)
            del element.attrib[name]
            yield Deletion(f"{way}@{name}", ElementTree.tostring(root, "utf-8"))
            element.attrib.clear()
            element.attrib.update(kept)
        if text := (element.text or "").strip() and element.text:
            element.text = None
            yield Deletion(f"{way}/text()", ElementTree.tostring(root, "utf-8"))
            element.text = text
        for number, child in enumerate(list(element)):
            if not len(child):
                element.remove(child)
                yield Deletion(f"{way}/{child.tag}[{number}]", ElementTree.tostring(root, "utf-8"))
                element.insert(number, child)


def _namespaces(content: bytes) -> list[tuple[str, str]]:
    events = ElementTree.iterparse(io.BytesIO(content), events=("start-ns",))
    return [(prefix, uri) for _, (prefix, uri) in events if not prefix.startswith("ns")]


def _walk(element: ElementTree.Element, way: str) -> Iterator[tuple[ElementTree.Element, str]]:
    yield element, way
    for number, child in enumerate(element):
        yield from _walk(child, f"{way}/{child.tag}[{number}]")


def _of_lines(content: bytes) -> Iterator[Deletion]:
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines):
        before, after = b"".join(lines[:number]), b"".join(lines[number + 1 :])
        yield Deletion(f"line {number + 1}, {line[:40]!r}", before + after)
        if line.startswith(b"{"):
            for each in deletions(line.strip()):
                yield Deletion(f"line {number + 1}: {each.what}", before + each.left + b"\n" + after)

"""A YAML file of a CI system as nodes that know their lines, whoever wrote it.

Only libyaml's events are used: its composer recurses. An alias is the node that it names, which is walked
once. What it would be if each were written out is its weight, which is bounded: who looks at every job's
steps looks at some of them as often as they are named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_MAX_DEPTH = 100
# More than a file of the allowed size has without aliases.
_MAX_WEIGHT = 1_000_000
_TEXT = 10
_Place = tuple[str, ...]


class Node:
    """A value: a text, a list of nodes, or a list of keys with their nodes.

    Attributes:
        text: of a scalar; None for others.
        style: how the scalar is quoted: "", ', ", | or >.
        line: from 1; of a block, that of its first line.
        items: of a sequence.
        fields: of a mapping.
        weight: how many values it holds, each alias written out; ten characters of text count as one more.
    """

    __slots__ = ("fields", "items", "line", "style", "text", "weight")

    def __init__(self, line: int, text: str | None = None, style: str = "") -> None:
        self.line, self.text, self.style = line, text, style
        self.items: list[Node] = []
        self.fields: list[tuple[str, Node]] = []
        self.weight = 1 + len(text or "") // _TEXT

    def get(self, *names: str) -> Node:
        """What stands under these keys, one below the other; an empty node where nothing does."""
        node = self
        for name in names:
            node = next((below for key, below in node.fields if key == name), Node(node.line))
        return node

    def texts(self) -> set[str]:
        """A scalar, the scalars of a list, or the keys of a mapping."""
        own = {self.text} if self.text else set()
        return own | {item.text for item in self.items if item.text} | {key for key, _ in self.fields}


class OverdoneError(ValueError):
    """The file is nested deeper, or repeats more by aliases, than anybody writes one."""


def read(text: str) -> list[Node]:
    """The documents of a file.

    Raises:
        OverdoneError: when it is nested more than 100 deep, or is too large with its aliases written out.
        ValueError: when it is not YAML.
    """
    import yaml

    found: list[Node] = []
    try:
        events = iter(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        anchors: dict[str, Node] = {}
        lines = text.split("\n")
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                anchors.clear()
                found.append(_node(next(events), events, anchors, lines, 0))
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError("not YAML") from error
    return found


def _node(event: Any, events: Iterator[Any], anchors: dict[str, Node], lines: list[str], depth: int) -> Node:
    import yaml

    if depth > _MAX_DEPTH:
        raise OverdoneError(f"it is nested more than {_MAX_DEPTH} deep")
    if isinstance(event, yaml.AliasEvent):
        # One within itself is taken by no CI system, and is nothing here.
        named = anchors.get(event.anchor or "")
        return named if named and named.weight else Node(0)
    line = event.start_mark.line + 1
    node = _scalar(event, line, lines) if isinstance(event, yaml.ScalarEvent) else Node(line)
    if event.anchor:
        anchors[event.anchor] = node
    own, node.weight = node.weight, 0
    if isinstance(event, yaml.SequenceStartEvent):
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            node.items.append(_node(event, events, anchors, lines, depth + 1))
    elif isinstance(event, yaml.MappingStartEvent):
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = _node(event, events, anchors, lines, depth + 1)
            node.fields.append((key.text or "", _node(next(events), events, anchors, lines, depth + 1)))
    below = (*node.items, *(value for _, value in node.fields))
    node.weight = own + sum(each.weight for each in below)
    if node.weight > _MAX_WEIGHT:
        raise OverdoneError(f"with its aliases written out it holds over {_MAX_WEIGHT} values")
    return node


def _scalar(event: Any, line: int, lines: list[str]) -> Node:
    style = event.style or ""
    if style == ">":
        # As it is written, since folding loses where a line was.
        return Node(line + 1, "\n".join(lines[line : event.end_mark.line]), style)
    # The text of a block begins below the mark that announces it.
    return Node(line + 1 if style == "|" else line, event.value, style)


def walk(roots: list[Node]) -> Iterator[tuple[_Place, Node]]:
    """Every node once, with the keys above it, in the order of the file."""
    waiting: list[tuple[_Place, Node]] = [((), node) for node in reversed(roots)]
    seen: set[int] = set()
    while waiting:
        place, node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield place, node
        waiting += [(place, item) for item in reversed(node.items)]
        waiting += [((*place, key), below) for key, below in reversed(node.fields)]

"""YAML as far as it is JSON: what two readers could understand differently is refused.

Scalars follow the core schema of YAML 1.2.2 (section 10.3), so `no`, `on` and `1:30` are text and a date
is text. Refused: duplicate keys, keys that are not text, aliases (and with them "billion laughs"), tags,
infinities and NaN, integers beyond 2^53-1, more than one document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MAX_SIZE = 4 * 1024 * 1024
_MAX_DEPTH = 100
_SCALARS = {
    "null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": re.compile(r"[-+]?[0-9]+\Z"),
    "float": re.compile(
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
    ),
}
# What a scalar begins with that may be something else than text.
_NOT_TEXT = frozenset("~nNtTfF+-.0123456789")


class YamlError(ValueError):
    """What is wrong, and in which line (from 1; 0 when no line can be named)."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


def read(content: bytes) -> Any:
    """The JSON value of one YAML document; None for an empty one.

    Raises:
        YamlError: when it is not YAML, or holds anything of the above.
    """
    import yaml

    if len(content) > MAX_SIZE:
        raise YamlError(f"{len(content)} bytes is over the limit of 4 MiB")
    try:
        # Events, not nodes: libyaml's composer recurses, and crashes on a deeply nested document.
        events = yaml.parse(content.decode("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return _document(iter(events))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        row = mark.line if mark else -1
        has_tab = b"\t" in b"".join(content.splitlines()[row : row + 1])
        tab = "; indent with blanks, not with a tab" if has_tab else ""
        raise YamlError(f"not YAML: {error.problem or error.context}{tab}", row + 1) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise YamlError(f"not YAML: {' '.join(str(error).split())[:200]}") from error


def lines(content: bytes) -> dict[tuple[str | int, ...], int]:
    """The line of each key and item of a document that `read` takes, by its path."""
    import yaml

    found: dict[tuple[str | int, ...], int] = {}

    def walk(node: Any, path: tuple[str | int, ...]) -> None:
        for key, value in _children(node):
            step = key if isinstance(key, int) else key.value
            found[*path, step] = _line(value if isinstance(key, int) else key)
            walk(value, (*path, step))

    walk(yaml.compose(content.decode("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), ())
    return found


def _children(node: Any) -> list[tuple[Any, Any]]:
    import yaml

    if isinstance(node, yaml.MappingNode):
        return list(node.value)
    return list(enumerate(node.value)) if isinstance(node, yaml.SequenceNode) else []


def _document(events: Iterator[Any]) -> Any:
    import yaml

    value: Any = None
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise YamlError("more than one document", _line(event))
            value = _value(next(events), events, 0)
    return value


def _value(event: Any, events: Iterator[Any], depth: int) -> Any:
    import yaml

    if depth > _MAX_DEPTH:
        raise YamlError(f"nested more than {_MAX_DEPTH} deep", _line(event))
    # Nearly all are: thousands of waivers.
    if type(event) is yaml.ScalarEvent and event.tag is None:
        return _plain(event) if event.implicit[0] else event.value
    if isinstance(event, yaml.AliasEvent):
        raise YamlError(f"an alias (*{event.anchor}) is not allowed", _line(event))
    if event.tag not in (None, "!"):
        raise YamlError(f"the tag {event.tag[:80]!r} is not allowed", _line(event))
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(events, depth)
    if isinstance(event, yaml.SequenceStartEvent):
        result = []
        while not isinstance(item := next(events), yaml.SequenceEndEvent):
            result.append(_value(item, events, depth + 1))
        return result
    return _plain(event) if event.implicit[0] else event.value


def _mapping(events: Iterator[Any], depth: int) -> dict[str, Any]:
    import yaml

    result: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _value(event, events, depth + 1)
        if not isinstance(key, str):
            raise YamlError(f"key {str(key)[:80]!r} is not text; put it in quotes", _line(event))
        if key in result:
            raise YamlError(f"key {key[:80]!r} occurs twice; write it once", _line(event))
        result[key] = _value(next(events), events, depth + 1)
    return result


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _plain(event: Any) -> Any:
    """A scalar without quotes."""
    text: str = event.value
    if text and text[0] not in _NOT_TEXT:
        return text
    line = _line(event)
    match next((name for name, pattern in _SCALARS.items() if pattern.match(text)), "str"):
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            if len(text) > 17 or abs(int(text)) >= 2**53:
                raise YamlError(f"{text[:40]} is beyond 2^53-1", line)
            return int(text)
        case "float":
            number = 0.0 if text[-1] in "fFnN" else float(text)
            if text[-1] in "fFnN" or number in (float("inf"), float("-inf")):
                raise YamlError(f"{text[:40]} is not a number of JSON", line)
            return number
    return text

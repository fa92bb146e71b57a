"""Nodes of OPA's syntax tree of a rule, as `opa parse` prints it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Node = Mapping[str, Any]

SCALARS = ("string", "number", "boolean", "null")


def name_of(rule: Node) -> str:
    """What a rule of the module is called."""
    return str(rule["head"]["ref"][0]["value"])


def operator_of(node: Node) -> str:
    """The name of what is called."""
    return ".".join(str(part["value"]) for part in node["value"])


def path_of(node: Node) -> tuple[str, ...]:
    """The constant beginning of a reference."""
    path: list[str] = []
    for part in node["value"] if node["type"] == "ref" else [node]:
        if part["type"] not in ("var", "string") or (path and part["type"] == "var"):
            break
        path.append(str(part["value"]))
    return tuple(path)


def text_of(node: Any) -> str:
    """A term without its places in the file, to tell whether two are the same."""
    if isinstance(node, Mapping):
        return f"{node.get('type')}({text_of(node.get('value'))})"
    return ",".join(map(text_of, node)) if isinstance(node, list) else str(node)


def row_of(node: Node, fallback: int) -> int:
    """The line of the file."""
    location = node.get("location")
    return int(location["row"]) if isinstance(location, Mapping) else fallback


def has_rows(rule: Node) -> bool:
    """Whether it has `contains`, or keys."""
    return "key" in rule["head"]


def is_not(node: Node) -> bool:
    """Whether a statement is a `not`."""
    return isinstance(node["terms"], Mapping) and node["terms"].get("type") == "not"


def is_some(node: Node) -> bool:
    """Whether a statement is a `some`."""
    return isinstance(node["terms"], Mapping) and "symbols" in node["terms"]


def is_status(node: Node) -> bool:
    """Whether a statement asks that a kind is collected."""
    terms = node["terms"]
    if not isinstance(terms, list) or operator_of(terms[0]) != "equal":
        return False
    path = path_of(terms[1])
    return (
        len(path) == 3 and path[0] == "input" and path[2] == "status" and terms[2].get("value") == "collected"
    )


def is_words(node: Node) -> bool:
    """`msg := $"..."`, or a literal: never undefined."""
    terms = node["terms"]
    return (
        isinstance(terms, list)
        and operator_of(terms[0]) == "assign"
        and terms[2]["type"] in ("templatestring", "string")
    )

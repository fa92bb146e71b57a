"""Nodes of OPA's syntax tree of a rule, as `opa parse` prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Node = Mapping[str, Any]

# What joins two bodies to a statement, and where these stand in it.
JOINS = ("and", "or")
SIDES = ("lhs", "rhs")
SCALARS = ("string", "number", "boolean", "null")


def name_of(rule: Node) -> str:
    """What a rule of the module is called."""
    return str(rule["head"]["ref"][0]["value"])


def scalar_of(node: Node) -> Any:
    """The value of a node of SCALARS; OPA prints `{}` for that of null."""
    return None if node["type"] == "null" else node.get("value")


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


def is_print(node: Node) -> bool:
    """Whether a statement is a `print()`: it always holds, whatever of its arguments is undefined."""
    terms = node["terms"]
    return isinstance(terms, list) and operator_of(terms[0]) == "print"


def is_written_out(node: Node, is_builtin: Callable[[str], bool]) -> bool:
    """Whether a term is the same whatever the evidence, a setting or a variable is."""
    kind, value = node["type"], node.get("value")
    if kind in ("array", "set", "ref"):
        return all(is_written_out(each, is_builtin) for each in value or ())
    if kind == "object":
        return all(is_written_out(each, is_builtin) for pair in value or () for each in pair)
    if kind == "call" and value:
        return is_builtin(operator_of(value[0])) and all(
            is_written_out(each, is_builtin) for each in value[1:]
        )
    return kind in SCALARS


def references(terms: Any) -> Iterator[Node]:
    """The variables and references in the terms of a statement, and in the bodies inside of it."""
    if isinstance(terms, list):  # an operator, and what it is given
        for each in terms[1:]:
            yield from references(each)
    elif isinstance(terms, Mapping):
        kind, value = terms.get("type"), terms.get("value")
        if kind in ("var", "ref"):
            yield terms
        if kind in ("call", "ref"):
            yield from references(value)
        elif kind in ("array", "set"):
            yield from references([None, *(value or ())])
        elif kind == "object":
            yield from references([None, *(each for pair in value or () for each in pair)])
        elif kind == "templatestring":
            yield from references([None, *(part.get("terms") for part in (value or {})["parts"])])
        elif kind is not None and kind.endswith("comprehension"):
            yield from references(
                [None, *((value or {}).get(part) for part in ("key", "term", "value")), value]
            )
        for body in ("body", *SIDES):
            for statement in terms.get(body, ()):
                yield from references(statement["terms"])
        yield from references(terms.get("domain"))

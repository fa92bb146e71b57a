"""A rule's text with what tells how it came to its findings; only ever evaluated beside the decision.

    some f in scan.findings        becomes        some said_0, f in scan.findings

and a `_` becomes a variable, so that each item has its number. What follows the rule then collects, with the
clause's own conditions, those numbers for each finding, and how many bindings each condition left.
"""

from __future__ import annotations

import base64
import json
import typing
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from pushpolicy.evaluate.follow import Clause
from pushpolicy.evaluate.follow.nodes import Node, is_print, is_some, is_words, name_of, operator_of
from pushpolicy.evaluate.follow.values import At, Fields, Items, Literal, Rows, Words

HEADS = ("deny", "warn")
# What is shown as the evidence that it is, or in the message, or is no scalar.
_PLAIN = (At, Literal, Words, Rows, Fields, Items)
# What is counted: each condition with all that stands before it; without words, since these may use what
# stands after them; or nothing.
Counted = typing.Literal["all", "conditions", "nothing"]
# An item of an edit: from where, how many characters, and what stands there then.
_Edit = tuple[int, int, str]


def prefix(text: str) -> str:
    """What no name in a module begins with."""
    name = "said_"
    while name in text:
        name = f"{name}_"
    return name


def keyed(text: str, tree: Node, name: str) -> str:
    """A module in which each item that a clause goes through has a variable with its number or key."""
    starts = _starts(text)
    edits: list[_Edit] = []
    for clause in clauses(tree):
        for statement in clause["body"]:
            for row, column, length, insert in _unnamed(statement.get("terms")):
                edits.append((starts[row - 1] + column - 1, length, insert))
    for number, (start, length, insert) in enumerate(sorted(set(edits), reverse=True)):
        text = f"{text[:start]}{name}{number}{insert}{text[start + length :]}"
    return text


def _starts(text: str) -> list[int]:
    """Where each line begins."""
    return [0, *accumulate(len(line) + 1 for line in text.split("\n"))]


def clauses(tree: Node) -> list[Node]:
    """The clauses of deny and warn."""
    return [rule for rule in tree.get("rules", ()) if name_of(rule) in HEADS]


def _unnamed(node: Any) -> Iterator[tuple[int, int, int, str]]:
    """Where a name is to be put: line, column, how much it replaces, and what follows it."""
    if isinstance(node, list):
        for each in node:
            yield from _unnamed(each)
    if not isinstance(node, Mapping):
        return
    kind = str(node.get("type"))
    # What is inside of these has no value for the clause.
    if kind in ("not", "every", "templatestring") or "domain" in node or kind.endswith("comprehension"):
        return
    for symbol in node.get("symbols", ()):
        if symbol["type"] == "call" and operator_of(symbol["value"][0]) == "internal.member_2":
            place = symbol["value"][1]["location"]
            yield place["row"], place["col"], 0, ", "
        yield from _unnamed(symbol.get("value"))
    if kind == "var" and source(node) == "_":
        yield node["location"]["row"], node["location"]["col"], 1, ""
    elif kind in ("ref", "call", "array", "object", "set"):
        yield from _unnamed(node.get("value"))


def source(node: Node) -> str:
    """The text of a node, as it stands in the file."""
    return base64.b64decode(node.get("location", {}).get("text", "")).decode("utf-8", "replace")


def conditions(clause: Node) -> list[Node]:
    """The statements of a clause by which it may find nothing."""
    return [each for each in _statements(clause) if not is_words(each) and not _is_declaration(each)]


def _statements(clause: Node) -> list[Node]:
    return [each for each in clause["body"] if not each.get("generated") and not is_print(each)]


def _is_declaration(statement: Node) -> bool:
    """`some x` without `in`."""
    return is_some(statement) and all(each["type"] == "var" for each in statement["terms"]["symbols"])


def collecting(clause: Node, followed: Clause, number: int, name: str, counted: Counted) -> Iterator[str]:
    """Rules that say of a clause which items each finding that is asked for came from, and what was left.

    Args:
        clause: its node.
        followed: the same, as it was visited.
        number: which it is.
        name: what the names begin with that are added.
        counted: with which statements before it each condition is counted.
    """
    held = ", ".join(f"{json.dumps(each)}: {each}" for each in _told(followed))
    items = f"{{{name}k: {name}v | some {name}k, {name}v in {{{held}}}; {name}scalar({name}v)}}"
    yield f"{name}found contains [{number}, {name}this, {items}] if {{"
    yield from (f"\t{source(each)}" for each in _statements(clause))
    yield f"\t{name}given := {source(clause['head']['key'])}"
    yield f'\t{name}this := {{"at": {name}given.at, "msg": {name}given.msg}}'
    yield f"\t{name}this in {name}asked"
    yield "}"
    if counted != "nothing":
        counts = [f"count([1 |\n\t{text}])" for text in _prefixes(clause, counted)]
        yield f"{name}met contains [{number}, [{', '.join(counts)}]]"


def _prefixes(clause: Node, counted: Counted) -> Iterator[str]:
    """Each condition with what stands before it."""
    asked, before = conditions(clause), list[str]()
    for statement in _statements(clause):
        if counted == "all" or not is_words(statement):
            before.append(source(statement))
        if statement in asked:
            yield "\n\t".join(before)


def collector(name: str, asked: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What the rules of `collecting` need beside: the findings that are asked for, {at, msg}."""
    yield ""
    # As a text: written out, OPA would say of each clause that it never finds what another one does.
    yield f"{name}asked := json.unmarshal({json.dumps(json.dumps(list(asked)))})"
    for kind in ("string", "number", "boolean"):
        yield f"{name}scalar(value) if is_{kind}(value)"


def _told(clause: Clause) -> Iterator[str]:
    """The variables that say more than where in the evidence they are."""
    for name, values in clause.variables.items():
        is_plain = any(type(each) in _PLAIN for each in values)
        is_one_of = len(values) > 1 and all(type(each) is Literal for each in values)
        if not name.startswith("$") and (is_one_of or not is_plain):
            yield name


def printing(text: str, tree: Node, name: str) -> str:
    """A module whose `print()` says first, after `name`, on which line it stands."""
    starts = _starts(text)
    places = {
        (node["location"]["row"], node["location"]["col"], bool(arguments))
        for node, *arguments in _printed(tree.get("rules"))
    }
    for row, column, has_arguments in sorted(places, reverse=True):
        at = text.index("(", starts[row - 1] + column - 1) + 1
        text = f'{text[:at]}"{name}{row}"{", " if has_arguments else ""}{text[at:]}'
    return text


def _printed(node: Any) -> Iterator[list[Node]]:
    """The terms of each `print()` in a node."""
    if isinstance(node, list):
        for each in node:
            yield from _printed(each)
    elif isinstance(node, Mapping):
        if "terms" in node and is_print(node):
            yield node["terms"]
        for each in node.values():
            yield from _printed(each)

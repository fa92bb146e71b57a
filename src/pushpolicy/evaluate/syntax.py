"""The shape of a rule, from OPA's own syntax tree.

OPA accepts many modules that never deny anything: `denny contains`, `deny := "x"`, a nested package, a
misspelt setting. Each is refused here, and what a rule reads is computed, since that is what it requires.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from pushpolicy.evaluate.bundle import REMOVED
from pushpolicy.evaluate.follow import builtins
from pushpolicy.evaluate.follow.nodes import operator_of
from pushpolicy.evaluate.metadata import KINDS
from pushpolicy.evaluate.removed import told
from pushpolicy.model.index import HEADS
from pushpolicy.model.text import nearest

_ALWAYS = frozenset({"schema", "evaluated_at", "target", "image", "reports"})
_RULES = ("data", "pushpolicy", "rules")
_LIB = ("data", "pushpolicy", "lib")

# What OPA's syntax tree calls terms that are no object, whatever they hold.
_NO_OBJECTS = frozenset(
    {
        "string",
        "templatestring",
        "number",
        "boolean",
        "null",
        "array",
        "set",
        "arraycomprehension",
        "setcomprehension",
    }
)

Path = tuple[str | None, ...]


class Reads(msgspec.Struct, frozen=True, kw_only=True):
    """What a piece of Rego refers to.

    Attributes:
        kinds: evidence that must be there: a kind with a status, clock, or extra.NAME.
        settings: keys of the rule's own settings, with the line that first reads each.
        fields: of those settings, by key and field, with the same.
        functions: what it uses of the shipped lib, as topic.name, with the line that first does.
    """

    kinds: frozenset[str] = frozenset()
    settings: Mapping[str, int] = {}
    fields: Mapping[tuple[str, str], int] = {}
    functions: Mapping[str, int] = {}


class _RefusedError(ValueError):
    """A reference that a rule may not make."""


def package_of(tree: Mapping[str, Any]) -> tuple[str, ...]:
    """The package path of a module, with `data` first."""
    return tuple(str(part["value"]) for part in tree["package"]["path"])


def shape_problems(name: str, tree: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Why a module is not a rule of this name: line and text."""
    if package_of(tree) != (*_RULES, name):
        package = ".".join(package_of(tree)[1:])
        yield row_of(tree["package"]), f"package is {package}; it must be pushpolicy.rules.{name}"
    if not any(_import_path(item) == ("rego", "v2") for item in tree.get("imports", [])):
        yield (
            row_of(tree["package"]),
            "`import rego.v2` is required: without it, `not` passes over absent fields; add it below package",
        )
    rules = tree.get("rules", [])
    for rule in rules:
        if problem := _head_problem(rule):
            yield row_of(rule), problem
    if not {"deny", "warn"} & set(heads(tree)):
        yield (
            row_of(tree["package"]),
            "neither `deny contains` nor `warn contains`: it would never find anything; write one of them",
        )


def heads(tree: Mapping[str, Any]) -> tuple[str, ...]:
    """Which of deny, not_applicable, warn a module defines."""
    names = {head_name(rule) for rule in tree.get("rules", [])}
    return tuple(head for head in HEADS if head in names)


def read_references(
    name: str | None, tree: Mapping[str, Any], node: Any
) -> tuple[Reads, list[tuple[int, str]]]:
    """What a node of a module reads, and the references in it that are refused.

    Args:
        name: the rule; None inside the shipped lib, which has no settings.
        tree: the module, for its imports.
        node: the part to look at.
    """
    collector = _Collector(name, dict(_aliases(tree)))
    collector.visit(node, 1)
    reads = Reads(
        kinds=frozenset(collector.kinds),
        settings=collector.settings,
        fields=collector.fields,
        functions=collector.functions,
    )
    return reads, collector.problems


class _Collector:
    def __init__(self, name: str | None, aliases: Mapping[str, Path]) -> None:
        self._name, self._aliases = name, aliases
        self.kinds, self.settings, self.functions = set[str](), dict[str, int](), dict[str, int]()
        self.fields: dict[tuple[str, str], int] = {}
        self.problems: list[tuple[int, str]] = []

    def visit(self, node: Any, row: int) -> None:
        if isinstance(node, list):
            for item in node:
                self.visit(item, row)
        elif isinstance(node, dict):
            self._visit_node(node, row_of(node, row))

    def _visit_node(self, node: dict[str, Any], row: int) -> None:
        if "with" in node:
            self.problems.append((row, "`with` in a rule would replace the evidence it judges; leave it out"))
        kind, value = node.get("type"), node.get("value")
        self._call(value if kind == "call" else node.get("terms"), row)
        if kind == "var" and isinstance(value, str):
            self._reference((value,), row)
        elif kind == "ref" and isinstance(value, list):
            head, *rest = value
            if head.get("type") == "var":
                self._reference((head["value"], *map(_literal, rest)), row)
            else:
                self.visit(head, row)
            self.visit([part for part in rest if part.get("type") != "string"], row)
        else:
            for key, item in node.items():
                if key not in ("location", "annotations"):
                    self.visit(item, row)

    def _call(self, terms: Any, row: int) -> None:
        """OPA would say of such a builtin that it is undefined, and not before it decides."""
        if isinstance(terms, list) and terms and isinstance(terms[0].get("value"), list):
            name = operator_of(terms[0])
            head = str(terms[0]["value"][0]["value"])
            if name in REMOVED:
                self.problems.append((row, told(name)))
            elif self._name and not self._is_defined(head, name):
                meant = nearest(name, builtins.names())
                self.problems.append((row, f"undefined function {name}{meant}; call what there is"))

    def _is_defined(self, head: str, name: str) -> bool:
        """Whether there may be a function of that name: the names of helpers start with _."""
        return head.startswith("_") or head in ("data", *self._aliases) or name in builtins.names()

    def _reference(self, path: Path, row: int) -> None:
        full = (*self._aliases.get(str(path[0]), path[:1]), *path[1:])
        try:
            if full[0] == "input":
                self._input(full)
            elif full[0] == "data":
                self._data(full, row)
        except _RefusedError as error:
            self.problems.append((row, str(error)))

    def _input(self, path: Path) -> None:
        kind = path[1] if len(path) > 1 else None
        if kind is None:
            raise _RefusedError("`input` as a whole; name the kind of evidence, as in input.tests")
        if kind == "extra":
            if len(path) < 3 or path[2] is None:
                raise _RefusedError("`input.extra` as a whole; name it, as in input.extra.NAME")
            kind = f"extra.{path[2]}"
        elif kind not in KINDS | _ALWAYS:
            raise _RefusedError(
                f"input.{kind} is not in the evidence; it has {', '.join(sorted(KINDS | _ALWAYS))}"
                f"{nearest(kind, KINDS)}"
            )
        if kind not in _ALWAYS:
            self.kinds.add(kind)

    def _data(self, path: Path, row: int) -> None:
        match path[1:]:
            case ("settings", str(rule), str(key), *more) if rule == self._name:
                self.settings.setdefault(key, row)
                if more and isinstance(more[0], str):
                    self.fields.setdefault((key, more[0]), row)
            case ("pushpolicy", "lib", str(topic), str(function), *_):
                self.functions.setdefault(f"{topic}.{function}", row)
            case ("pushpolicy", "rules", str(rule), str(_), *_) if rule == self._name:
                pass
            case _:
                shown = ".".join(part or "[...]" for part in path)
                raise _RefusedError(
                    f"{shown}; a rule reads only its own settings (data.settings.{self._name}.KEY) and lib"
                )


def _head_problem(rule: Mapping[str, Any]) -> str | None:
    head, name = rule["head"], head_name(rule)
    if name.startswith("_"):
        dotted = "name" not in head
        return (
            f"`{name}` has a name with dots, which is not followed: name it with one word" if dotted else None
        )
    if name not in HEADS:
        return f"`{name}` is not deny, warn or not_applicable; the name of a helper starts with _"
    partial_set = len(head.get("ref", [])) == 1 and "key" in head and "value" not in head
    if not partial_set or "args" in head or rule.get("default") or "else" in rule:
        return f"`{name}` never finds anything in this form; it must be written `{name} contains ... if ...`"
    return None if name == "not_applicable" else _finding_problem(name, head["key"])


def _finding_problem(name: str, found: Mapping[str, Any]) -> str | None:
    """Why a member of deny or warn is no finding, as far as it is not computed."""
    form = f'write `{name} contains {{"at": {{"id": ...}}, "msg": ...}} if ...`'
    if found.get("type") != "object":
        written = found.get("type") in _NO_OBJECTS
        return (
            f"a member of {name} is an object with `at` (an object) and `msg` (a text); {form}"
            if written
            else None
        )
    fields = {_literal(key): value for key, value in found["value"]}
    if None not in fields and (absent := [key for key in ("at", "msg") if key not in fields]):
        there = ", ".join(map(str, fields)) or "nothing"
        return f"a member of {name} lacks `{absent[0]}`, it has {there}; {form}"
    at = fields.get("at", {}).get("type")
    return f"`at` in a member of {name} is an object; {form}" if at in _NO_OBJECTS else None


def head_name(rule: Mapping[str, Any]) -> str:
    """What a rule defines; of a name with dots the first part."""
    head = rule["head"]
    return str(head.get("name") or head["ref"][0]["value"])


def _literal(part: Mapping[str, Any]) -> str | None:
    return part["value"] if part.get("type") == "string" else None


def _import_path(item: Mapping[str, Any]) -> Path:
    head, *rest = item["path"]["value"] if item["path"]["type"] == "ref" else [item["path"]]
    return (str(head["value"]), *map(_literal, rest))


def _aliases(tree: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    for item in tree.get("imports", []):
        path = _import_path(item)
        if path[0] in ("input", "data"):
            yield item.get("alias") or str(path[-1]), path


def row_of(node: Mapping[str, Any], fallback: int = 1) -> int:
    """The line that a node of a syntax tree begins on."""
    location = node.get("location")
    return int(location["row"]) if isinstance(location, dict) else fallback


def lib_functions(tree: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """The rules of a lib module by name, as topic.name, with their syntax trees."""
    topic = package_of(tree)[len(_LIB)]
    result: dict[str, list[Any]] = {}
    for rule in tree.get("rules", []):
        result.setdefault(f"{topic}.{head_name(rule)}", []).append(rule)
    return {name: tuple(rules) for name, rules in result.items()}

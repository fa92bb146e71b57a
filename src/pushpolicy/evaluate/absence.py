"""What the absence of evidence means, as its schema says, and what a rule's reads therefore require.

`x-absent` stands beside each field that may be absent: ``no`` (its absence is a stated fact), ``{by: PATH}``
(it is one where PATH is there), ``written`` (gather always writes it), ``unknown``. `x-empty: unknown` stands
beside each array whose emptiness says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from pushpolicy.evaluate.json_schema import MismatchError, compile_schema
from pushpolicy.evaluate.sources import policies
from pushpolicy.model.index import Leaf
from pushpolicy.model.text import nearest

# The steps of a path below `input`: a field by its name; an item of an array; of a map with any keys what is
# under one key (marked, since it may be called like anything), under a computed key, or under each in turn.
Steps = tuple[str, ...]
ITEM, COMPUTED, EACH = "[]", "[KEY]", "[*]"
_KEY = '"'
_MANY = frozenset({ITEM, COMPUTED, EACH})
# So many collections on the way are gone through for a leaf.
_MOST_MANY = 2
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# How the patterns of times begin.
_DATE = r"^\d{4}-\d\d-\d\dT"
_LEAST = {"<": lambda text, least: text <= least, "<=": lambda text, least: text < least}
_MOST = {">": lambda text, most: text >= most, ">=": lambda text, most: text > most}

# What becomes of the denial when what is read is absent: it vanishes, it fires, one cannot tell, or only its
# words change.
VANISHES, FIRES, EITHER, WORDS = 1, -1, 0, 2


class RefusedError(ValueError):
    """A rule does with evidence what cannot be followed, or what can never hold."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a rule reads evidence.

    Attributes:
        absent: what becomes of the denial when it is absent: VANISHES, FIRES, EITHER, WORDS.
        decided: how many steps come before those whose absence the rule decides, by `object.get` with a
            default; None where it decides nothing.
        filled: whether what counts is that the array is not empty.
        type: as which type it is used, where the schema does not know any (`Leaf.type`): of another one, what
            the rule looks for is not found.
        row: the line of the file.
    """

    steps: Steps
    absent: int
    row: int
    decided: int | None = None
    filled: bool = False
    type: str = ""


class Requirements(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from reads: leaves of the index, errors (line, text), optional paths that are needed."""

    leaves: tuple[Leaf, ...]
    problems: tuple[tuple[int, str], ...]
    needed: frozenset[str]


def shown(steps: Steps) -> str:
    """As a person writes it: ``image.platforms[].labels["org.example.x"]``."""
    text = ""
    for step in steps:
        key = step.removeprefix(_KEY)
        if step in _MANY:
            text += step
        elif key is not step and not _WORD.fullmatch(key):
            text += f"[{json.dumps(key)}]"
        else:
            text += f".{key}"
    return text.removeprefix(".")


class Evidence:
    """The evidence schema, walked by steps."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._nodes: dict[Steps, Mapping[str, Any]] = {(): schema}

    def node(self, steps: Steps) -> Mapping[str, Any]:
        """The schema there; nothing is known below an `extra`."""
        if steps not in self._nodes:
            self._nodes[steps] = self._child(self.node(steps[:-1]), steps[-1])
        return self._nodes[steps]

    @staticmethod
    def _child(node: Mapping[str, Any], step: str) -> Mapping[str, Any]:
        if "properties" in node:
            child = node["properties"][step]
        else:
            child = node.get("items") if step == ITEM else node.get("additionalProperties")
        return child if isinstance(child, dict) else {}

    def below(self, steps: Steps, step: str | float | bool | None) -> Steps:
        """One step further: by a known key, by one that is computed (COMPUTED), or each in turn (EACH).

        Raises:
            RefusedError: when there is nothing of that name, or an object with fixed fields is gone through.
        """
        node = self.node(steps)
        if not steps and step in (COMPUTED, EACH):
            raise RefusedError("`input` as a whole; name the kind of evidence, as in input.tests")
        if "properties" in node:
            return (*steps, self._field(steps, node["properties"], step))
        if node.get("type") == "array":
            if isinstance(step, str) and step not in _MANY:
                raise RefusedError(f"{shown(steps)} is a list: it has no field {step!r}")
            if not isinstance(step, str) and step != 0:
                raise RefusedError(f"{shown(steps)} need not have an item {step}: go through all of them")
            return (*steps, ITEM)
        if node.get("type") not in ("object", None):
            raise RefusedError(f"{shown(steps)} is a {node['type']}: nothing is below it")
        if steps == ("extra",) and step in (COMPUTED, EACH):
            raise RefusedError("`input.extra` as a whole; name it, as in input.extra.NAME")
        return (*steps, step if step in (COMPUTED, EACH) else f"{_KEY}{step}")

    @staticmethod
    def _field(steps: Steps, properties: Mapping[str, Any], step: object) -> str:
        if isinstance(step, str) and step in properties:
            return step
        if not steps:
            raise RefusedError(f"input.{step} is not in the evidence")
        if step in (COMPUTED, EACH):
            raise RefusedError(
                f"{shown(steps)} has fixed fields: name the one that is meant, not all or a computed one"
            )
        meant = nearest(str(step), properties)
        raise RefusedError(f"{shown(steps)} has no field {step!r}{meant}; it has {', '.join(properties)}")

    def is_fixed(self, steps: Steps) -> bool:
        """Whether an object with fixed fields is there, or a list of such objects."""
        node = self.node(steps)
        return "properties" in node or "properties" in node.get("items", {})

    def is_array(self, steps: Steps) -> bool:
        """Whether a list is there."""
        return self.node(steps).get("type") == "array"

    def is_untyped(self, steps: Steps) -> bool:
        """Whether the schema does not say what is there: in an `extra`, and below."""
        return steps[:1] == ("extra",) and len(steps) > 1

    def absences(self, steps: Steps) -> Iterator[tuple[Steps, Any]]:
        """Each beginning of a path, below its kind, that may be absent, with its `x-absent`."""
        for length in range(_kind_length(steps) + 1, len(steps) + 1):
            *parent, step = steps[:length]
            node = self.node(tuple(parent))
            if "properties" in node:
                required = {*node.get("required", ()), *node.get("then", {}).get("required", ())}
                if step not in required:
                    yield steps[:length], node["properties"][step].get("x-absent", "unknown")
            elif step not in (ITEM, EACH):
                yield steps[:length], self.node(steps[:length]).get("x-absent", "unknown")

    def mismatch(self, steps: Steps, literal: object) -> str | None:
        """Why no value that may be there equals this one. `!= ""` is a way to ask whether there is any."""
        node = {key: value for key, value in self.node(steps).items() if key != "minLength"}
        return misfit(json.dumps(node), literal)

    def disorder(self, steps: Steps, operator: str, literal: object) -> str | None:
        """Why this order of what is there and a literal (None: not known) cannot be meant."""
        node = self.node(steps)
        if "enum" in node:
            return f"{shown(steps)} is one of a few texts, which have no order; list those that are meant"
        if str(node.get("pattern", "")).startswith(_DATE):
            return (
                f"{shown(steps)} is a time, and as a text it has another order than in time; "
                "compare time.parse_rfc3339_ns(...) of both"
            )
        if literal is None or "type" not in node:
            return None
        if isinstance(literal, str) is not (node["type"] == "string") or isinstance(literal, bool):
            kind, other = node["type"], json.dumps(literal)
            return f"{shown(steps)}, a {kind}, is compared by order with {other}; compare its like"
        for tests, bound in ((_LEAST, node.get("minimum")), (_MOST, node.get("maximum"))):
            if bound is not None and operator in tests and tests[operator](literal, bound):
                return f"{shown(steps)} {operator} {json.dumps(literal)} never holds; correct the bound"
        return None

    def requirements(
        self, reads: Iterable[Read], covered: frozenset[tuple[Steps, bool]], optional: frozenset[str]
    ) -> Requirements:
        """What must be there for a rule to be able to deny (design section 6).

        Args:
            reads: all of its deny.
            covered: what it denies the absence (or emptiness) of by a denial of its own.
            optional: the paths whose absence it says it decides itself.
        """
        leaves, problems, needed = dict[str, Leaf](), dict[tuple[int, str], None](), set[str]()
        several = _of_several_types(reads)
        for read in reads:
            for steps, meaning, decided in self._asked(read):
                path = shown(steps)
                if read.type and (lifting := optional & {shown(steps[:end]) for end in range(2, len(steps))}):
                    needed |= lifting  # of what is there whatever it is, nor is anything below asked for
                    continue
                if (steps, read.filled) in covered and not decided and not read.type:
                    continue
                if path in optional:
                    needed.add(path)
                elif decided and meaning != "written":
                    problems[read.row, _DECIDED.format(path)] = None
                elif not _MANY.isdisjoint(steps) and meaning != "written":
                    problems[read.row, _IN_MANY.format(path, _last(steps))] = None
                else:
                    before = leaves.get(path)
                    filled = read.filled or (before is not None and before.filled)
                    kind = read.type if steps == read.steps and steps not in several else ""
                    leaves[path] = _leaf(steps, filled, kind or (before.type if before else ""))
        return Requirements(
            leaves=tuple(sorted(leaves.values())), problems=tuple(problems), needed=frozenset(needed)
        )

    def _asked(self, read: Read) -> Iterator[tuple[Steps, Any, bool]]:
        """What a read rests on, with what its absence means and whether the rule decides that itself."""
        if read.absent == WORDS:
            return
        if read.type:
            many = sum(step in _MANY for step in read.steps)
            if read.absent != FIRES and COMPUTED not in read.steps and many <= _MOST_MANY:
                yield read.steps, "written", False  # of what is gone through, each item
            return
        if read.filled:
            if read.absent != FIRES and self.node(read.steps).get("x-empty") == "unknown":
                yield read.steps, "unknown", False
            return
        for steps, meaning in self.absences(read.steps):
            decided = read.decided is not None and len(steps) > read.decided
            if meaning == "no" or (read.absent == FIRES and not decided):
                continue
            if isinstance(meaning, dict):
                stated = tuple(meaning["by"].split("."))
                yield from ((steps, meaning, False) for steps, meaning in self.absences(stated))
            else:
                yield steps, meaning, decided


def _of_several_types(reads: Iterable[Read]) -> set[Steps]:
    """What a rule uses as one type here and as another there: it knows that it may be either."""
    types: dict[Steps, set[str]] = {}
    for read in reads:
        if read.type and read.absent != WORDS:
            types.setdefault(read.steps, set()).add(read.type)
    return {steps for steps, kinds in types.items() if len(kinds) > 1}


_IN_MANY = (
    "{0} may be absent, and nothing would be denied then; write `not ...`, which denies without it, or "
    "object.get(..., {1}, DEFAULT) and list it in METADATA as custom.optional"
)
_DECIDED = (
    "the rule decides what the absence of {0} means; list it in METADATA as custom.optional, or write "
    "`not ...`, which denies without it"
)


@cache
def evidence_schema() -> Evidence:
    """The schema that ships."""
    return Evidence(json.loads((policies() / "schema" / "evidence.v1.json").read_bytes()))


def misfit(schema: str, value: object) -> str | None:
    """Why a value does not fit a schema, which is given as JSON."""
    try:
        _check(schema)(value)
    except MismatchError as error:
        return str(error.args[0])
    return None


@cache
def _check(schema: str) -> Any:
    return compile_schema(json.loads(schema))


def _kind_length(steps: Steps) -> int:
    return 2 if steps[:1] == ("extra",) else 1


def _last(steps: Steps) -> str:
    return "KEY" if steps[-1] == COMPUTED else json.dumps(steps[-1].removeprefix(_KEY))


def _leaf(steps: Steps, filled: bool, type_: str) -> Leaf:
    parts: list[list[str]] = [[]]
    for step in steps:
        if step in (ITEM, EACH):
            parts.append([])
        else:
            parts[-1].append(step.removeprefix(_KEY))
    kind = ".".join(step.removeprefix(_KEY) for step in steps[: _kind_length(steps)])
    return Leaf(path=shown(steps), kind=kind, steps=tuple(map(tuple, parts)), filled=filled, type=type_)

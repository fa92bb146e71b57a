"""Following evidence through a rule, by OPA's syntax tree: what it reads, and what its denial is without it.

Each clause of deny is visited from `deny` inwards. Variables stand for sets of values (evaluate/values.py);
helpers and functions are visited where they are used, comprehensions and `contains` rules where their items
are, each with the direction of that use (absence.VANISHES and so on): `not` turns it, and so does whatever is
true when there are few. docs/rules.md says the law in the words of whoever writes rules.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from pushpolicy.evaluate.absence import (
    COMPUTED,
    EACH,
    EITHER,
    FIRES,
    ITEM,
    VANISHES,
    WORDS,
    Evidence,
    Read,
    RefusedError,
    Steps,
    evidence_schema,
    shown,
)
from pushpolicy.evaluate.values import (
    NOTHING,
    TRUE,
    UNKNOWN,
    At,
    Count,
    Decided,
    Fields,
    Items,
    KeyOf,
    Literal,
    Rows,
    Values,
    Words,
    literal,
    scalars,
    turned,
)

Node = Mapping[str, Any]

_SCALARS = ("string", "number", "boolean", "null")
_ORDERS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_COMPARES: dict[str, Callable[[Any, Any], bool]] = {
    "equal": operator.eq,
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
_SWAPPED = {"lt": "gt", "lte": "gte", "gt": "lt", "gte": "lte"}
# What goes through unchanged, as far as its items and fields are asked for later.
_HANDED_ON = frozenset(
    {"array.concat", "array.reverse", "array.slice", "object.remove", "object.union", "sort", "or", "and"}
    | {"intersection", "union", "object.union_n"}
)
_MAKES_TEXT = frozenset(
    {
        "concat",
        "format_int",
        "lower",
        "upper",
        "replace",
        "split",
        "sprintf",
        "substring",
        "trim",
        "trim_left",
    }
    | {"trim_prefix", "trim_right", "trim_space", "trim_suffix"}
)
_LOOKS_INSIDE = ("json.", "object.filter", "object.keys", "object.subset", "walk", "graph.", "yaml.")
_EMPTY_ITEMS, _EMPTY_OBJECT = frozenset({Items(())}), frozenset({Fields(())})
_MOST_VISITS = 100_000


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule's deny reads, what (steps, filled) it covers by a denial of its own, and errors by line."""

    reads: tuple[Read, ...]
    covered: frozenset[tuple[Steps, bool]]
    problems: tuple[tuple[int, str], ...]


class _Found:
    """What a visit finds, once each. `strict`: reads without which the condition of a `not` fails."""

    def __init__(self) -> None:
        self.reads: dict[Read, None] = {}
        self.strict: dict[Read, None] = {}
        self.problems: dict[tuple[int, str], None] = {}

    def add(self, other: _Found) -> None:
        self.reads |= other.reads
        self.strict |= other.strict
        self.problems |= other.problems


class _Scope:
    """What variables stand for in a body.

    Attributes:
        missed: whether one was used before it stood for anything.
        declared: those of `some`, which hide helpers of their names.
    """

    def __init__(self, values: Iterable[tuple[str, Values]] = ()) -> None:
        self.values = dict(values)
        self.missed = False
        self.declared: frozenset[str] = frozenset()
        self._bound_by: dict[str, int] = {}
        self.constants: dict[str, Values] = {}

    def inner(self) -> _Scope:
        scope = _Scope(self.values.items())
        scope._bound_by, scope.declared = dict(self._bound_by), self.declared
        return scope

    def is_free(self, name: str, node: Node) -> bool:
        """Whether this node is where the variable begins to stand for something; also in a later round."""
        return name not in self.values or self._bound_by.get(name) == id(node)

    def bind(self, name: str, values: Values, node: Node) -> None:
        self.values[name], self._bound_by[name] = values, id(node)


class _TooLargeError(Exception):
    pass


def follow(name: str, tree: Node) -> Followed:
    """Follow the evidence through a module.

    Args:
        name: of the rule.
        tree: its syntax tree with locations, of the shape that syntax.shape_problems asks for.
    """
    visitor = _Visitor(name, tree, evidence_schema())
    try:
        for rule in tree.get("rules", []):
            if visitor.name_of(rule) in ("deny", "warn", "not_applicable"):
                visitor.finding(rule)
    except (RecursionError, _TooLargeError):
        visitor.found.problems[1, "the rule is too large, or goes in circles, to be followed"] = None
    except (LookupError, TypeError, ValueError):
        # What does not compile may have any form, and OPA compiles only what was followed.
        visitor.problem(
            "this cannot be followed: a function without its arguments, or a name that is two kinds of helper"
        )
    return Followed(
        reads=tuple(visitor.found.reads),
        covered=frozenset(visitor.covered),
        problems=tuple(visitor.found.problems),
    )


class _Visitor:
    def __init__(self, name: str, tree: Node, evidence: Evidence) -> None:
        self._own = ("data", "pushpolicy", "rules", name)
        self._evidence = evidence
        self._rules: dict[str, list[Node]] = {}
        for rule in tree.get("rules", []):
            self._rules.setdefault(self.name_of(rule), []).append(rule)
        self._imports = {
            item.get("alias") or path[-1]: path
            for item in tree.get("imports", [])
            if (path := _path(item["path"])) and path[0] in ("input", "data")
        }
        self._nodes: dict[int, Node] = {}
        self._memo: dict[Any, tuple[Any, _Found]] = {}
        self._visits = 0
        self._row = 1
        # Whether a clause of deny itself is visited, no helper; and there the condition of a `not` itself.
        self._outermost, self._strict = False, False
        # What the clause goes through by `some`.
        self._gone_through: Values = NOTHING
        # Whether all variables are those of the clause itself: what is false is false for every caller.
        self._closed = True
        self.found = _Found()
        self.covered: set[tuple[Steps, bool]] = set()

    @staticmethod
    def name_of(rule: Node) -> str:
        return str(rule["head"]["ref"][0]["value"])

    def finding(self, rule: Node) -> None:
        """A clause of deny; of warn and not_applicable too, whose reads require nothing."""
        head = self.name_of(rule)
        denies = head == "deny"
        outer, self.found = self.found, _Found()
        self._row = row = _row(rule, 1)
        scope, mode = _Scope(), VANISHES if denies else WORDS
        self._outermost, self._gone_through = True, NOTHING
        self._body(rule["body"], scope, mode)
        self._outermost = False
        if not self.found.reads and head != "not_applicable":
            self.problem(f"the body of this {head} reads no evidence: it finds always the same", row)
        body, self.found = self.found, _Found()
        self._term(rule["head"]["key"], scope, mode)
        if denies and self._stands_alone(rule["body"]) and self._can_be_said(rule["head"]["key"]):
            # Where the head cannot be said, nothing is denied.
            covered = self._places(body.strict) - self._places(self.found.reads)
            self.covered |= {each for each in covered if self._is_within(each[0])}
        outer.add(body)
        outer.add(self.found)
        self.found = outer

    def _can_be_said(self, node: Node) -> bool:
        """Whether a term of the head is there, if all evidence is that it reads: no helper decides it."""
        kind, value = node["type"], node.get("value", ())
        if kind == "object":
            return all(self._can_be_said(each) for pair in value for each in pair)
        if kind in ("array", "set"):
            return all(map(self._can_be_said, value))
        if kind == "call":
            name, *arguments = value
            return _operator(name) in _MAKES_TEXT | _HANDED_ON and all(map(self._can_be_said, arguments))
        if kind == "ref":
            return value[0]["type"] == "var" and value[0]["value"] != "data" and self._can_be_said(value[0])
        return kind != "var" or value not in self._rules

    def _places(self, reads: Iterable[Read]) -> set[tuple[Steps, bool]]:
        """What may be absent (or empty) of what is read, apart from words."""
        places: set[tuple[Steps, bool]] = set()
        for read in reads:
            if read.filled:
                places.add((read.steps, True))
            elif read.absent != WORDS:
                places |= {(steps, False) for steps, _ in self._evidence.absences(read.steps)}
        return places

    def _is_within(self, steps: Steps) -> bool:
        """Whether it is part of each item that the clause goes through: without items it denies nothing."""
        return all(
            isinstance(value, At) and steps[: len(value.steps)] == value.steps != steps
            for value in self._gone_through
        )

    @staticmethod
    def _stands_alone(body: Sequence[Node]) -> bool:
        """Nothing but `some`, a status, words, and one `not`: this denies without what that rests on."""
        negations = [each for each in body if _is_not(each)]
        others = [each for each in body if not _is_not(each)]
        return len(negations) == 1 and all(
            _is_some(each) or _is_status(each) or _is_words(each) for each in others
        )

    def _clause(self, rule: Node, arguments: tuple[Values, ...], mode: int) -> Values:
        """What a clause of a helper gives, through its else."""
        scope, closed, row = _Scope(), self._closed, self._row
        self._closed = not arguments
        head = rule["head"]
        result = NOTHING
        patterns = zip(head.get("args", ()), arguments, strict=False)
        if all(self._argument(pattern, values, scope, mode) for pattern, values in patterns):
            self._body(rule.get("body", ()), scope, mode)
            result = self._term(head["value"], scope, mode) if "value" in head else TRUE
        if "else" in rule:
            result |= self._clause(rule["else"], arguments, mode)
        self._closed, self._row = closed, row
        return result

    def _argument(self, pattern: Node, values: Values, scope: _Scope, mode: int) -> bool:
        """Bind an argument; whether the clause is one for it."""
        if pattern["type"] in _SCALARS:
            known = scalars(values)
            self._possible(values, Literal(json.dumps(pattern.get("value"))))
            return known is None or pattern.get("value") in known
        # An argument hides a helper of its name.
        scope.declared |= {pattern["value"]} if pattern["type"] == "var" else frozenset()
        self._bind(pattern, values, scope, mode, pattern)
        return True

    def _helper(self, name: str, arguments: tuple[Values, ...] | None, mode: int, bare: bool) -> Values:
        """What a helper or a function stands for. `bare`: it is asked only whether it holds."""
        rules = self._rules[name]
        if arguments is None and _has_rows(rules[0]):
            return frozenset({Rows(name)})
        values = frozenset(
            json.dumps(rule["head"]["value"].get("value")) for rule in rules if rule.get("default")
        )
        # Which clause counts, one cannot tell; where truth is asked, `default false` is as good as undefined.
        if any("else" in rule for rule in rules) or values - {"false"} or (values and not bare):
            mode = _untold(mode)
        key = (name, arguments, mode)
        result: Values = self._once(
            key, lambda: self._union(self._clause(rule, arguments or (), mode) for rule in rules)
        )
        return result

    def _rows(self, rows: Rows, mode: int) -> tuple[Values, Values]:
        """Keys and items of a comprehension or of a rule with `contains` or keys."""
        if rows.turned:
            mode = _turn(mode)
        result: tuple[Values, Values] = self._once((rows, mode), lambda: self._visit_rows(rows, mode))
        return result

    def _visit_rows(self, rows: Rows, mode: int) -> tuple[Values, Values]:
        if isinstance(rows.source, int):
            node = self._nodes[rows.source]
            parts = [(node["body"], node.get("key"), node.get("term", node.get("value")))]
        else:
            heads = [(rule["body"], rule["head"]) for rule in self._rules[rows.source]]
            parts = [(body, head["key"], head.get("value", head["key"])) for body, head in heads]
        keys, items, row = NOTHING, NOTHING, self._row
        for body, key, item in parts:
            scope = _Scope(rows.scope)
            self._body(body, scope, mode)
            keys |= self._term(key, scope, mode) if key else UNKNOWN
            items |= self._term(item, scope, mode)
        self._row = row
        return keys, items

    def _once(self, key: Any, visit: Callable[[], Any]) -> Any:
        """A visit whose result and findings are remembered; what it finds is never strict."""
        if key not in self._memo:
            outer, within = self.found, (self._outermost, self._strict)
            # A rule that goes in circles does not compile; until OPA says so it stands for nothing known.
            self._memo[key] = ((UNKNOWN, UNKNOWN) if isinstance(key[0], Rows) else UNKNOWN, _Found())
            self.found, self._outermost, self._strict = _Found(), False, False
            self._memo[key] = (visit(), self.found)
            self.found, (self._outermost, self._strict) = outer, within
        result, found = self._memo[key]
        self.found.add(found)
        return result

    def _body(self, body: Sequence[Node], scope: _Scope, mode: int) -> bool | None:
        """Visit until no variable changes any more, since Rego has no order; whether it is constant."""
        outer = self.found
        truths: list[bool | None] = []
        for _ in range(4):
            self.found, before = _Found(), dict(scope.values)
            scope.missed, scope.constants = False, {}
            truths = [self._expression(each, scope, mode) for each in body]
            if not scope.missed or scope.values == before:
                break
        outer.add(self.found)
        self.found = outer
        return False if False in truths else True if all(truth is True for truth in truths) else None

    def _expression(self, node: Node, scope: _Scope, mode: int) -> bool | None:
        self._row = row = _row(node, self._row)
        terms = node["terms"]
        if isinstance(terms, list):
            truth = self._statement(terms, node, scope, mode)
        elif "symbols" in terms:
            for symbol in terms["symbols"]:
                if symbol["type"] == "var":
                    scope.declared |= {symbol["value"]}
            truths = [
                self._some(symbol["value"][1:], scope, mode)
                for symbol in terms["symbols"]
                if symbol["type"] == "call"
            ]
            truth = False if False in truths else None
        elif "domain" in terms:
            truth = self._every(terms, scope, mode)
        elif terms.get("type") == "not":
            truth = self._not(terms["body"], scope, mode)
        else:
            truth = self._holds(terms, self._term(terms, scope, mode, bare=True), mode)
        if truth is False and self._closed and not node.get("generated"):
            self.problem("this never holds, so nothing is found here", row)
        return truth

    def _not(self, body: Sequence[Node], scope: _Scope, mode: int) -> bool | None:
        inner, within = scope.inner(), (self._outermost, self._strict, self._closed)
        self._outermost, self._strict, self._closed = False, self._outermost and mode == VANISHES, False
        truth = self._body(body, inner, _turn(mode))
        self._outermost, self._strict, self._closed = within
        scope.missed |= inner.missed
        return None if truth is None else not truth

    def _every(self, terms: Node, scope: _Scope, mode: int) -> bool | None:
        values = self._term(terms["domain"], scope, mode)
        keys, items = self._iterate(values, _turn(mode))
        inner, within = scope.inner(), (self._outermost, self._strict)
        self._outermost, self._strict = False, False
        if terms.get("key"):
            self._bind(terms["key"], keys, inner, mode, terms, new=True)
        self._bind(terms["value"], items, inner, mode, terms, new=True)
        self._body(terms["body"], inner, mode)
        self._outermost, self._strict = within
        scope.missed |= inner.missed
        return None

    def _some(self, arguments: Sequence[Node], scope: _Scope, mode: int) -> bool | None:
        *key, item, collection = arguments
        found = self._term(collection, scope, mode)
        if self._outermost:
            self._gone_through |= found
        keys, items = self._iterate(found, mode)
        for pattern, values in ((item, items), *((each, keys) for each in key)):
            self._bind(pattern, values, scope, mode, collection, new=True)
        return False if found in (_EMPTY_ITEMS, _EMPTY_OBJECT) or scalars(found) else None

    def _statement(self, terms: Sequence[Node], node: Node, scope: _Scope, mode: int) -> bool | None:
        name, arguments = _operator(terms[0]), terms[1:]
        if name in ("assign", "eq"):
            left, right = arguments
            if name == "assign" or self._is_free(left, scope, node):
                self._bind(left, self._term(right, scope, mode), scope, mode, node, new=name == "assign")
                return None
            if self._is_free(right, scope, node):
                self._bind(right, self._term(left, scope, mode), scope, mode, node)
                return None
        if name in _COMPARES:
            return self._compare(name, arguments[0], arguments[1], scope, mode, told=True)
        if name.startswith("internal.member_"):
            return self._member(arguments, scope, mode, told=True)
        if len(arguments) > 1 and self._is_free(arguments[-1], scope, node):
            values = self._call(name, terms[0], arguments[:-1], scope, mode)
            self._bind(arguments[-1], values, scope, mode, node)
            return None
        values = self._call(name, terms[0], arguments, scope, mode, bare=True)
        return self._holds(terms[0], values, mode)

    def _holds(self, node: Node, values: Values, mode: int) -> bool | None:
        """A term that stands alone: it holds unless it is false."""
        self._decide(values, mode)
        if set(scalars(values) or ()) == {False}:
            return False
        if node["type"] in _SCALARS or node["type"].endswith("comprehension"):
            return True
        return True if values and all(map(self._is_always, values)) else None

    def _is_always(self, value: Any) -> bool:
        """Whether it is there and not false whatever the evidence says, once its kind is collected."""
        if isinstance(value, Count):
            return bool(value.of) and all(map(self._is_always, value.of))
        if not isinstance(value, At) or not value.steps:
            return False
        kind = self._evidence.node(value.steps).get("type", "boolean")
        return kind != "boolean" and not any(True for _ in self._evidence.absences(value.steps))

    def _is_free(self, pattern: Node, scope: _Scope, node: Node) -> bool:
        if pattern["type"] == "var":
            return self._is_variable(pattern["value"], scope) and scope.is_free(pattern["value"], node)
        if pattern["type"] == "array":
            return any(self._is_free(each, scope, node) for each in pattern["value"])
        return pattern["type"] == "object" and any(
            self._is_free(each, scope, node) for _, each in pattern["value"]
        )

    def _is_variable(self, name: str, scope: _Scope) -> bool:
        if name in scope.values or name in scope.declared:
            return True
        return name not in self._rules and name not in self._imports and name not in ("input", "data")

    def _bind(
        self, pattern: Node, values: Values, scope: _Scope, mode: int, node: Node, new: bool = False
    ) -> None:
        """Let the variables of a pattern stand for what is there; what stands for something is compared."""
        kind, value = pattern["type"], pattern.get("value")
        if kind == "var" and (new or self._is_free(pattern, scope, node)):
            scope.bind(str(value), values, node)
        elif kind == "array":
            for number, part in enumerate(value or ()):
                self._bind(part, self._part(values, number, mode), scope, mode, node, new)
        elif kind == "object":
            for key, part in value or ():
                found = self._select(values, self._term(key, scope, mode), mode)
                self._read(found, mode)
                self._bind(part, found, scope, mode, node, new)
        else:
            other = self._term(pattern, scope, mode)
            self._agree("equal", values, other)
            self._decide(values | other, mode, whole=True)

    def _part(self, values: Values, number: int, mode: int) -> Values:
        """What is at this position of an array."""
        known = [
            each.items[number] for each in values if isinstance(each, Items) and number < len(each.items)
        ]
        rest = frozenset(each for each in values if not isinstance(each, Items))
        return self._union([*known, self._select(rest, literal(number), mode)])

    def _term(self, node: Node, scope: _Scope, mode: int, bare: bool = False) -> Values:
        """What a term may stand for; reading it is noted with what its absence does."""
        self._visits += 1
        if self._visits > _MOST_VISITS:
            raise _TooLargeError
        self._row = _row(node, self._row)
        kind, value = node["type"], node.get("value")
        if kind in _SCALARS:
            return literal(value)
        if kind == "var":
            return self._variable(str(value), scope, mode, bare)
        if kind == "ref":
            return self._reference(node["value"], scope, mode, bare)
        if kind in ("array", "set"):
            return frozenset({Items(tuple(self._term(each, scope, mode) for each in node["value"]))})
        if kind == "object":
            pairs = [(self._term(k, scope, mode), self._term(v, scope, mode)) for k, v in node["value"]]
            return frozenset({Fields(tuple(pairs))})
        if kind.endswith("comprehension"):
            self._nodes[id(value)] = node["value"]
            return frozenset({Rows(id(value), frozenset(scope.values.items()))})
        if kind == "call":
            return self._call(
                _operator(node["value"][0]), node["value"][0], node["value"][1:], scope, mode, bare
            )
        if kind == "templatestring":
            return self._template(node["value"]["parts"], scope)
        return UNKNOWN

    def _variable(self, name: str, scope: _Scope, mode: int, bare: bool = False) -> Values:
        if name in scope.values:
            return scope.values[name]
        if name in self._imports:
            own, _ = self._own_helper([{"type": "var", "value": name}])
            return self._helper(own, None, mode, bare) if own else self._place(self._imports[name])
        if name in ("input", "data"):
            return self._place((name,))
        if name in self._rules and name not in scope.declared:
            return self._helper(name, None, mode, bare)
        scope.missed = True
        return UNKNOWN

    @staticmethod
    def _place(path: tuple[str, ...]) -> Values:
        return frozenset({At(path[1:])}) if path[0] == "input" else UNKNOWN

    def _reference(self, parts: Sequence[Node], scope: _Scope, mode: int, bare: bool) -> Values:
        head, *rest = parts
        own, below = self._own_helper(parts)
        if own:
            values, rest = self._helper(own, None, mode, bare and not below), list(below)
        elif head["type"] == "var":
            values = self._variable(head["value"], scope, mode, bare and not rest)
        else:
            values = self._term(head, scope, mode)
        for part in rest:
            values = self._step(values, part, scope, mode)
        self._read(values, mode)
        return values

    def _own_helper(self, parts: Sequence[Node]) -> tuple[str | None, Sequence[Node]]:
        """The helper that a full name means, data.pushpolicy.rules.RULE.HELPER, and what stands behind it.

        An import may stand for the beginning of the name.
        """
        first, *more = _path({"type": "ref", "value": list(parts)}) or ("",)
        start = self._imports.get(first, (first,))
        path = (*start, *more)
        if path[:4] == self._own and len(path) > 4 and path[4] in self._rules:
            return path[4], parts[max(5 - len(start), 0) + 1 :]
        return None, ()

    def _step(self, values: Values, part: Node, scope: _Scope, mode: int) -> Values:
        """One operand of a reference: a key, or a variable that takes each key in turn."""
        if self._is_free(part, scope, part):
            keys, items = self._iterate(values, mode)
            self._bind(part, keys, scope, mode, part)
            return items
        return self._select(values, self._term(part, scope, mode), mode)

    def _select(self, values: Values, keys: Values, mode: int) -> Values:
        """What is under a key of each."""
        result = NOTHING
        for value in values:
            if isinstance(value, At | Decided):
                self._filled(value.steps, mode)
                result |= self._below(value.steps, keys)
            elif isinstance(value, Rows):
                known, items = self._rows(value, mode)
                self._looked_up(keys, known)
                result |= items
            elif isinstance(value, Fields):
                self._looked_up(keys, self._union(key for key, _ in value.fields))
                result |= _field(value, keys)
            elif isinstance(value, Items):
                self._looked_up(keys, self._union(value.items))
                result |= self._union(value.items)
            else:
                result |= frozenset({value}) if isinstance(value, Words) else UNKNOWN
        return result

    def _looked_up(self, wanted: Values, known: Values) -> None:
        """A text is looked up in a set or an object: an entry that it never is, is an error."""
        places = [each for each in wanted if isinstance(each, At | Decided)]
        if all(self._evidence.node(each.steps).get("type") == "string" for each in places):
            for value in known:
                if isinstance(value, Literal):
                    self._possible(wanted, value)

    def _below(self, steps: Steps, keys: Values) -> Values:
        names = scalars(keys)
        if marks := {ITEM, COMPUTED, EACH}.intersection(map(str, names or ())):
            self.problem(f"a key that is named {min(marks)} cannot be followed")
        if KeyOf(steps) in keys:
            names = [EACH]
        result = NOTHING
        for name in names or [COMPUTED]:
            try:
                result |= {At(self._evidence.below(steps, name))}
            except RefusedError as error:
                self.problem(str(error))
                self._note(steps, WORDS)
                result |= UNKNOWN
        return result

    def _iterate(self, values: Values, mode: int) -> tuple[Values, Values]:
        """Keys and items of a collection that is gone through; that it has some is what counts."""
        keys, items = NOTHING, NOTHING
        for value in values:
            if isinstance(value, At | Decided):
                if isinstance(value, Decided):
                    self._decide(frozenset({value}), mode)
                self._filled(value.steps, mode)
                keys |= {KeyOf(value.steps)}
                items |= self._below(value.steps, frozenset({KeyOf(value.steps)}))
            elif isinstance(value, Rows):
                found = self._rows(value, mode)
                keys, items = keys | found[0], items | found[1]
            elif isinstance(value, Items):
                keys, items = keys | UNKNOWN, items | self._union(value.items)
            elif isinstance(value, Fields):
                keys |= self._union(key for key, _ in value.fields)
                items |= self._union(item for _, item in value.fields)
            else:
                self._decide(frozenset({value}), mode)
                keys, items = keys | UNKNOWN, items | UNKNOWN
        return keys, items

    def _template(self, parts: Sequence[Node], scope: _Scope) -> Values:
        """A text with places in it: what is absent there is printed as `<undefined>`."""
        outer, strict = self.found, self._strict
        self.found, self._strict = _Found(), False
        values = NOTHING
        for part in parts:
            terms = part.get("terms")
            if isinstance(terms, list):
                values |= self._call(_operator(terms[0]), terms[0], terms[1:], scope, WORDS)
            elif terms:
                values |= self._term(terms, scope, WORDS)
        found, self.found, self._strict = self.found, outer, strict
        self.found.add(found)
        return frozenset({Words(frozenset(read.steps for read in found.reads), values)})

    def _call(
        self,
        name: str,
        function: Node,
        arguments: Sequence[Node],
        scope: _Scope,
        mode: int,
        bare: bool = False,
    ) -> Values:
        """What a function gives."""
        if name in _COMPARES and len(arguments) == 2:
            self._compare(name, arguments[0], arguments[1], scope, mode, told=False)
            return UNKNOWN
        if name.startswith("internal.member_"):
            self._member(arguments, scope, mode, told=False)
            return UNKNOWN
        if name == "print":
            mode = WORDS  # it prints what is absent, too
        given = tuple(self._term(each, scope, mode) for each in arguments)
        own = name if name in self._rules else self._own_helper(function["value"])[0]
        if own:
            return self._helper(own, given, mode, bare)
        if name == "object.get" and len(given) == 3:
            return self._get(*given, mode)
        return self._builtin(name, given, mode)

    def _builtin(self, name: str, given: tuple[Values, ...], mode: int) -> Values:
        everything = self._union(given)
        if name == "count":
            return frozenset({Count(everything)})
        if name == "minus":
            return given[0] | turned(given[1])
        if name in _HANDED_ON:
            inner = self._union(
                each for value in everything if isinstance(value, Items) for each in value.items
            )
            return inner if name in ("object.union_n", "union", "intersection") else everything
        if name.startswith(_LOOKS_INSIDE) and self._fixed(everything):
            self.problem(f"{name} looks into a whole object: name the fields that are meant")
        if name in _MAKES_TEXT:
            return frozenset({Words(frozenset(), everything)})
        self._decide(everything, mode)
        if not name.startswith(("is_", "type_name")):
            for value in everything:
                if isinstance(value, At):
                    self._filled(value.steps, _untold(mode))
        return UNKNOWN

    def _fixed(self, values: Values) -> bool:
        """Whether an object of the evidence is among them, or inside of what is among them."""
        for value in values:
            if isinstance(value, At | Decided):
                node = self._evidence.node(value.steps)
                if node.get("type", "object") in ("object", "array"):
                    return True
            if isinstance(value, Items) and self._fixed(self._union(value.items)):
                return True
            if isinstance(value, Fields) and self._fixed(self._union(item for _, item in value.fields)):
                return True
        return False

    def _get(self, base: Values, keys: Values, default: Values, mode: int) -> Values:
        """`object.get`: of its last keys the rule decides itself what absence means."""
        path = next((each.items for each in keys if isinstance(each, Items)), (keys,))
        result = default
        for value in base:
            if isinstance(value, At | Decided):
                length = value.base if isinstance(value, Decided) else len(value.steps)
                places: Values = frozenset({At(value.steps)})
                for key in path:
                    places = self._select(places, key, mode)
                result |= {Decided(each.steps, length) if isinstance(each, At) else each for each in places}
                self._read(places, WORDS)
            elif not isinstance(value, Literal):
                places = frozenset({value})
                for key in path:
                    places = self._select(places, key, mode)
                result |= places
        return result

    def _compare(
        self, name: str, left: Node, right: Node, scope: _Scope, mode: int, told: bool
    ) -> bool | None:
        """A comparison. `told`: it is a condition; as a value one cannot tell what its collections do."""
        for this, other in ((left, right), (right, left)):
            # A helper that must be true is a helper that must hold.
            if other.get("value") is True and name in ("equal", "eq") and told and self._is_helper(this):
                return self._holds(this, self._term(this, scope, mode, bare=True), mode)
        a, b = self._term(left, scope, mode), self._term(right, scope, mode)
        for values, others, operation in ((a, b, name), (b, a, _SWAPPED.get(name, name))):
            size = _size(operation, values, scalars(others), others in (_EMPTY_ITEMS, _EMPTY_OBJECT))
            way = _directed(mode, size) if told else _untold(mode)
            for value in values:
                if isinstance(value, Count):
                    self._sized(value.of, way)
                elif size is not None and isinstance(value, At | Rows):
                    self._sized(frozenset({value}), way)
                else:
                    self._decide(frozenset({value}), mode, whole=True)
        truth = self._agree(name, a, b)
        if told and name in ("equal", "eq") and truth is None:
            truth = self._agree_with_others(left, a, right, b, scope)
        return truth

    def _is_helper(self, node: Node) -> bool:
        if node["type"] == "call":
            return _operator(node["value"][0]) in self._rules
        return node["type"] == "var" and node["value"] in self._rules

    def _member(self, arguments: Sequence[Node], scope: _Scope, mode: int, told: bool) -> bool | None:
        """`x in COLLECTION`, `k, x in COLLECTION`."""
        *key, item, collection = arguments
        value = self._term(item, scope, mode)
        keys, items = self._iterate(self._term(collection, scope, mode), mode if told else _untold(mode))
        self._decide(value | items, mode, whole=True)
        for each in key:
            self._agree("equal", self._term(each, scope, mode), keys)
        truth = self._agree("equal", value, items)
        if told and truth is None and scalars(items):
            truth = self._agree_with_others(item, value, collection, items, scope)
        return truth

    def _sized(self, values: Values, mode: int) -> None:
        """A collection of which only counts how large it is."""
        for value in values:
            if isinstance(value, Rows):
                self._rows(value, mode)
            elif isinstance(value, At | Decided):
                self._filled(value.steps, mode)
            if not isinstance(value, At | Rows):
                self._decide(frozenset({value}), mode)

    def _decide(self, values: Values, mode: int, whole: bool = False) -> None:
        """Something depends on these values: what was only words, or had a default, decides now.

        Args:
            values: what it depends on.
            mode: what becomes of the denial without it.
            whole: whether they are compared as they are, which an object with fixed fields must not be.
        """
        for value in values:
            if isinstance(value, Decided):
                self._note(value.steps, mode, decided=value.base)
            elif isinstance(value, Words):
                for steps in value.reads:
                    self._note(steps, mode, decided=0)
                self._decide(value.parts, mode, whole=True)
            elif isinstance(value, Rows):
                keys, items = self._rows(value, _untold(mode))
                self._decide(keys | items, _untold(mode), whole)
            elif isinstance(value, Count):
                self._sized(value.of, _untold(mode))
            elif isinstance(value, Items):
                self._decide(self._union(value.items), mode, whole)
            elif isinstance(value, Fields):
                self._decide(self._union(item for _, item in value.fields), mode, whole)
            elif isinstance(value, At) and whole and self._evidence.is_fixed(value.steps):
                self.problem(f"{shown(value.steps)} is compared as a whole: name the fields that are meant")

    def _agree(self, name: str, left: Values, right: Values) -> bool | None:
        """Whether a comparison is constant; literals that can never be there are errors."""
        for values, others, operation in ((left, right, name), (right, left, _SWAPPED.get(name, name))):
            for value in values:
                if isinstance(value, Literal) and operation not in _ORDERS:
                    self._possible(others, value)
                elif isinstance(value, Count) and (known := scalars(others)):
                    if not any(_is_size(operation, each) for each in known):
                        self.problem("the size of something is a whole number, 0 or more: this never holds")
                elif isinstance(value, At | Decided) and operation in _ORDERS:
                    for known in scalars(others) or [None]:
                        if why := self._evidence.disorder(value.steps, _ORDERS[operation], known):
                            self.problem(why)
        a, b = scalars(left), scalars(right)
        if a is None or b is None:
            return None
        try:
            truths = {_COMPARES[name](x, y) for x in a for y in b}
        except TypeError:
            return None
        # What a helper gives it gives only where it holds: never is certain, always is not.
        return False if truths == {False} else None

    def _possible(self, values: Values, wanted: Literal) -> None:
        """An error unless one of the values may equal this literal."""
        places = [value for value in values if isinstance(value, At | Decided)]
        if not places or len(places) + len([v for v in values if isinstance(v, Literal)]) < len(values):
            return
        if wanted in values:
            return
        reasons = [(place, self._evidence.mismatch(place.steps, wanted.value)) for place in places]
        if all(reason for _, reason in reasons):
            place, reason = reasons[0]
            self.problem(f"{shown(place.steps)} is never {wanted.text}: it {reason}")

    def _agree_with_others(self, left: Node, a: Values, right: Node, b: Values, scope: _Scope) -> bool | None:
        """False where the same thing must equal two different literals in one body."""
        for node, literals in ((left, b), (right, a)):
            if scalars(literals) and node["type"] in ("ref", "var"):
                text = _text(node)
                scope.constants[text] = scope.constants.get(text, literals) & literals
                if not scope.constants[text]:
                    return False
        return None

    def _read(self, values: Values, mode: int) -> None:
        if mode == FIRES and not all(isinstance(value, At) for value in values):
            mode = EITHER  # something else may take its place
        for value in values:
            if isinstance(value, At) and value.steps:
                self._note(value.steps, mode)

    def _filled(self, steps: Steps, mode: int) -> None:
        if self._evidence.is_array(steps):
            self._note(steps, mode, filled=True)

    def _note(self, steps: Steps, mode: int, decided: int | None = None, filled: bool = False) -> None:
        read = Read(steps=steps, absent=mode, row=self._row, decided=decided, filled=filled)
        self.found.reads[read] = None
        if self._strict and mode == FIRES and decided is None:
            self.found.strict[read] = None

    def problem(self, text: str, row: int | None = None) -> None:
        """Note an error, where the visit is."""
        self.found.problems[row or self._row, text] = None

    @staticmethod
    def _union(values: Iterable[Values]) -> Values:
        return frozenset().union(*values)


def _turn(mode: int) -> int:
    return -mode if mode in (VANISHES, FIRES) else mode


def _untold(mode: int) -> int:
    return mode if mode == WORDS else EITHER


def _directed(mode: int, size: int | None) -> int:
    if size == VANISHES:
        return mode
    return _turn(mode) if size == FIRES else _untold(mode)


def _size(name: str, values: Values, numbers: list[Any] | None, empty: bool) -> int | None:
    """What having fewer does to a comparison of a size: VANISHES, FIRES, EITHER; None without a size."""
    if empty and name in ("equal", "eq", "neq"):
        return VANISHES if name == "neq" else FIRES
    if not any(isinstance(value, Count) for value in values):
        return None
    if name in ("gt", "gte", "lt", "lte"):
        return VANISHES if name in ("gt", "gte") else FIRES
    if numbers == [0]:
        return VANISHES if name == "neq" else FIRES
    return EITHER


def _is_size(name: str, number: Any) -> bool:
    """Whether a size can be this number, or be in this order to it."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return name == "neq"
    return bool(number > 0 or (number == 0 and name != "lt") or name in ("neq", "gt", "gte")) and (
        name in _ORDERS or name == "neq" or number == int(number)
    )


def _field(value: Fields, keys: Values) -> Values:
    """The field of an object that is written out; any, where a key is not known."""
    known = [item for key, item in value.fields if key & keys]
    certain = scalars(keys) is not None and all(scalars(key) for key, _ in value.fields)
    return frozenset().union(*(known if certain else (item for _, item in value.fields)))


def _has_rows(rule: Node) -> bool:
    return "key" in rule["head"]


def _operator(node: Node) -> str:
    return ".".join(str(part["value"]) for part in node["value"])


def _path(node: Node) -> tuple[str, ...]:
    """The constant beginning of a reference."""
    path: list[str] = []
    for part in node["value"] if node["type"] == "ref" else [node]:
        if part["type"] not in ("var", "string") or (path and part["type"] == "var"):
            break
        path.append(str(part["value"]))
    return tuple(path)


def _text(node: Any) -> str:
    """A term without its places in the file, to tell whether two are the same."""
    if isinstance(node, Mapping):
        return f"{node.get('type')}({_text(node.get('value'))})"
    return ",".join(map(_text, node)) if isinstance(node, list) else str(node)


def _row(node: Node, fallback: int) -> int:
    location = node.get("location")
    return int(location["row"]) if isinstance(location, Mapping) else fallback


def _is_not(node: Node) -> bool:
    return isinstance(node["terms"], Mapping) and node["terms"].get("type") == "not"


def _is_some(node: Node) -> bool:
    return isinstance(node["terms"], Mapping) and "symbols" in node["terms"]


def _is_status(node: Node) -> bool:
    terms = node["terms"]
    if not isinstance(terms, list) or _operator(terms[0]) != "equal":
        return False
    path = _path(terms[1])
    return (
        len(path) == 3 and path[0] == "input" and path[2] == "status" and terms[2].get("value") == "collected"
    )


def _is_words(node: Node) -> bool:
    """`msg := $"..."`, or a literal: never undefined."""
    terms = node["terms"]
    return (
        isinstance(terms, list)
        and _operator(terms[0]) == "assign"
        and terms[2]["type"] in ("templatestring", "string")
    )

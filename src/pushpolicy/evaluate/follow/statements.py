"""Statements of a body: conditions, `some`, `not`, `every` and assignments."""

from __future__ import annotations

from collections.abc import Sequence

from pushpolicy.evaluate.absence import VANISHES, Evidence
from pushpolicy.evaluate.follow.compare import COMPARES, SWAPPED
from pushpolicy.evaluate.follow.direction import directed, size_of, turn, untold
from pushpolicy.evaluate.follow.nodes import SCALARS, Node, operator_of, row_of
from pushpolicy.evaluate.follow.notes import Found
from pushpolicy.evaluate.follow.scope import Scope
from pushpolicy.evaluate.follow.terms import Terms
from pushpolicy.evaluate.follow.values import (
    EMPTY_ITEMS,
    EMPTY_OBJECT,
    NOTHING,
    At,
    Count,
    Rows,
    Values,
    scalars,
)


class Statements(Terms):
    """The visit, as far as it knows what a body's statements do."""

    def __init__(self, name: str, tree: Node, evidence: Evidence) -> None:
        super().__init__(name, tree, evidence)
        # Whether a clause of deny itself is visited, no helper.
        self._outermost = False
        # What the clause goes through by `some`.
        self._gone_through: Values = NOTHING
        # Whether all variables are those of the clause itself: what is false is false for every caller.
        self._closed = True

    def _body(self, body: Sequence[Node], scope: Scope, mode: int) -> bool | None:
        """Visit until no variable changes any more, since Rego has no order; whether it is constant."""
        outer = self.found
        truths: list[bool | None] = []
        for _ in range(4):
            self.found, before = Found(), dict(scope.values)
            scope.missed, scope.constants = False, {}
            truths = [self._expression(each, scope, mode) for each in body]
            if not scope.missed or scope.values == before:
                break
        outer.add(self.found)
        self.found = outer
        return False if False in truths else True if all(truth is True for truth in truths) else None

    def _expression(self, node: Node, scope: Scope, mode: int) -> bool | None:
        self._row = row = row_of(node, self._row)
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

    def _not(self, body: Sequence[Node], scope: Scope, mode: int) -> bool | None:
        inner, within = scope.inner(), (self._outermost, self._strict, self._closed)
        self._outermost, self._strict, self._closed = False, self._outermost and mode == VANISHES, False
        truth = self._body(body, inner, turn(mode))
        self._outermost, self._strict, self._closed = within
        scope.missed |= inner.missed
        return None if truth is None else not truth

    def _every(self, terms: Node, scope: Scope, mode: int) -> bool | None:
        values = self._term(terms["domain"], scope, mode)
        keys, items = self._iterate(values, turn(mode))
        inner, within = scope.inner(), (self._outermost, self._strict)
        self._outermost, self._strict = False, False
        if terms.get("key"):
            self._bind(terms["key"], keys, inner, mode, terms, new=True)
        self._bind(terms["value"], items, inner, mode, terms, new=True)
        self._body(terms["body"], inner, mode)
        self._outermost, self._strict = within
        scope.missed |= inner.missed
        return None

    def _some(self, arguments: Sequence[Node], scope: Scope, mode: int) -> bool | None:
        *key, item, collection = arguments
        found = self._term(collection, scope, mode)
        if self._outermost:
            self._gone_through |= found
        keys, items = self._iterate(found, mode)
        for pattern, values in ((item, items), *((each, keys) for each in key)):
            self._bind(pattern, values, scope, mode, collection, new=True)
        return False if found in (EMPTY_ITEMS, EMPTY_OBJECT) or scalars(found) else None

    def _statement(self, terms: Sequence[Node], node: Node, scope: Scope, mode: int) -> bool | None:
        name, arguments = operator_of(terms[0]), terms[1:]
        if name in ("assign", "eq"):
            left, right = arguments
            if name == "assign" or self._is_free(left, scope, node):
                self._bind(left, self._term(right, scope, mode), scope, mode, node, new=name == "assign")
                return None
            if self._is_free(right, scope, node):
                self._bind(right, self._term(left, scope, mode), scope, mode, node)
                return None
        if name in COMPARES:
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
        if node["type"] in SCALARS or node["type"].endswith("comprehension"):
            return True
        return True if values and all(map(self._is_always, values)) else None

    def _compare(
        self, name: str, left: Node, right: Node, scope: Scope, mode: int, told: bool
    ) -> bool | None:
        """A comparison. `told`: it is a condition; as a value one cannot tell what its collections do."""
        for this, other in ((left, right), (right, left)):
            # A helper that must be true is a helper that must hold.
            if other.get("value") is True and name in ("equal", "eq") and told and self._is_helper(this):
                return self._holds(this, self._term(this, scope, mode, bare=True), mode)
        a, b = self._term(left, scope, mode), self._term(right, scope, mode)
        for values, others, operation in ((a, b, name), (b, a, SWAPPED.get(name, name))):
            size = size_of(operation, values, scalars(others), others in (EMPTY_ITEMS, EMPTY_OBJECT))
            way = directed(mode, size) if told else untold(mode)
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
            return operator_of(node["value"][0]) in self._rules
        return node["type"] == "var" and node["value"] in self._rules

    def _member(self, arguments: Sequence[Node], scope: Scope, mode: int, told: bool) -> bool | None:
        """`x in COLLECTION`, `k, x in COLLECTION`."""
        *key, item, collection = arguments
        value = self._term(item, scope, mode)
        keys, items = self._iterate(self._term(collection, scope, mode), mode if told else untold(mode))
        self._decide(value | items, mode, whole=True)
        for each in key:
            self._agree("equal", self._term(each, scope, mode), keys)
        truth = self._agree("equal", value, items)
        if told and truth is None and scalars(items):
            truth = self._agree_with_others(item, value, collection, items, scope)
        return truth

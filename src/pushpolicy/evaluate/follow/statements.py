"""Statements of a body: conditions, `some`, `not`, `every` and assignments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pushpolicy.evaluate.absence import VANISHES, WORDS, Evidence
from pushpolicy.evaluate.follow.builtins import is_builtin, matched
from pushpolicy.evaluate.follow.compare import NEVER_HOLDS
from pushpolicy.evaluate.follow.conditions import Conditions
from pushpolicy.evaluate.follow.direction import turn
from pushpolicy.evaluate.follow.domain import (
    ANYTHING,
    COMPARES,
    few,
)
from pushpolicy.evaluate.follow.forms import MATCHES
from pushpolicy.evaluate.follow.nodes import (
    JOINS,
    SIDES,
    Node,
    is_print,
    is_some,
    is_written_out,
    operator_of,
    references,
    row_of,
)
from pushpolicy.evaluate.follow.notes import Found
from pushpolicy.evaluate.follow.scope import Scope
from pushpolicy.evaluate.follow.terms import Settings
from pushpolicy.evaluate.follow.values import (
    NOTHING,
    Items,
    Key,
    Values,
)

# With how many values of a term a statement is tried.
_FEW = 12


class Statements(Conditions):
    """The visit, as far as it knows what a body's statements do."""

    def __init__(self, name: str, tree: Node, settings: Settings, evidence: Evidence) -> None:
        super().__init__(name, tree, settings, evidence)
        # Whether a clause of deny itself is visited, no helper.
        self._outermost = False
        # What the clause goes through by `some`.
        self._gone_through: Values = NOTHING
        # Whether all variables are those of the clause itself: what is false is false for every caller.
        self._closed = True
        # Whether a statement is tried with one value of what it is about.
        self._trying = False
        # The line of a statement by which a clause of deny can never hold.
        self.never: int | None = None

    def _body(self, body: Sequence[Node], scope: Scope, mode: int) -> bool | None:
        """Visit until no variable changes any more, since Rego has no order; whether it is constant."""
        outer, doubted = self.found, self._doubted
        truths: list[bool | None] = []
        known, scope.shared = frozenset(scope.only), frozenset()
        for _ in range(4):
            self.found, before = Found(), (dict(scope.values), dict(scope.only))
            scope.missed, last = False, truths
            truths = [self._expression(each, scope, mode) for each in body]
            if self._judging and last and False not in truths:
                # What is true by what the body itself says of a value is not always true.
                truths = [
                    truth if truth is certain else None for truth, certain in zip(truths, last, strict=True)
                ]
            if self._judging and not last:
                scope.shared = known | self._shared(body, scope)
            elif not self._judging:
                self.found.shares = self.found.shares or bool(self._shared(body, scope))
            again = scope.missed or scope.shared
            if False in truths or not again or (last and (scope.values, scope.only) == before):
                break
        outer.add(self.found)
        self.found, self._doubted = outer, doubted
        return False if False in truths else True if all(truth is True for truth in truths) else None

    def _shared(self, body: Sequence[Node], scope: Scope) -> frozenset[Key]:
        """The references that a body uses more than once: what it says of one here, holds of it there."""
        uses = Counter[Key]()
        for each in body:
            terms = each["terms"]
            if is_some(each):
                terms = [
                    None,
                    *(symbol["value"][-1] for symbol in terms["symbols"] if symbol["type"] == "call"),
                ]
            elif isinstance(terms, list) and operator_of(terms[0]) == "assign":
                terms = [None, terms[2]] if terms[2]["type"] not in ("ref", "var") else None
            uses.update(self._key(reference, scope) for reference in references(terms))
        return frozenset(key for key, number in uses.items() if key and number > 1)

    def _expression(self, node: Node, scope: Scope, mode: int) -> bool | None:
        self._row, self._doubted = row_of(node, self._row), False
        row = self._row
        truth = self._truth(node, scope, mode)
        if scope.shared and truth is None:
            truth = self._tried(node, scope, mode)
        if truth is False and not node.get("generated"):
            if self._judging and self._outermost:
                self.never = self.never or row
            elif self._closed and not self.found.problems:
                self.problem(NEVER_HOLDS, row)
        if truth is None and not is_print(node) and self._is_constant(node["terms"]):
            self.problem("this is the same whatever the evidence says", row)
        return truth

    def _truth(self, node: Node, scope: Scope, mode: int) -> bool | None:
        """Whether a statement never holds, or always."""
        terms = node["terms"]
        if is_print(node):
            for each in terms[1:]:
                self._term(each, scope, WORDS)
            return None
        if isinstance(terms, list):
            return self._statement(terms, node, scope, mode)
        if "symbols" in terms:
            for symbol in terms["symbols"]:
                if symbol["type"] == "var":
                    scope.declared |= {symbol["value"]}
            truths = [
                self._some(symbol["value"][1:], scope, mode)
                for symbol in terms["symbols"]
                if symbol["type"] == "call"
            ]
            return False if False in truths else None if truths else True
        if "domain" in terms:
            return self._every(terms, scope, mode)
        if terms.get("type") == "not":
            return self._not(terms["body"], scope, mode)
        if terms.get("type") in JOINS:
            return self._joined(terms, scope, mode)
        return self._holds(terms, self._term(terms, scope, mode, bare=True), scope, mode)

    @staticmethod
    def _is_constant(terms: Any) -> bool:
        """Whether a condition is about nothing but what is written there."""
        node = {"type": "call", "value": terms} if isinstance(terms, list) else terms
        return "type" in node and is_written_out(node, is_builtin)

    def _tried(self, node: Node, scope: Scope, mode: int) -> bool | None:
        """Try a statement with each value of what it is about, where these are few; rule out the others."""
        if self._trying or is_some(node):
            return None
        within = (self.found, self._outermost, self._row)
        self._outermost, self._trying = False, True
        for reference in references(node["terms"]):
            key = self._key(reference, scope)
            self.found = Found()
            known = key in scope.shared
            domain = self._domain(self._term(reference, scope.inner(), WORDS)) if known else ANYTHING
            if domain.few is None or not 1 < len(domain.few) <= _FEW:
                continue
            left = []
            for value in domain.values:
                inner = scope.inner()
                inner.narrow(key, few([value]))
                if self._truth(node, inner, mode) is not False:
                    left.append(value)
            scope.narrow(key, few(left))
            if not left:
                break
        else:
            left = [None]
        self.found, self._outermost, self._row = within
        self._trying = False
        return None if left else False

    def _not(self, body: Sequence[Node], scope: Scope, mode: int) -> bool | None:
        inner, within = scope.inner(), (self._outermost, self._strict, self._closed)
        self._outermost, self._strict, self._closed = False, self._outermost and mode == VANISHES, False
        truth = self._body(body, inner, turn(mode))
        self._outermost, self._strict, self._closed = within
        scope.missed |= inner.missed
        return None if truth is None else not truth

    def _joined(self, terms: Node, scope: Scope, mode: int) -> bool | None:
        """`A and B`, `A or B`: two bodies, whose variables are their own."""
        within = (self._outermost, self._strict)
        self._outermost, self._strict = False, False
        decides, truths = terms["type"] == "or", []
        for side in SIDES:
            inner = scope.inner()
            truths.append(self._body(terms[side], inner, mode))
            scope.missed |= inner.missed
            if not decides:
                scope.learn(inner)
        self._outermost, self._strict = within
        return decides if decides in truths else not decides if None not in truths else None

    def _every(self, terms: Node, scope: Scope, mode: int) -> bool | None:
        values = self._term(terms["domain"], scope, mode)
        keys, items = self._iterate(values, turn(mode))
        self._typed(values, "collection", mode)  # of nothing it holds; of what is no collection it does not
        inner, within = scope.inner(), (self._outermost, self._strict)
        self._outermost, self._strict = False, False
        if terms.get("key"):
            self._bind(terms["key"], keys, inner, mode, terms, new=True)
        self._bind(terms["value"], items, inner, mode, terms, new=True)
        truth = self._body(terms["body"], inner, mode)
        self._outermost, self._strict = within
        scope.missed |= inner.missed
        if values and not self._doubted and (not items or truth is True):
            return True
        certain = all(isinstance(each, Items) and each.items and not each.is_part for each in values)
        return False if certain and truth is False else None

    def _some(self, arguments: Sequence[Node], scope: Scope, mode: int) -> bool | None:
        *key, item, collection = arguments
        found = self._term(collection, scope, mode)
        if self._outermost:
            self._gone_through |= found
        keys, items = self._iterate(found, mode)
        self._typed(found, "collection", mode)
        possible = self._has_items(collection, scope)
        for pattern, values in ((item, items), *((each, keys) for each in key)):
            self._bind(pattern, values, scope, mode, collection, new=True)
        return None if items and possible else False

    def _statement(self, terms: Sequence[Node], node: Node, scope: Scope, mode: int) -> bool | None:
        name, arguments = operator_of(terms[0]), terms[1:]
        if name in ("assign", "eq"):
            left, right = arguments
            if name == "assign" or self._is_free(left, scope, node):
                return self._assign(left, right, node, scope, mode, new=name == "assign")
            if self._is_free(right, scope, node):
                return self._assign(right, left, node, scope, mode)
        if name in COMPARES:
            return self._compare(name, arguments[0], arguments[1], scope, mode, told=True)
        if name.startswith("internal.member_"):
            return self._member(arguments, scope, mode, told=True)
        if len(arguments) > 1 and self._is_free(arguments[-1], scope, node):
            values = self._call(name, terms[0], arguments[:-1], scope, mode)
            self._bind(arguments[-1], values, scope, mode, node)
            return None if values else False
        values = self._call(name, terms[0], arguments, scope, mode, bare=True)
        truth = self._holds(terms[0], values, scope, mode)
        if self._judging and truth is not False and name in MATCHES:
            given = [self._known(self._term(each, scope, WORDS)) for each in arguments]
            if asked := matched(name, given):
                scope.narrow(self._key(arguments[asked[0]], scope), asked[1], is_there=True)
        return truth

    def _assign(
        self, pattern: Node, term: Node, node: Node, scope: Scope, mode: int, new: bool = False
    ) -> bool | None:
        values = self._term(term, scope, mode)
        self._bind(pattern, values, scope, mode, node, new=new)
        if pattern["type"] == "var" and (key := self._key(term, scope)):
            scope.same[pattern["value"]] = key
        if not values:
            return False
        return True if pattern["type"] == "var" and not self._doubted else None

"""Conditions: comparisons, members of collections, and terms that stand alone."""

from __future__ import annotations

from collections.abc import Sequence

from pushpolicy.evaluate.absence import WORDS
from pushpolicy.evaluate.follow.compare import ORDERS
from pushpolicy.evaluate.follow.direction import directed, size_of, untold
from pushpolicy.evaluate.follow.domain import (
    ANYTHING,
    AT_LEAST_ONE,
    FALSE,
    SWAPPED,
    Domain,
    both,
    few,
    narrowed,
)
from pushpolicy.evaluate.follow.linear import difference
from pushpolicy.evaluate.follow.nodes import Node, operator_of
from pushpolicy.evaluate.follow.scope import Scope
from pushpolicy.evaluate.follow.terms import Terms
from pushpolicy.evaluate.follow.values import (
    EMPTY_ARRAY,
    EMPTY_OBJECT,
    EMPTY_SET,
    TRUE,
    At,
    Count,
    Items,
    Key,
    Rows,
    Values,
    scalars,
)


class Conditions(Terms):
    """The visit, as far as it knows what a condition says of what stands in it."""

    def _has_items(self, collection: Node, scope: Scope, are_there: bool = True) -> bool:
        """Whether a collection can have items, or none, by what else the body says; from now on it does."""
        if not self._judging or not (key := self._key(collection, scope)):
            return True
        scope.narrow(("count(", *key), AT_LEAST_ONE if are_there else few([0]))
        return not scope.only["count(", *key].is_empty

    def _holds(self, node: Node, values: Values, scope: Scope, mode: int) -> bool | None:
        """A term that stands alone: it holds unless it is false."""
        self._decide(values, mode)
        domain = self._domain(values)
        if not values or domain == FALSE:
            return False
        if self._judging and domain.few is not None and (key := self._key(node, scope)):
            scope.narrow(key, domain.keep(lambda value: value is not False), is_there=True)
        if domain.holds(False):
            return None
        return True if not self._doubted or node["type"].endswith("comprehension") else None

    def _compare(
        self, name: str, left: Node, right: Node, scope: Scope, mode: int, told: bool
    ) -> bool | None:
        """A comparison. `told`: it is a condition; as a value one cannot tell what its collections do."""
        for this, other in ((left, right), (right, left)):
            # A helper that must be true is a helper that must hold.
            if other.get("value") is True and name in ("equal", "eq") and told and self._is_helper(this):
                values = self._term(this, scope, mode, bare=True)
                truth = self._holds(this, values, scope, mode)
                return truth and self._agree("equal", values, TRUE)
        a, b = self._term(left, scope, mode), self._term(right, scope, mode)
        for values, others, operation in ((a, b, name), (b, a, SWAPPED.get(name, name))):
            empty = others in (EMPTY_ARRAY, EMPTY_SET, EMPTY_OBJECT)
            if empty and told and name in ("equal", "eq", "neq"):
                self._has_items(left if values is a else right, scope, are_there=name == "neq")
            size = size_of(operation, values, scalars(others), empty)
            way = directed(mode, size) if told else untold(mode)
            if operation in ORDERS or (told and operation != "neq"):
                self._of_their_type(values, others, mode)
            for value in values:
                if isinstance(value, Count):
                    self._sized(value.of, way)
                elif size is not None and isinstance(value, At | Rows):
                    self._sized(frozenset({value}), way)
                else:
                    self._decide(frozenset({value}), mode, whole=True)
        truth = self._agree(name, a, b)
        if name in ("neq", "lt", "gt") and self._key(left, scope) == self._key(right, scope) != ():
            return False  # it is compared with itself
        if self._judging and told and truth is not False:
            if not self._differ(name, left, right, scope):
                return False
            x, y = self._domain(a), self._domain(b)
            scope.narrow(self._key(left, scope), narrowed(name, x, y), is_there=True)
            scope.narrow(self._key(right, scope), narrowed(SWAPPED.get(name, name), y, x), is_there=True)
        return truth

    def _differ(self, name: str, left: Node, right: Node, scope: Scope) -> bool:
        """Whether two numbers can be so far apart, by this comparison and by others of the body."""

        def number(node: Node) -> tuple[Key, Domain] | None:
            key = self._key(node, scope)
            return (key, self._domain(self._term(node, scope.inner(), WORDS))) if key else None

        found = difference(left, right, number)
        if found is None:
            return True
        between, turned = found
        known = both(scope.only.get(between.key, ANYTHING), between.domain)
        limit = few([-between.more])
        domain = narrowed(SWAPPED.get(name, name) if turned else name, known, limit)
        scope.narrow(between.key, domain)
        return not domain.is_empty

    def _is_helper(self, node: Node) -> bool:
        if node["type"] == "call":
            return operator_of(node["value"][0]) in self._rules
        return node["type"] == "var" and node["value"] in self._rules

    def _member(self, arguments: Sequence[Node], scope: Scope, mode: int, told: bool) -> bool | None:
        """`x in COLLECTION`, `k, x in COLLECTION`."""
        *key, item, collection = arguments
        value = self._term(item, scope, mode)
        found = self._term(collection, scope, mode)
        keys, items = self._iterate(found, mode if told else untold(mode))
        self._typed(found, "collection", mode if told else untold(mode))
        if told:
            self._of_their_type(value, items, mode)
            self._of_their_type(items, value, mode)
        self._decide(value | items, mode, whole=True)
        for each in key:
            self._agree("equal", self._term(each, scope, mode), keys)
        truth = self._agree("equal", value, items)
        domain = self._domain(value)
        if self._judging and told and truth is not False:
            scope.narrow(self._key(item, scope), both(domain, self._domain(items)), is_there=True)
        if truth is False or key or self._doubted:
            return truth and None
        return True if self._holds_all(self._term(collection, scope, WORDS), domain) else None

    @staticmethod
    def _holds_all(collection: Values, domain: Domain) -> bool:
        """Whether a collection that is written out holds each of these values."""
        [written, *others] = collection
        if others or not isinstance(written, Items) or written.is_part or domain.few is None:
            return False
        held = [value for item in written.items if (value := scalars(item)) and len(value) == 1]
        return domain.few <= (few(value[0] for value in held).few or frozenset())

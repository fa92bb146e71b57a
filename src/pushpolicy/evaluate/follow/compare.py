"""Comparisons: which of them can hold, by what the schema says of a place."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from pushpolicy.evaluate.absence import shown
from pushpolicy.evaluate.follow.nodes import Node, text_of
from pushpolicy.evaluate.follow.notes import Notes
from pushpolicy.evaluate.follow.scope import Scope
from pushpolicy.evaluate.follow.values import At, Count, Decided, Literal, Values, scalars

ORDERS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
COMPARES: dict[str, Callable[[Any, Any], bool]] = {
    "equal": operator.eq,
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
SWAPPED = {"lt": "gt", "lte": "gte", "gt": "lt", "gte": "lte"}


def is_size(name: str, number: Any) -> bool:
    """Whether a size can be this number, or be in this order to it."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return name == "neq"
    return bool(number > 0 or (number == 0 and name != "lt") or name in ("neq", "gt", "gte")) and (
        name in ORDERS or name == "neq" or number == int(number)
    )


class Comparisons(Notes):
    """The visit, as far as it knows what can equal what."""

    def _agree(self, name: str, left: Values, right: Values) -> bool | None:
        """Whether a comparison is constant; literals that can never be there are errors."""
        for values, others, operation in ((left, right, name), (right, left, SWAPPED.get(name, name))):
            for value in values:
                if isinstance(value, Literal) and operation not in ORDERS:
                    self._possible(others, value)
                elif isinstance(value, Count) and (known := scalars(others)):
                    if not any(is_size(operation, each) for each in known):
                        self.problem("the size of something is a whole number, 0 or more: this never holds")
                elif isinstance(value, At | Decided) and operation in ORDERS:
                    for known in scalars(others) or [None]:
                        if why := self._evidence.disorder(value.steps, ORDERS[operation], known):
                            self.problem(why)
        a, b = scalars(left), scalars(right)
        if a is None or b is None:
            return None
        try:
            truths = {COMPARES[name](x, y) for x in a for y in b}
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

    def _agree_with_others(self, left: Node, a: Values, right: Node, b: Values, scope: Scope) -> bool | None:
        """False where the same thing must equal two different literals in one body."""
        for node, literals in ((left, b), (right, a)):
            if scalars(literals) and node["type"] in ("ref", "var"):
                text = text_of(node)
                scope.constants[text] = scope.constants.get(text, literals) & literals
                if not scope.constants[text]:
                    return False
        return None

    def _looked_up(self, wanted: Values, known: Values) -> None:
        """A text is looked up in a set or an object: an entry that it never is, is an error."""
        places = [each for each in wanted if isinstance(each, At | Decided)]
        if all(self._evidence.node(each.steps).get("type") == "string" for each in places):
            for value in known:
                if isinstance(value, Literal):
                    self._possible(wanted, value)

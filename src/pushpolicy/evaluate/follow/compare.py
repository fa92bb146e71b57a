"""Comparisons: which values a term can have, and what can equal what."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from itertools import product
from typing import Any

from msgspec.structs import replace

from pushpolicy.evaluate.absence import ITEM, Evidence, Steps, shown
from pushpolicy.evaluate.follow.domain import (
    ANYTHING,
    NEVER,
    SIZE,
    SWAPPED,
    Domain,
    both,
    either,
    few,
    kinds,
    of_schema,
    only,
    sizes_of_schema,
    sizes_of_texts,
    truths,
)
from pushpolicy.evaluate.follow.notes import Notes
from pushpolicy.evaluate.follow.values import (
    At,
    Count,
    Decided,
    Fields,
    Items,
    KeyOf,
    Literal,
    Made,
    Rows,
    Setting,
    Value,
    Values,
    Words,
    scalars,
    union,
)

ORDERS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
NEVER_HOLDS = "this never holds, so nothing is found here; correct the condition"
_EITHER = frozenset({False, True})
_MOST = 200


class Comparisons(Notes, ABC):
    """The visit, as far as it knows what can equal what."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(evidence)
        # The values of each place of the evidence that was asked for.
        self._domains: dict[Steps, Domain] = {}

    @abstractmethod
    def _rows(self, rows: Rows, mode: int) -> tuple[Values, Values]:
        """Keys and items of a comprehension or of a rule with `contains` or keys."""

    @abstractmethod
    def _seen(self, rows: Rows) -> tuple[Values, Values]:
        """The same, where nothing is read by it."""

    def _domain(self, values: Iterable[Value]) -> Domain:
        """The values that a term can have."""
        return either(both(value.only, self._domain_of(value)) for value in values)

    def _domain_of(self, value: Value) -> Domain:
        match value:
            case Literal():
                return only(value.text)
            case At(steps) | Decided(steps):
                if steps not in self._domains:
                    self._domains[steps] = of_schema(self._evidence.node(steps)) if steps else kinds("object")
                return self._domains[steps]
            case KeyOf(steps):
                return SIZE if self._evidence.is_array(steps) else kinds("string")
            case Setting(schema):
                return of_schema(json.loads(schema))
            case Items():
                return kinds("array", "set") if value.is_part else kinds("set" if value.is_set else "array")
            case Fields():
                return kinds("object")
            case Rows():
                return kinds(value.kind)
            case Count(of):
                return either(map(self._size, of))
            case Words() | Made():
                return value.domain
        return ANYTHING

    def _narrowed(self, values: Values, domain: Domain) -> Values:
        """Those of them that can have one of these values."""
        found: set[Value] = set()
        for value in values:
            left = both(both(value.only, self._domain_of(value)), domain)
            if not left.is_empty:
                found.add(value if isinstance(value, Literal) else replace(value, only=left))
        return frozenset(found)

    def _size(self, value: Value) -> Domain:
        """How many there can be of it."""
        if isinstance(value, Items) and not value.is_part:
            least = min(1, len(value.items)) if value.is_set else len(value.items)
            return few(range(least, len(value.items) + 1))
        if isinstance(value, Rows) and self._seen(value)[1] == frozenset():
            return few([0])
        if isinstance(value, Setting):
            return sizes_of_schema(json.loads(value.schema))
        if isinstance(value, Words | Made) and value.results:
            return either(map(self._size, value.results))
        domain = both(value.only, self._domain_of(value))
        if domain.types == {"string"}:
            return sizes_of_texts(domain)
        return SIZE if domain.types & {"array", "set", "object", "string"} else NEVER

    def _known(self, values: Values) -> list[Any] | None:
        """All that a term can be in Python, arrays and sets included; None, where that is not known."""
        known: list[Any] = []
        for value in values:
            found = self._known_of(value)
            if found is None or len(known) + len(found) > _MOST:
                return None
            known += found
        return known

    def _known_of(self, value: Value) -> list[Any] | None:
        if isinstance(value, Words | Made) and value.results:
            return self._known(value.results)
        if isinstance(value, Items) and not value.is_part:
            parts = [self._known(each) for each in value.items]
            given = [part for part in parts if part is not None]
            if len(given) < len(parts) or math.prod(map(len, given)) > _MOST:
                return None
            lists = [list(each) for each in product(*given)]
            if not value.is_set:
                return lists
            simple = all(isinstance(item, str | int | float) for each in lists for item in each)
            return [frozenset(each) for each in lists] if simple else None
        domain = both(value.only, self._domain_of(value))
        return None if domain.few is None else list(domain.values)

    def _items(self, value: Value) -> Values | None:
        """What is in a collection, where nothing is read by it; None, where that is not known."""
        if isinstance(value, Rows):
            return self._seen(value)[1]
        if isinstance(value, Items) and not value.is_part:
            return union(value.items)
        if isinstance(value, At | Decided) and self._evidence.is_array(value.steps):
            return frozenset({At((*value.steps, ITEM))})
        return None

    def _of_their_type(self, values: Values, others: Values, mode: int) -> None:
        """What an `extra` holds is compared with what is of one type: of another one it is never that."""
        kind = self._domain(others).types
        if kind in ({"number"}, {"string"}, {"boolean"}):
            self._typed(values, min(kind), mode)

    def _truths(self, name: str, left: Values, right: Values) -> frozenset[bool]:
        """What a comparison can be; nothing, where one of the two is never there."""
        found: set[bool] = set()
        for a, b in product(left, right):
            if name not in ORDERS and (equal := self._equal(a, b)) != _EITHER:
                found |= {each is (name != "neq") for each in equal}
            else:
                found |= truths(name, self._domain({a}), self._domain({b}))
        return frozenset(found)

    def _equal(self, a: Value, b: Value) -> frozenset[bool]:
        """Whether two collections can be equal, by what is in them."""
        for this, other in ((a, b), (b, a)):
            if isinstance(this, Words | Made) and this.results:
                return frozenset().union(
                    *(self._truths("equal", frozenset({each}), frozenset({other})) for each in this.results)
                )
        if isinstance(a, Fields) and isinstance(b, Fields):
            return self._equal_fields(a, b)
        x, y = self._items(a), self._items(b)
        if x is None or y is None or (x == y == frozenset()):
            return _EITHER if x is None or y is None else self._truths_of_kinds(a, b)
        if isinstance(a, Items) and isinstance(b, Items) and not a.is_set and not b.is_set:
            if len(a.items) != len(b.items):
                return frozenset({False})
            pairs = zip(a.items, b.items, strict=True)
            return _all([self._truths("equal", one, other) for one, other in pairs])
        for this, found in ((a, y), (b, x)):
            written = this.items if isinstance(this, Items) else ()
            if any(True not in self._truths("equal", each, found) for each in written):
                return frozenset({False})
        return _EITHER

    def _truths_of_kinds(self, a: Value, b: Value) -> frozenset[bool]:
        """Whether two that are empty are equal."""
        return frozenset({True}) if self._domain({a}) == self._domain({b}) else _EITHER

    def _equal_fields(self, a: Fields, b: Fields) -> frozenset[bool]:
        x, y = ({(scalars(key) or [None])[0]: item for key, item in each.fields} for each in (a, b))
        if None in x or None in y:
            return _EITHER
        if x.keys() != y.keys():
            return frozenset({False})
        return _all([self._truths("equal", x[key], y[key]) for key in x])

    def _judged(self, outcomes: frozenset[bool]) -> bool | None:
        """Whether a condition holds never, or always."""
        if True not in outcomes:
            return False
        return True if False not in outcomes and not self._doubted else None

    def _agree(self, name: str, left: Values, right: Values) -> bool | None:
        """Whether a comparison is constant; literals that can never be there are errors."""
        for values, others, operation in ((left, right, name), (right, left, SWAPPED.get(name, name))):
            for value in values:
                if isinstance(value, Literal) and operation not in ORDERS:
                    self._possible(others, value)
                elif isinstance(value, Count) and (known := scalars(others)):
                    if True not in truths(operation, SIZE, few(known)):
                        self.problem(
                            "the size of something is a whole number, 0 or more; compare it with one"
                        )
                elif isinstance(value, At | Decided) and operation in ORDERS:
                    for known in scalars(others) or [None]:
                        if why := self._evidence.disorder(value.steps, ORDERS[operation], known):
                            self.problem(why)
        if name in ORDERS and left and right and not self.found.problems:
            self._ordered(self._domain(left), self._domain(right))
        return self._judged(self._truths(name, left, right))

    def _ordered(self, left: Domain, right: Domain) -> None:
        """Different types have an order in OPA, and nobody means it."""
        if not left.types & right.types:
            one, other = (" or ".join(sorted(each.types)) for each in (left, right))
            self.problem(
                f"{one} is compared by order with {other}, always the same; compare what is of one type"
            )
        for form, texts in ((left, right), (right, left)):
            if form.few is None and form.types == texts.types == {"string"} and form.patterns:
                self._of_one_form(form, texts)

    def _of_one_form(self, form: Domain, texts: Domain) -> None:
        """Texts are compared from their beginning: `9:00` is behind each time of a day that is `hh:mm`."""
        length = sizes_of_texts(form)
        strange = [text for text in texts.values if len(text) not in length.values]
        if length.few is not None and strange:
            self.problem(
                f"a text of {length.values[0]} characters is compared by order with "
                f"{json.dumps(strange[0])}, and texts are compared from their beginning; write as many"
            )

    def _possible(self, values: Values, wanted: Literal) -> None:
        """An error unless one of the values may equal this literal."""
        if not values or wanted in values or all(isinstance(value, Literal | Count) for value in values):
            return
        if any(True in self._truths("equal", frozenset({value}), frozenset({wanted})) for value in values):
            return
        places = [value for value in values if isinstance(value, At | Decided)]
        for place in places[:1]:
            reason = self._evidence.mismatch(place.steps, wanted.value)
            self.problem(f"{shown(place.steps)} is never {wanted.text}; it {reason}")
        if not places:
            self.problem(f"this is never {wanted.text}; it can be {_told(self._domain(values))}")

    def _looked_up(self, wanted: Values, known: Values) -> None:
        """A text is looked up in a set or an object: an entry that it never is, is an error."""
        if not any(isinstance(each, Value) and self._domain({each}).types != {"string"} for each in wanted):
            for value in known:
                if isinstance(value, Literal):
                    self._possible(wanted, value)


def _all(outcomes: list[frozenset[bool]]) -> frozenset[bool]:
    """What `and` of all can be."""
    if any(True not in each for each in outcomes):
        return frozenset({False})
    return frozenset({True}) if all(each == {True} for each in outcomes) else _EITHER


def _told(domain: Domain) -> str:
    if domain.few is not None:
        return f"one of {', '.join(sorted(domain.few))}"
    return " or ".join(sorted(domain.types)) + "".join(
        f" that matches {each}" for each in sorted(domain.patterns)
    )

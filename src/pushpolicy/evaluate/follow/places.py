"""Places of the evidence, as values that a rule selects from, goes through, counts and hands on."""

from __future__ import annotations

import json

from pushpolicy.evaluate.absence import COMPUTED, EACH, ITEM, WORDS, RefusedError, Steps, shown
from pushpolicy.evaluate.follow.compare import Comparisons
from pushpolicy.evaluate.follow.direction import untold
from pushpolicy.evaluate.follow.domain import ANYTHING, SIZE, both
from pushpolicy.evaluate.follow.values import (
    NOTHING,
    UNKNOWN,
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
    literal,
    scalars,
    union,
)


class Places(Comparisons):
    """The visit, as far as it knows what a rule does with values."""

    def _select(self, values: Values, keys: Values, mode: int) -> Values:
        """What is under a key of each."""
        result = NOTHING
        for value in values:
            if isinstance(value, At | Decided):
                self._doubted |= self._evidence.is_array(value.steps)
                self._filled(value.steps, mode)
                result |= self._below(value.steps, keys)
            elif self._domain_of(value).types == {"array"} and both(self._domain(keys), SIZE).is_empty:
                continue  # an item has a number, and none is counted from the end
            elif isinstance(value, Rows):
                known, items = self._rows(value, mode)
                self._doubted = True
                self._looked_up(keys, known)
                result |= items if True in self._truths("equal", keys, known) else NOTHING
            elif isinstance(value, Fields):
                self._looked_up(keys, union(key for key, _ in value.fields))
                result |= self._field(value, keys)
            elif isinstance(value, Items):
                result |= self._item(value, keys)
            elif isinstance(value, Setting):
                result |= self._inside(value, keys)
            elif isinstance(value, Words | Made) and value.results:
                found = self._select(value.results, keys, mode)
                result |= self._like(value, found)
            elif self._domain_of(value).types & {"array", "object", "set"}:
                self._doubted = True
                result |= self._like(value, NOTHING)
        return result

    def _field(self, value: Fields, keys: Values) -> Values:
        """The field of an object that is written out; any that the key may be."""
        found = [(item, self._truths("equal", keys, key)) for key, item in value.fields]
        self._doubted |= all(outcomes != {True} for _, outcomes in found)
        return union(item for item, outcomes in found if True in outcomes)

    def _item(self, value: Items, keys: Values) -> Values:
        """What is in an array at a place, or in a set if it is there."""
        self._doubted = True
        if value.is_part:
            return union(value.items)
        if value.is_set:
            self._looked_up(keys, union(value.items))
            return union(each for each in value.items if True in self._truths("equal", keys, each))
        places = enumerate(value.items)
        return union(each for number, each in places if True in self._truths("equal", keys, literal(number)))

    def _inside(self, value: Setting, keys: Values) -> Values:
        """What a setting holds under a key."""
        self._doubted = True
        schema = json.loads(value.schema)
        fields = [schema.get("properties", {}).get(key) for key in scalars(keys) or [None]]
        inner = [each or schema.get("items") or schema.get("additionalProperties") or {} for each in fields]
        return frozenset(Setting(json.dumps(each)) for each in inner if isinstance(each, dict))

    def _like(self, value: Value, found: Values) -> Values:
        """Something out of a text or out of a builtin's result."""
        if isinstance(value, Words):
            domain = self._domain(found) if found else ANYTHING
            return frozenset({Words(value.reads, value.parts, domain, found)})
        return found or UNKNOWN

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

    def _part(self, values: Values, number: int, mode: int) -> Values:
        """What is at this position of an array."""
        known = [
            each.items[number] for each in values if isinstance(each, Items) and number < len(each.items)
        ]
        rest = frozenset(each for each in values if not isinstance(each, Items))
        return union([*known, self._select(rest, literal(number), mode)])

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
                items |= union(value.items)
                keys |= union(value.items) if value.is_set else union(map(literal, range(len(value.items))))
                keys |= UNKNOWN if value.is_part else NOTHING
            elif isinstance(value, Fields):
                keys |= union(key for key, _ in value.fields)
                items |= union(item for _, item in value.fields)
            elif isinstance(value, Words | Made) and value.results:
                self._decide(frozenset({value}), mode)
                found = self._iterate(value.results, mode)
                keys, items = keys | found[0], items | found[1]
            elif self._domain_of(value).types & {"array", "object", "set"}:
                self._decide(frozenset({value}), mode)
                keys |= UNKNOWN
                items |= self._inside(value, UNKNOWN) if isinstance(value, Setting) else UNKNOWN
            else:
                self._decide(frozenset({value}), mode)
        return keys, items

    def _get(self, base: Values, keys: Values, default: Values, mode: int) -> Values:
        """`object.get`: of its last keys the rule decides itself what absence means."""
        path = next((each.items for each in keys if isinstance(each, Items)), (keys,))
        result, doubted = default, self._doubted
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
        self._doubted = doubted
        return result

    def _sized(self, values: Values, mode: int) -> None:
        """A collection of which only counts how large it is."""
        for value in values:
            if isinstance(value, Rows):
                self._rows(value, mode)
            elif isinstance(value, At | Decided):
                self._filled(value.steps, mode)
                self._typed(frozenset({value}), "collection", untold(mode))  # of a text it is its length
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
                keys, items = self._rows(value, untold(mode))
                self._decide(keys | items, untold(mode), whole)
            elif isinstance(value, Count):
                self._sized(value.of, untold(mode))
            elif isinstance(value, Items):
                self._decide(union(value.items), mode, whole)
            elif isinstance(value, Fields):
                self._decide(union(item for _, item in value.fields), mode, whole)
            elif isinstance(value, At) and whole and self._evidence.is_fixed(value.steps):
                self.problem(f"{shown(value.steps)} is compared as a whole; name the fields that are meant")

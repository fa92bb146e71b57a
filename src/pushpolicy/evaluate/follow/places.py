"""Places of the evidence, as values that a rule selects from, goes through, counts and hands on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from pushpolicy.evaluate.absence import COMPUTED, EACH, ITEM, WORDS, RefusedError, Steps, shown
from pushpolicy.evaluate.follow.compare import Comparisons
from pushpolicy.evaluate.follow.direction import untold
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
    Rows,
    Values,
    Words,
    literal,
    scalars,
    turned,
    union,
)

_LOOKS_INSIDE = ("json.", "object.filter", "object.keys", "object.subset", "walk", "graph.", "yaml.")
HANDED_ON = frozenset(
    {"array.concat", "array.reverse", "array.slice", "object.remove", "object.union", "sort", "or", "and"}
    | {"intersection", "union", "object.union_n"}
)
MAKES_TEXT = frozenset(
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


def field_of(value: Fields, keys: Values) -> Values:
    """The field of an object that is written out; any, where a key is not known."""
    known = [item for key, item in value.fields if key & keys]
    certain = scalars(keys) is not None and all(scalars(key) for key, _ in value.fields)
    return frozenset().union(*(known if certain else (item for _, item in value.fields)))


class Places(Comparisons, ABC):
    """The visit, as far as it knows what a rule does with values."""

    @abstractmethod
    def _rows(self, rows: Rows, mode: int) -> tuple[Values, Values]:
        """Keys and items of a comprehension or of a rule with `contains` or keys."""

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
                self._looked_up(keys, union(key for key, _ in value.fields))
                result |= field_of(value, keys)
            elif isinstance(value, Items):
                self._looked_up(keys, union(value.items))
                result |= union(value.items)
            else:
                result |= frozenset({value}) if isinstance(value, Words) else UNKNOWN
        return result

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
                keys, items = keys | UNKNOWN, items | union(value.items)
            elif isinstance(value, Fields):
                keys |= union(key for key, _ in value.fields)
                items |= union(item for _, item in value.fields)
            else:
                self._decide(frozenset({value}), mode)
                keys, items = keys | UNKNOWN, items | UNKNOWN
        return keys, items

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

    def _builtin(self, name: str, given: tuple[Values, ...], mode: int) -> Values:
        everything = union(given)
        if name == "count":
            return frozenset({Count(everything)})
        if name == "minus":
            return given[0] | turned(given[1])
        if name in HANDED_ON:
            inner = union(each for value in everything if isinstance(value, Items) for each in value.items)
            return inner if name in ("object.union_n", "union", "intersection") else everything
        if name.startswith(_LOOKS_INSIDE) and self._fixed(everything):
            self.problem(f"{name} looks into a whole object: name the fields that are meant")
        if name in MAKES_TEXT:
            return frozenset({Words(frozenset(), everything)})
        self._decide(everything, mode)
        if not name.startswith(("is_", "type_name")):
            for value in everything:
                if isinstance(value, At):
                    self._filled(value.steps, untold(mode))
        return UNKNOWN

    def _fixed(self, values: Values) -> bool:
        """Whether an object of the evidence is among them, or inside of what is among them."""
        for value in values:
            if isinstance(value, At | Decided):
                node = self._evidence.node(value.steps)
                if node.get("type", "object") in ("object", "array"):
                    return True
            if isinstance(value, Items) and self._fixed(union(value.items)):
                return True
            if isinstance(value, Fields) and self._fixed(union(item for _, item in value.fields)):
                return True
        return False

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
                keys, items = self._rows(value, untold(mode))
                self._decide(keys | items, untold(mode), whole)
            elif isinstance(value, Count):
                self._sized(value.of, untold(mode))
            elif isinstance(value, Items):
                self._decide(union(value.items), mode, whole)
            elif isinstance(value, Fields):
                self._decide(union(item for _, item in value.fields), mode, whole)
            elif isinstance(value, At) and whole and self._evidence.is_fixed(value.steps):
                self.problem(f"{shown(value.steps)} is compared as a whole: name the fields that are meant")

    def _is_always(self, value: Any) -> bool:
        """Whether it is there and not false whatever the evidence says, once its kind is collected."""
        if isinstance(value, Count):
            return bool(value.of) and all(map(self._is_always, value.of))
        if not isinstance(value, At) or not value.steps:
            return False
        kind = self._evidence.node(value.steps).get("type", "boolean")
        return kind != "boolean" and not any(True for _ in self._evidence.absences(value.steps))

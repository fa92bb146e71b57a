"""Calls of builtins: what they give of places of the evidence, and what they do with them."""

from __future__ import annotations

import json

from pushpolicy.evaluate.follow.builtins import Outcome, call, result_schema
from pushpolicy.evaluate.follow.direction import untold
from pushpolicy.evaluate.follow.forms import MATCHES, joined
from pushpolicy.evaluate.follow.places import Places
from pushpolicy.evaluate.follow.values import (
    EMPTY_SET,
    NOTHING,
    At,
    Count,
    Decided,
    Fields,
    Items,
    Literal,
    Made,
    Setting,
    Value,
    Values,
    Words,
    parts,
    turned,
    union,
    written,
)

_LOOKS_INSIDE = ("json.", "object.filter", "object.keys", "object.subset", "walk", "graph.", "yaml.")
# What they are given is inside of one argument.
_OF_ALL = frozenset({"intersection", "union", "object.union_n"})
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


def _two(values: Values) -> tuple[Values, ...]:
    """The two that a set holds, where it is written out and holds two."""
    [value, *others] = values
    return value.items if isinstance(value, Items) and len(value.items) == 2 and not others else ()


def _listed(values: Values) -> tuple[Values, ...] | None:
    """The items of an array, where it is written out."""
    [value, *others] = values
    if others or not isinstance(value, Items) or value.is_set or value.is_part:
        return None
    return value.items


def _written_keys(values: Values) -> tuple[Values, ...]:
    """The keys of an object, where it is written out."""
    [value, *others] = values
    return tuple(key for key, _ in value.fields) if isinstance(value, Fields) and not others else ()


class Calls(Places):
    """The visit, as far as it knows what builtins give."""

    def _builtin(self, name: str, given: tuple[Values, ...], mode: int) -> Values:
        if NOTHING in given:
            return NOTHING
        everything = union(given)
        if name == "count":
            return frozenset({Count(everything)})
        if name == "object.keys" and (keys_of := _written_keys(everything)):
            return frozenset({Items(keys_of, is_set=True)})
        if name == "object.keys" and all(self._is_map(each) for each in everything):
            keys, _ = self._iterate(everything, untold(mode))
            return frozenset({Items((keys,), is_set=True, is_part=True)})
        if name in MATCHES and self._is_swapped(given, MATCHES[name][0]):
            self.problem(
                f"{name} looks for evidence in a text that is not: its arguments are the other way round"
            )
        if name in MATCHES and len(given) > MATCHES[name][0]:
            self._typed(given[MATCHES[name][0]], "string", mode)
        domains = [self._domain(each) for each in given]
        inside = [None if found is None else self._domain(found) for found in map(self._inner, given)]
        outcome = call(name, domains, [self._known(each) for each in given], inside)
        if name == "and" or (name == "minus" and outcome.domain.types != {"number"}):
            return self._fewer(name, given, outcome, mode)
        if name == "intersection" and (two := _two(everything)):
            return self._fewer("and", two, outcome, mode)
        if name in _OF_ALL:
            return parts(self._collections(everything, mode))
        if name in HANDED_ON:
            self._doubted = True
            return parts(everything)
        self._doubted |= not outcome.is_sure
        if outcome.results is not None:
            results = frozenset(map(written, outcome.results))
        else:
            schema = result_schema(name, domains)
            results = frozenset({Setting(json.dumps(schema))}) if len(schema) > 1 else NOTHING
        if name.startswith(_LOOKS_INSIDE) and self._fixed(everything):
            self.problem(f"{name} looks into a whole object: name the fields that are meant")
        if name in MAKES_TEXT:
            domain = outcome.domain
            if name in ("concat", "sprintf") and not results and (items := _listed(given[1])) is not None:
                domain = joined(name, domains[0], [self._domain(each) for each in items])
            return frozenset({Words(frozenset(), everything, domain, results)})
        self._decide(everything, mode)
        if not name.startswith(("is_", "type_name")):
            for value in everything:
                if isinstance(value, At):
                    self._filled(value.steps, untold(mode))
        return frozenset({Made(outcome.domain, results)})

    def _inner(self, values: Values) -> Values | None:
        """What is in any of these collections; None, where that is not known."""
        each = [self._items(value) for value in values]
        return None if None in each else union(found for found in each if found is not None)

    def _collections(self, values: Values, mode: int) -> Values:
        """What is in an array or a set of collections, of which all are joined."""
        found = NOTHING
        for value in values:
            if isinstance(value, Items):
                found |= union(value.items)
            else:
                # What is done with all of them is not known yet, nor which way that goes.
                found |= self._iterate(frozenset({value}), untold(mode))[1]
        return found

    def _is_map(self, value: Value) -> bool:
        """Whether it is an object of the evidence that may have any keys, or one that is written out."""
        if not isinstance(value, At | Decided):
            return isinstance(value, Fields)
        return "object" in self._domain_of(value).types and not self._evidence.is_fixed(value.steps)

    @staticmethod
    def _is_swapped(given: tuple[Values, ...], place: int) -> bool:
        """Whether of what a text is asked, the text alone is written out or set, and the rest is evidence.

        Whoever decides what the evidence says could then say what every text has: nothing, or `.*`.
        """
        if len(given) <= place or not all(isinstance(each, Literal | Setting) for each in given[place]):
            return False
        others = union(each for number, each in enumerate(given) if number != place)
        return any(isinstance(each, At | Decided) for each in others)

    def _fewer(self, name: str, given: tuple[Values, ...], outcome: Outcome, mode: int) -> Values:
        """What two sets have in common, or what one has alone: nothing, where that is certain."""
        values = given[0] | (turned(given[1]) if name == "minus" else given[1])
        left, right = ([self._items(each) for each in values] for values in given)
        known = [union(each for each in side if each is not None) for side in (left, right)]
        apart = name == "and" and None not in [*left, *right] and True not in self._truths("equal", *known)
        self._doubted |= outcome.results is None
        if apart or (outcome.results is not None and not any(outcome.results)):
            self._decide(values, mode)
            return EMPTY_SET
        return parts(values)

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

"""What a term of a rule may stand for, as far as following evidence through the rule needs it.

A term stands for a set of these: it may be any of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from pushpolicy.evaluate.absence import Steps
from pushpolicy.evaluate.follow.domain import ANYTHING, Domain

# What tells a reference from others: a variable, and the keys behind it. Empty for what is none.
Key = tuple[str, ...]


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a term may stand for; on its own, something that is not followed.

    Attributes:
        only: which values it can have where it stands, by another condition of the same body.
    """

    only: Domain = ANYTHING


Values = frozenset[Value]
NOTHING: Values = frozenset()
UNKNOWN: Values = frozenset({Value()})


class At(Value, frozen=True):
    """What the evidence holds at a place."""

    steps: Steps


class KeyOf(Value, frozen=True):
    """A key, or index, of what the evidence holds at a place."""

    steps: Steps


class Decided(Value, frozen=True):
    """What `object.get` with a default gives of a place; what stands before `base` steps was read."""

    steps: Steps
    base: int


class Literal(Value, frozen=True):
    """A scalar, as JSON."""

    text: str

    @property
    def value(self) -> Any:
        """The scalar itself."""
        return json.loads(self.text)


class Items(Value, frozen=True):
    """An array that is written out, or a set; `is_part`: of a larger or smaller one, of either kind."""

    items: tuple[Values, ...]
    is_set: bool = False
    is_part: bool = False


class Fields(Value, frozen=True):
    """An object that is written out: keys and values."""

    fields: tuple[tuple[Values, Values], ...]


class Rows(Value, frozen=True):
    """A comprehension, or a rule with `contains` or keys, which is followed where it is used.

    Attributes:
        source: the number of the comprehension's node, or the name of the rule.
        kind: array, set or object.
        scope: what the variables around the comprehension stand for.
        known: what is known of references there.
        same: which reference a variable is there.
        turned: whether having fewer of them is having more of what it was subtracted from.
    """

    source: int | str
    kind: str
    scope: frozenset[tuple[str, Values]] = frozenset()
    known: frozenset[tuple[Key, Domain]] = frozenset()
    same: frozenset[tuple[str, Key]] = frozenset()
    turned: bool = False


class Count(Value, frozen=True):
    """How many there are of something."""

    of: Values


class Made(Value, frozen=True):
    """What a builtin gives: its values, one by one as `results` where they are few."""

    domain: Domain
    results: Values = NOTHING


class Words(Value, frozen=True):
    """A text made of other things: places that were read for it, and values that went into it."""

    reads: frozenset[Steps]
    parts: Values
    domain: Domain = ANYTHING
    results: Values = NOTHING


class Setting(Value, frozen=True):
    """What a setting of the rule holds, or what is inside of it: something that fits this JSON Schema."""

    schema: str


def literal(value: object) -> Values:
    """A scalar."""
    return frozenset({Literal(json.dumps(value))})


def written(value: Any) -> Value:
    """A scalar, an array or a set of some, as it is written out."""
    if isinstance(value, list | frozenset):
        return Items(tuple(map(literal, value)), is_set=isinstance(value, frozenset))
    return Literal(json.dumps(value))


TRUE = literal(True)
EMPTY_ARRAY, EMPTY_SET = frozenset({Items(())}), frozenset({Items((), is_set=True)})
EMPTY_OBJECT = frozenset({Fields(())})


def scalars(values: Values) -> list[Any] | None:
    """The scalars, where there are only such."""
    known = [value.value for value in values if isinstance(value, Literal)]
    return known if known and len(known) == len(values) else None


def turned(values: Values) -> Values:
    """What is subtracted: of it, less is more."""
    return frozenset(
        replace(value, turned=not value.turned) if isinstance(value, Rows) else value for value in values
    )


def parts(values: Values) -> Values:
    """What went into a collection, which holds some of it, or all and more."""
    return frozenset(replace(value, is_part=True) if isinstance(value, Items) else value for value in values)


def union(values: Iterable[Values]) -> Values:
    """Any of them."""
    return frozenset().union(*values)

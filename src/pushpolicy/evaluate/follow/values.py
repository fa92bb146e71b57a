"""What a term of a rule may stand for, as far as following evidence through the rule needs it.

A term stands for a set of these: it may be any of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from pushpolicy.evaluate.absence import Steps


class Value(msgspec.Struct, frozen=True):
    """One thing that a term may stand for; on its own, something that is not followed."""


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
    """An array or a set that is written out."""

    items: tuple[Values, ...]


class Fields(Value, frozen=True):
    """An object that is written out: keys and values."""

    fields: tuple[tuple[Values, Values], ...]


class Rows(Value, frozen=True):
    """A comprehension, or a rule with `contains` or keys, which is followed where it is used.

    Attributes:
        source: the number of the comprehension's node, or the name of the rule.
        scope: what the variables around the comprehension stand for.
        turned: whether having fewer of them is having more of what it was subtracted from.
    """

    source: int | str
    scope: frozenset[tuple[str, Values]] = frozenset()
    turned: bool = False


class Count(Value, frozen=True):
    """How many there are of something."""

    of: Values


class Words(Value, frozen=True):
    """A text made of other things: places that were read for it, and values that went into it."""

    reads: frozenset[Steps]
    parts: Values


def literal(value: object) -> Values:
    """A scalar."""
    return frozenset({Literal(json.dumps(value))})


TRUE = literal(True)
EMPTY_ITEMS, EMPTY_OBJECT = frozenset({Items(())}), frozenset({Fields(())})


def scalars(values: Values) -> list[Any] | None:
    """The scalars, where there are only such."""
    known = [value.value for value in values if isinstance(value, Literal)]
    return known if known and len(known) == len(values) else None


def turned(values: Values) -> Values:
    """What is subtracted: of it, less is more."""
    return frozenset(
        Rows(value.source, value.scope, not value.turned) if isinstance(value, Rows) else value
        for value in values
    )


def union(values: Iterable[Values]) -> Values:
    """Any of them."""
    return frozenset().union(*values)

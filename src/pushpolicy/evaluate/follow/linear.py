"""Differences of numbers: what one comparison says of two of them holds for the next one, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import msgspec

from pushpolicy.evaluate.follow.domain import Domain, few
from pushpolicy.evaluate.follow.nodes import Node, operator_of
from pushpolicy.evaluate.follow.ranges import RANGES
from pushpolicy.evaluate.follow.values import Key

# The reference that a term is, and the numbers it can be; None for a term that is none.
Number = Callable[[Node], tuple[Key, Domain] | None]


class Sum(msgspec.Struct, frozen=True):
    """Numbers, each times a whole one, and a whole one beside them.

    Attributes:
        times: how often each is in it, and what it can be.
        more: what is added.
        is_one: whether it is a single number, and nothing was computed.
    """

    times: Mapping[Key, tuple[int, Domain]]
    more: int = 0
    is_one: bool = False

    def plus(self, other: Sum, sign: int = 1) -> Sum:
        """Both together."""
        times = dict(self.times)
        for key, (number, domain) in other.times.items():
            times[key] = (times.get(key, (0, domain))[0] + sign * number, domain)
        left = {key: each for key, each in times.items() if each[0]}
        return Sum(left, self.more + sign * other.more)

    def scaled(self, factor: int) -> Sum:
        """So many times of it."""
        times = {key: (number * factor, domain) for key, (number, domain) in self.times.items()}
        return Sum(times if factor else {}, self.more * factor)

    @property
    def key(self) -> Key:
        """What tells it from other sums, apart from what is added."""
        parts = sorted((str(number), *key) for key, (number, _) in self.times.items())
        return ("+(", *(word for part in parts for word in (*part, "+"))) if parts else ()

    @property
    def domain(self) -> Domain:
        """What it can be, without what is added."""
        each = [RANGES["mul"](few([number]), domain) for number, domain in self.times.values()]
        return reduce(RANGES["plus"], each, few([0]))


def difference(left: Node, right: Node, number: Number) -> tuple[Sum, bool] | None:
    """What is between two terms, and whether it is the second without the first.

    None, where they are no numbers, or none that are exact.
    """
    a, b = sum_of(left, number), sum_of(right, number)
    if a is None or b is None:
        return None
    found = a.plus(b, -1)
    if not (a.is_one and b.is_one) and not all(domain.whole for _, domain in found.times.values()):
        return None  # what was computed is rounded
    turned = bool(found.times) and found.times[min(found.times)][0] < 0
    return (b.plus(a, -1), True) if turned else (found, False)


def sum_of(node: Node, number: Number) -> Sum | None:
    """A term as a sum."""
    if node["type"] == "number":
        value = node["value"]
        return Sum({}, value, is_one=True) if isinstance(value, int) else None
    if node["type"] == "call":
        name = operator_of(node["value"][0])
        if name in ("plus", "minus", "mul") and len(node["value"]) == 3:
            a, b = (sum_of(each, number) for each in node["value"][1:])
            if a is None or b is None:
                return None
            if name != "mul":
                return a.plus(b, 1 if name == "plus" else -1)
            factor, other = (b, a) if a.times else (a, b)
            return None if factor.times else other.scaled(factor.more)
    found = number(node)
    if found is None or found[1].types != {"number"}:
        return None
    return Sum({found[0]: (1, found[1])}, is_one=True)

"""Between which bounds a number is that one of OPA's builtins gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from pushpolicy.evaluate.follow.domain import SIZE, Bound, Domain, kinds
from pushpolicy.evaluate.follow.twins import EXACT

_WHOLE = Domain(types=frozenset({"number"}), whole=True)


def between(low: float, high: float, whole: bool, sides: tuple[int, int] = (0, 0)) -> Domain:
    """Numbers from one to the other. `sides`: 1 for more than the first, -1 for less than the second."""
    return Domain(
        types=frozenset({"number"}),
        low=_bound(low, sides[0], -math.inf),
        high=_bound(high, sides[1], math.inf),
        whole=whole,
    )


def _bound(number: float, side: int, outward: float) -> Bound:
    """A bound that was computed, moved outward by the error of that."""
    exact = math.isinf(number) or (number == int(number) and abs(number) < EXACT)
    return (number if exact else math.nextafter(number, outward), side if exact else 0)


def _plus(a: Domain, b: Domain) -> Domain:
    sides = (max(a.low[1], b.low[1]), min(a.high[1], b.high[1]))
    return between(a.low[0] + b.low[0], a.high[0] + b.high[0], a.whole and b.whole, sides)


def _less(a: Domain, b: Domain) -> Domain:
    sides = (max(a.low[1], -b.high[1]), min(a.high[1], -b.low[1]))
    return between(a.low[0] - b.high[0], a.high[0] - b.low[0], a.whole and b.whole, sides)


def _times(a: Domain, b: Domain) -> Domain:
    corners = [0 if 0 in (x, y) else x * y for x in (a.low[0], a.high[0]) for y in (b.low[0], b.high[0])]
    return between(min(corners), max(corners), a.whole and b.whole)


def _by(a: Domain, b: Domain) -> Domain:
    if a.low[0] < 0 or b.low[0] <= 0:
        return between(0 if a.low[0] >= 0 and b.low[0] >= 0 else -math.inf, math.inf, whole=False)
    return between(0, a.high[0] / b.low[0], whole=False)


def _remainder(a: Domain, b: Domain) -> Domain:
    if a.low[0] < 0 or b.low[0] <= 0:
        return _WHOLE
    return between(0, b.high[0] - 1, whole=True)


def _absolute(a: Domain) -> Domain:
    return between(max(a.low[0], 0), max(abs(a.low[0]), abs(a.high[0])), a.whole)


def _to_whole(a: Domain) -> Domain:
    if a.low[0] < 0:  # OPA's ceil(-0.5) is 1
        return _WHOLE
    high = a.high[0]
    return between(math.floor(a.low[0]), high if math.isinf(high) else math.ceil(high), whole=True)


def _of_bits(most: Callable[[Domain, Domain], float], least: Callable[[Domain, Domain], float]) -> RangeOf:
    """What is done bit by bit; of what is below zero nothing is known."""

    def bounds(a: Domain, b: Domain) -> Domain:
        return between(least(a, b), most(a, b), whole=True) if min(a.low[0], b.low[0]) >= 0 else _WHOLE

    return bounds


def over(name: str, items: Domain) -> Domain | None:
    """What a builtin gives of a collection of which each item is one of these; None: that is not known."""
    if name in ("max", "min"):
        return items
    if name not in ("sum", "product") or not items.types <= {"number"}:
        return None
    if items.is_empty:  # the sum of nothing is 0, and the product 1
        return SIZE
    return between(0, math.inf, items.whole) if items.low[0] >= 0 else kinds("number")


RangeOf = Callable[..., Domain]
RANGES: Mapping[str, RangeOf] = {
    "plus": _plus,
    "minus": _less,
    "mul": _times,
    "div": _by,
    "rem": _remainder,
    "abs": _absolute,
    "ceil": _to_whole,
    "floor": _to_whole,
    "round": _to_whole,
    "bits.and": _of_bits(lambda a, b: min(a.high[0], b.high[0]), lambda _a, _b: 0),
    "bits.or": _of_bits(lambda _a, _b: math.inf, lambda a, b: max(a.low[0], b.low[0])),
    "bits.xor": _of_bits(lambda _a, _b: math.inf, lambda _a, _b: 0),
    "bits.lsh": _of_bits(lambda _a, _b: math.inf, lambda a, _b: a.low[0]),
    "bits.rsh": _of_bits(lambda a, _b: a.high[0], lambda _a, _b: 0),
}
# Between which bounds every number is that they give; times are nanoseconds in 64 bits.
BETWEEN: Mapping[str, tuple[float, float]] = {
    "semver.compare": (-1, 1),
    "indexof": (-1, math.inf),
    "strings.count": (0, math.inf),
    "time.parse_rfc3339_ns": (-(2.0**63), 2.0**63),
    "time.parse_duration_ns": (-(2.0**63), 2.0**63),
    "time.add_date": (-(2.0**63), 2.0**63),
}

"""What OPA's builtins give, as far as it follows from what they are given.

Where a call is given few values, each is tried by a twin of the builtin in Python; a test holds the twins
against OPA. Where it is not, bounds of numbers and the form of texts are known, and else the type.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import msgspec

from pushpolicy.evaluate.follow.domain import (
    ANYTHING,
    FALSE,
    NEVER,
    Bound,
    Domain,
    both,
    few,
    kinds,
    matching,
)
from pushpolicy.evaluate.follow.twins import EXACT, TWINS, UNDEFINED, glob_pattern, read_alike
from pushpolicy.evaluate.sources import policies

# How many combinations of arguments are tried.
_MOST = 1000
_IS = {f"is_{kind}": kind for kind in ("null", "boolean", "number", "string", "array", "object", "set")}


class Outcome(msgspec.Struct, frozen=True):
    """What a call gives.

    Attributes:
        domain: its values.
        results: all of them in Python, where they are few: scalars, lists, sets.
        is_sure: whether there always is one.
    """

    domain: Domain
    results: tuple[Any, ...] | None = None
    is_sure: bool = False


def call(name: str, given: Sequence[Domain], known: Sequence[Sequence[Any] | None]) -> Outcome:
    """What a builtin gives.

    Args:
        name: of the builtin.
        given: what each argument can be.
        known: the same in Python where they are few, arrays and sets included.
    """
    if any(domain.is_empty for domain in given):
        return Outcome(NEVER)
    if name in _IS or name == "type_name":
        return _typed(name, given[0])
    if name in TWINS and (results := _tried(TWINS[name], known)) is not None:
        simple = [each for each in results if not isinstance(each, list | frozenset)]
        domain = few(simple) if len(simple) == len(results) else _result_type(name)
        return Outcome(domain, tuple(results), is_sure=name not in ("max", "min"))
    if name in _RANGES and all(domain.types == {"number"} for domain in given):
        domain = _RANGES[name](*given)
        return Outcome(domain, is_sure=name not in ("div", "rem"))
    if name == "minus" and any(domain.types == {"number"} for domain in given):
        return Outcome(kinds("number"))
    if name in _BETWEEN:
        return Outcome(_range(*_BETWEEN[name], whole=True))
    if name in _FORMS:
        return Outcome(matching(_FORMS[name]))
    if (asked := matched(name, known)) and both(given[asked[0]], asked[1]).is_empty:
        return Outcome(FALSE, (False,))
    return Outcome(_result_type(name))


def matched(name: str, known: Sequence[Sequence[Any] | None]) -> tuple[int, Domain] | None:
    """Which argument of a call is a text that has a form where the call holds, and the texts of that form."""
    if name not in MATCHES:
        return None
    place, form = MATCHES[name]
    others = [values for number, values in enumerate(known) if number != place]
    if len(known) <= place or any(values is None or len(values) != 1 for values in others):
        return None
    try:
        return place, matching(form(*(values[0] for values in others if values)))
    except (ValueError, TypeError):
        return None


def text(parts: Sequence[Sequence[str] | None]) -> Domain:
    """A text that is made of these, one after the other; None: of which nothing is known."""
    given = [part for part in parts if part is not None]
    if len(given) == len(parts) and math.prod(map(len, given)) <= _MOST:
        return few("".join(each) for each in product(*given))
    pattern = "".join(
        re.escape(part[0]) if part is not None and len(part) == 1 else r"[\s\S]*" for part in parts
    )
    return matching(f"^{pattern}$")


def _tried(twin: Callable[..., Any], known: Sequence[Sequence[Any] | None]) -> list[Any] | None:
    """The results of a twin with each combination; None, where one is not known."""
    if any(values is None for values in known):
        return None
    given = [values or () for values in known]
    if math.prod(map(len, given)) > _MOST:
        return None
    try:
        return [result for arguments in product(*given) if (result := twin(*arguments)) is not UNDEFINED]
    except (ValueError, TypeError, AttributeError, IndexError, OverflowError, re.error):
        return None


def _typed(name: str, given: Domain) -> Outcome:
    if name == "type_name":
        domain = few(sorted(given.types))
    else:
        wanted = _IS[name]
        domain = few([kind == wanted for kind in given.types])
    return Outcome(domain, tuple(domain.values), is_sure=True)


@cache
def _types() -> Mapping[str, str]:
    builtins = json.loads((policies() / "capabilities.json").read_bytes())["builtins"]
    return {each["name"]: each["decl"].get("result", {}).get("type", "any") for each in builtins}


def _result_type(name: str) -> Domain:
    kind = _types().get(name, "any")
    return ANYTHING if kind == "any" else kinds(kind)


def _bound(number: float, side: int, outward: float) -> Bound:
    """A bound that was computed, moved outward by the error of that."""
    exact = math.isinf(number) or (number == int(number) and abs(number) < EXACT)
    return (number if exact else math.nextafter(number, outward), side if exact else 0)


def _range(low: float, high: float, whole: bool, sides: tuple[int, int] = (0, 0)) -> Domain:
    return Domain(
        types=frozenset({"number"}),
        low=_bound(low, sides[0], -math.inf),
        high=_bound(high, sides[1], math.inf),
        whole=whole,
    )


def _plus(a: Domain, b: Domain) -> Domain:
    sides = (max(a.low[1], b.low[1]), min(a.high[1], b.high[1]))
    return _range(a.low[0] + b.low[0], a.high[0] + b.high[0], a.whole and b.whole, sides)


def _less(a: Domain, b: Domain) -> Domain:
    sides = (max(a.low[1], -b.high[1]), min(a.high[1], -b.low[1]))
    return _range(a.low[0] - b.high[0], a.high[0] - b.low[0], a.whole and b.whole, sides)


def _times(a: Domain, b: Domain) -> Domain:
    if a.low[0] < 0 or b.low[0] < 0:
        return kinds("number")
    highs = (a.high[0], b.high[0])
    return _range(a.low[0] * b.low[0], 0 if 0 in highs else math.prod(highs), a.whole and b.whole)


def _by(a: Domain, b: Domain) -> Domain:
    if a.low[0] < 0 or b.low[0] <= 0:
        return _range(0 if a.low[0] >= 0 and b.low[0] >= 0 else -math.inf, math.inf, whole=False)
    return _range(0, a.high[0] / b.low[0], whole=False)


def _remainder(a: Domain, b: Domain) -> Domain:
    if a.low[0] < 0 or b.low[0] <= 0:
        return Domain(types=frozenset({"number"}), whole=True)
    return _range(0, b.high[0] - 1, whole=True)


def _absolute(a: Domain) -> Domain:
    return _range(max(a.low[0], 0), max(abs(a.low[0]), abs(a.high[0])), a.whole)


def _to_whole(a: Domain) -> Domain:
    if a.low[0] < 0:  # OPA's ceil(-0.5) is 1
        return Domain(types=frozenset({"number"}), whole=True)
    return _range(
        math.floor(a.low[0]), a.high[0] if math.isinf(a.high[0]) else math.ceil(a.high[0]), whole=True
    )


_RANGES: Mapping[str, Callable[..., Domain]] = {
    "plus": _plus,
    "minus": _less,
    "mul": _times,
    "div": _by,
    "rem": _remainder,
    "abs": _absolute,
    "ceil": _to_whole,
    "floor": _to_whole,
    "round": _to_whole,
}
# Between which bounds every number is that they give; times are nanoseconds in 64 bits.
_BETWEEN = {
    "semver.compare": (-1, 1),
    "indexof": (-1, math.inf),
    "strings.count": (0, math.inf),
    "time.parse_rfc3339_ns": (-(2.0**63), 2.0**63),
    "time.parse_duration_ns": (-(2.0**63), 2.0**63),
    "time.add_date": (-(2.0**63), 2.0**63),
}
# What every text has in common that they give.
_FORMS = {
    "lower": "^[^A-Z]*$",
    "upper": "^[^a-z]*$",
    "trim_space": r"^(\S([\s\S]*\S)?)?$",
    "crypto.md5": "^[0-9a-f]{32}$",
    "crypto.sha1": "^[0-9a-f]{40}$",
    "crypto.sha256": "^[0-9a-f]{64}$",
    "crypto.sha512": "^[0-9a-f]{128}$",
    "format_int": "^-?[0-9a-f]+$",
}
# The text that is asked about, and its form by the other arguments.
MATCHES: Mapping[str, tuple[int, Callable[..., str]]] = {
    "startswith": (0, lambda part: f"^{re.escape(part)}"),
    "endswith": (0, lambda part: f"{re.escape(part)}$"),
    "contains": (0, lambda part: re.escape(part)),
    "regex.match": (1, read_alike),
    "glob.match": (2, glob_pattern),
}

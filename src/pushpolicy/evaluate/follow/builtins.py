"""What OPA's builtins give, as far as it follows from what they are given.

Where a call is given few values, each is tried by a twin of the builtin in Python; a test holds the twins
against OPA. Where it is not, bounds of numbers and the form of texts are known, and else the type.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import msgspec

from pushpolicy.evaluate.follow.domain import (
    ANYTHING,
    FALSE,
    NEVER,
    Domain,
    both,
    few,
    kinds,
    matching,
    of_schema,
)
from pushpolicy.evaluate.follow.forms import FORMS, MATCHES
from pushpolicy.evaluate.follow.ranges import BETWEEN, RANGES, between, over
from pushpolicy.evaluate.follow.twins import TWINS, UNDEFINED
from pushpolicy.evaluate.sources import policies

# What functions of the lib give, as a JSON Schema; a test asks them.
_OF_LIB: Mapping[str, Mapping[str, Any]] = {
    "calendar.weekday": {
        "enum": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    },
    "calendar.clock": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
    "calendar.within": {"type": "boolean"},
}
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


def call(
    name: str,
    given: Sequence[Domain],
    known: Sequence[Sequence[Any] | None],
    inside: Sequence[Domain | None] = (),
) -> Outcome:
    """What a builtin gives.

    Args:
        name: of the builtin.
        given: what each argument can be.
        known: the same in Python where they are few, arrays and sets included.
        inside: what is in each, where it is a collection of which that is known.
    """
    if any(domain.is_empty for domain in given):
        return Outcome(NEVER)
    if name in _IS or name == "type_name":
        return _typed(name, given[0])
    if name == "calendar.within" and _is_turned(known):
        return Outcome(FALSE, (False,))
    if name in TWINS and (results := _tried(TWINS[name], known)) is not None:
        simple = [each for each in results if not isinstance(each, list | frozenset)]
        domain = few(simple) if len(simple) == len(results) else _result_type(name)
        return Outcome(domain, tuple(results), is_sure=name not in ("max", "min"))
    if len(given) == 1 and inside and (among := over(name, inside[0] or ANYTHING)) is not None:
        return Outcome(among, is_sure=name not in ("max", "min"))
    if name in RANGES and all(domain.types == {"number"} for domain in given):
        domain = RANGES[name](*given)
        return Outcome(domain, is_sure=name not in ("div", "rem"))
    if name == "minus" and any(domain.types == {"number"} for domain in given):
        return Outcome(kinds("number"))
    if name in BETWEEN:
        return Outcome(between(*BETWEEN[name], whole=True))
    if name in FORMS:
        return Outcome(matching(FORMS[name](*given)))
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


def _is_turned(known: Sequence[Sequence[Any] | None]) -> bool:
    """Whether the last of the days is before the first: no time is within them."""
    firsts, lasts = known[1] or (), known[2] or ()
    return bool(firsts and lasts) and all(last < first for first, last in product(firsts, lasts))


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


def names() -> Collection[str]:
    """What a rule can call of OPA."""
    return _results().keys()


@cache
def _results() -> Mapping[str, Mapping[str, Any]]:
    """What each builtin gives, and each function of the lib, as a JSON Schema."""
    builtins = json.loads((policies() / "capabilities.json").read_bytes())["builtins"]
    return {**{each["name"]: _schema_of(each["decl"].get("result", {})) for each in builtins}, **_OF_LIB}


def _schema_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """OPA's type as a JSON Schema, as far as what is in it has one type."""
    kind = told.get("type", "any")
    if kind == "any":
        return {}
    inside = told.get("of") if kind == "set" else told.get("dynamic")
    if not isinstance(inside, Mapping) or told.get("static"):
        return {"type": kind}
    if kind == "object":
        return {"type": kind, "additionalProperties": _schema_of(inside.get("value", {}))}
    return {"type": kind, "items": _schema_of(inside)}


def is_builtin(name: str) -> bool:
    """Whether rules have it."""
    return name in _results()


def result_schema(name: str, given: Sequence[Domain]) -> Mapping[str, Any]:
    """What a builtin gives, as a JSON Schema."""
    schema = _results().get(name, {})
    # The pieces of a text are one at least, unless it is cut into its characters.
    return {**schema, "minItems": 1} if name == "split" and not given[1].holds("") else schema


def _result_type(name: str) -> Domain:
    return of_schema(_results().get(name, {}))

"""Which JSON values a term can have: a few that are known, or a kind of them within bounds."""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from pushpolicy.evaluate.follow.patterns import apart, lengths

COMPARES: dict[str, Callable[[Any, Any], bool]] = {
    "equal": operator.eq,
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
SWAPPED = {"lt": "gt", "lte": "gte", "gt": "lt", "gte": "lte"}
# In the order in which OPA puts values of different types.
_TYPES = ("null", "boolean", "number", "string", "array", "object", "set")
_FEW = 64

# A number, and 1 for what is just above it, -1 for what is just below.
Bound = tuple[float, int]


class Domain(msgspec.Struct, frozen=True):
    """A set of values that holds each that a term can have, and may hold more.

    Attributes:
        few: all of them, as JSON, where they are scalars and few.
        types: those of `few`, too.
        low: the least number among them.
        high: the greatest.
        whole: whether numbers are whole.
        patterns: regular expressions that every text among them matches.
        least: no text among them is before it.
        most: none is behind it; None, where nothing says so.
    """

    few: frozenset[str] | None = None
    types: frozenset[str] = frozenset(_TYPES)
    low: Bound = (-math.inf, 0)
    high: Bound = (math.inf, 0)
    whole: bool = False
    patterns: frozenset[str] = frozenset()
    least: str = ""
    most: str | None = None

    @property
    def values(self) -> tuple[Any, ...]:
        """The few."""
        return _read(self.few or frozenset())

    @property
    def is_empty(self) -> bool:
        """Whether there is none."""
        return (
            not self.types
            or (self.types == {"number"} and self.low > self.high)
            or (self.types == {"string"} and self.most is not None and self.least > self.most)
        )

    def holds(self, value: Any) -> bool:
        """Whether a scalar may be one of them."""
        if self.few is not None:
            return json.dumps(value) in self.few or any(_same(value, each) for each in self.values)
        kind = type_of(value)
        if kind not in self.types:
            return False
        if kind == "string":
            in_order = self.least <= value and (self.most is None or value <= self.most)
            return in_order and all(_compiled(each).search(value) for each in self.patterns)
        if kind != "number":
            return True
        return self.low <= (value, 0) <= self.high and (not self.whole or float(value).is_integer())

    def keep(self, test: Callable[[Any], bool]) -> Domain:
        """Those of the few that pass."""
        return few(value for value in self.values if test(value))


@lru_cache(maxsize=4096)
def _read(texts: frozenset[str]) -> tuple[Any, ...]:
    return tuple(json.loads(each) for each in sorted(texts))


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    # `$` is the very end in RE2 and in JSON Schema.
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern))


ANYTHING = Domain()
NEVER = Domain(few=frozenset(), types=frozenset())
SIZE = Domain(types=frozenset({"number"}), low=(0, 0), whole=True)
AT_LEAST_ONE = Domain(types=frozenset({"number"}), low=(1, 0), whole=True)


def type_of(value: object) -> str:
    """OPA's name of a scalar's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def few(values: Iterable[Any]) -> Domain:
    """These scalars; only what they have in common, where they are many."""
    known = list(values)
    return _few(frozenset(json.dumps(value) for value in known))


def only(text: str) -> Domain:
    """One scalar, as JSON."""
    return _few(frozenset({text}))


@lru_cache(maxsize=4096)
def _few(texts: frozenset[str]) -> Domain:
    known = _read(texts)
    numbers = [value for value in known if type_of(value) == "number"]
    return Domain(
        few=texts if len(texts) <= _FEW else None,
        types=frozenset(map(type_of, known)),
        low=(min(numbers, default=-math.inf), 0),
        high=(max(numbers, default=math.inf), 0),
        whole=all(float(value).is_integer() for value in numbers),
    )


FALSE = few([False])


def kinds(*types: str) -> Domain:
    """All values of these types."""
    return few([False, True]) if types == ("boolean",) else Domain(types=frozenset(types))


def matching(pattern: str) -> Domain:
    """All texts in which this regular expression is found."""
    return Domain(types=frozenset({"string"}), patterns=frozenset({pattern}))


def of_schema(node: Mapping[str, Any]) -> Domain:
    """The values that fit a schema."""
    words = node.get("enum", [node["const"]] if "const" in node else None)
    if words is not None and not any(isinstance(word, list | dict) for word in words):
        return few(words)
    kind = node.get("type")
    if kind is None:
        return ANYTHING
    if kind == "boolean":
        return kinds("boolean")
    return Domain(
        types=frozenset({"number" if kind == "integer" else kind}),
        low=(node.get("minimum", -math.inf), 0),
        high=(node.get("maximum", math.inf), 0),
        whole=kind == "integer",
        patterns=frozenset({node["pattern"]} if "pattern" in node else ()),
    )


def sizes_of_schema(node: Mapping[str, Any]) -> Domain:
    """How many items, or characters, there can be of what fits a schema."""
    domain = of_schema(node)
    if domain.types == {"string"}:
        return sizes_of_texts(domain)
    least = node.get("minItems", 0)
    return msgspec.structs.replace(SIZE, low=(least, 0), high=(node.get("maxItems", math.inf), 0))


def sizes_of_texts(domain: Domain) -> Domain:
    """How many characters these texts can have."""
    if domain.few is not None:
        return few(len(text) for text in domain.values)
    known = [lengths(pattern) for pattern in domain.patterns]
    low, high = max((low for low, _ in known), default=0), min((high for _, high in known), default=math.inf)
    if low == high:
        return few([low])
    return msgspec.structs.replace(SIZE, low=(low, 0), high=(high, 0))


def either(domains: Iterable[Domain]) -> Domain:
    """The values of any of them."""
    each = [domain for domain in domains if not domain.is_empty]
    if len(each) < 2:
        return each[0] if each else NEVER
    if all(domain.few is not None for domain in each):
        return few(value for domain in each for value in domain.values)
    numbers = [domain for domain in each if "number" in domain.types]
    words = [domain for domain in each if "string" in domain.types]
    texts, mosts = [domain.patterns for domain in words], [domain.most for domain in words]
    return Domain(
        types=frozenset().union(*(domain.types for domain in each)),
        low=min((domain.low for domain in numbers), default=(-math.inf, 0)),
        high=max((domain.high for domain in numbers), default=(math.inf, 0)),
        whole=all(domain.whole for domain in numbers),
        patterns=frozenset.intersection(*texts) if texts else frozenset(),
        least=min((domain.least for domain in words), default=""),
        most=None if None in mosts else max((most for most in mosts if most is not None), default=None),
    )


def both(a: Domain, b: Domain) -> Domain:
    """The values that are in both."""
    if a is ANYTHING or b is ANYTHING:
        return b if a is ANYTHING else a
    if b.few is not None and (a.few is None or len(b.few) < len(a.few)):
        a, b = b, a
    if a.few is not None:
        return a.keep(b.holds)
    patterns = a.patterns | b.patterns
    return _rounded(
        Domain(
            types=(a.types & b.types) - ({"string"} if apart(patterns) else frozenset()),
            low=max(a.low, b.low),
            high=min(a.high, b.high),
            whole=a.whole or b.whole,
            patterns=patterns,
            least=max(a.least, b.least),
            most=min((most for most in (a.most, b.most) if most is not None), default=None),
        )
    )


def narrowed(name: str, a: Domain, b: Domain) -> Domain:
    """Those of `a` that compare so with some of `b`."""
    if name in ("equal", "eq"):
        return both(a, b)
    if a.few is not None:
        return a.keep(lambda value: True in truths(name, few([value]), b))
    if name == "neq" or b.types not in ({"number"}, {"string"}):
        return a
    [kind] = b.types
    up = name in ("gt", "gte")
    # Of another type it is what OPA puts behind, or before, all of these.
    others = _TYPES[_TYPES.index(kind) :] if up else _TYPES[: _TYPES.index(kind) + 1]
    a = msgspec.structs.replace(a, types=a.types & set(others))
    if kind == "string":
        return msgspec.structs.replace(a, **_bound_of_texts(a, b, up))
    low, high = a.low, a.high
    if up:
        low = max(low, (b.low[0], max(b.low[1], int(name == "gt"))))
    else:
        high = min(high, (b.high[0], min(b.high[1], -int(name == "lt"))))
    return _rounded(msgspec.structs.replace(a, low=low, high=high))


def _bound_of_texts(a: Domain, b: Domain, up: bool) -> dict[str, Any]:
    """What a comparison with some of `b` says of the first and last text of `a`, which may be equal to it."""
    if b.few is None:
        least, most = b.least, b.most
    else:
        least, most = min(b.values), max(b.values)
    if up:
        return {"least": max(a.least, least)}
    return {"most": min((each for each in (a.most, most) if each is not None), default=None)}


def truths(name: str, a: Domain, b: Domain) -> frozenset[bool]:
    """What a comparison of two such values can be; nothing, where one has no value."""
    if a.is_empty or b.is_empty:
        return frozenset()
    if a.few is not None and b.few is not None and len(a.few) * len(b.few) <= _FEW * _FEW:
        return frozenset(compared(name, x, y) for x in a.values for y in b.values)
    if name in ("equal", "eq", "neq"):
        return frozenset({False, True}) if not both(a, b).is_empty else frozenset({name == "neq"})
    return _order(name, a, b)


def compared(name: str, a: Any, b: Any) -> bool:
    """A comparison of two scalars, as OPA makes it: different types have an order."""
    return COMPARES[name]((_TYPES.index(type_of(a)), a), (_TYPES.index(type_of(b)), b))


def _order(name: str, a: Domain, b: Domain) -> frozenset[bool]:
    if a.types == b.types == {"number"}:
        if name in ("gt", "gte"):
            return _order(SWAPPED[name], b, a)
        # Whether the least of `a` is below (or at) the greatest of `b`, and the other way round.
        sometimes = a.low < b.high or (name == "lte" and a.low == b.high)
        not_always = b.low < a.high or (name == "lt" and b.low == a.high)
        return frozenset({True} if sometimes else ()) | frozenset({False} if not_always else ())
    ranks, others = ([_TYPES.index(kind) for kind in each.types] for each in (a, b))
    if set(ranks) & set(others):
        return frozenset({False, True})
    return frozenset(COMPARES[name](x, y) for x in ranks for y in others)


def _rounded(domain: Domain) -> Domain:
    """With bounds that are whole, where the numbers are."""
    if not domain.whole:
        return domain
    (low, above), (high, below) = domain.low, domain.high
    if math.isfinite(low):
        low = math.floor(low) + 1 if above > 0 or low != math.floor(low) else low
    if math.isfinite(high):
        high = math.ceil(high) - 1 if below < 0 or high != math.ceil(high) else high
    return msgspec.structs.replace(domain, low=(low, 0), high=(high, 0))


def _same(a: Any, b: Any) -> bool:
    """1 is 1.0 and not true."""
    return bool(a == b) and type_of(a) == type_of(b)

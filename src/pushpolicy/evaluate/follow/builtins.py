"""What OPA's builtins give, as far as it follows from what they are given.

Where a call is given few values, each is tried by a twin of the builtin in Python; a test holds the twins
against OPA. Where it is not, bounds of numbers and the form of texts are known, and else the type.
"""

from __future__ import annotations

import json
import math
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, NoReturn

import msgspec

from pushpolicy.evaluate.follow.domain import ANYTHING, NEVER, Bound, Domain, few, kinds
from pushpolicy.evaluate.sources import policies

# How many combinations of arguments are tried.
_MOST = 1000
# What a builtin gives that gives nothing.
UNDEFINED = object()
_IS = {f"is_{kind}": kind for kind in ("null", "boolean", "number", "string", "array", "object", "set")}
_SPACE = "\t\n\v\f\r \x85\xa0"
_EXACT = 2**53
_ESCAPE = r"\\[-.dwsDWS/$^+*?|(){}\[\]\\]"
_READ_ALIKE = re.compile(
    rf"(?:[^\\(\[{{]|{_ESCAPE}|\((?!\?)|\(\?:|\(\?i\)|\[\^?(?:[^\[\]\\^]|{_ESCAPE})+\]|\{{(?=[0-9]))*"
)


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
    if name in _TWINS and (results := _tried(_TWINS[name], known)) is not None:
        simple = [each for each in results if not isinstance(each, list | frozenset)]
        domain = few(simple) if len(simple) == len(results) else _result_type(name)
        return Outcome(domain, tuple(results), is_sure=name not in ("max", "min"))
    if name in _RANGES and all(domain.types == {"number"} for domain in given):
        domain = _RANGES[name](*given)
        return Outcome(domain, is_sure=name not in ("div", "rem"))
    if name == "minus" and any(domain.types == {"number"} for domain in given):
        return Outcome(kinds("number"))
    if name in _FORMS:
        return Outcome(Domain(types=frozenset({"string"}), schema=_text(_FORMS[name])))
    return Outcome(_result_type(name))


def text(parts: Sequence[Sequence[str] | None]) -> Domain:
    """A text that is made of these, one after the other; None: of which nothing is known."""
    given = [part for part in parts if part is not None]
    if len(given) == len(parts) and math.prod(map(len, given)) <= _MOST:
        return few("".join(each) for each in product(*given))
    pattern = "".join(
        re.escape(part[0]) if part is not None and len(part) == 1 else r"[\s\S]*" for part in parts
    )
    return Domain(types=frozenset({"string"}), schema=_text(f"^{pattern}$"))


def _text(pattern: str) -> str:
    return json.dumps({"type": "string", "pattern": pattern})


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


def _strings(*values: Any) -> None:
    if not all(isinstance(value, str) for value in values):
        raise TypeError


def _on_text(function: Callable[..., Any]) -> Callable[..., Any]:
    """A twin all of whose arguments are texts."""

    def twin(*arguments: Any) -> Any:
        _strings(*arguments)
        return function(*arguments)

    return twin


def _ascii(change: Callable[[str], str]) -> Callable[[str], str]:
    """Beyond ASCII, Go and Python may change a text in different ways."""

    def twin(text: str) -> str:
        if not text.isascii():
            raise ValueError
        return change(text)

    return twin


def _listed(collection: Any) -> list[Any]:
    if not isinstance(collection, list | frozenset):
        raise TypeError
    return collection if isinstance(collection, list) else sorted(collection)


def _concat(separator: str, parts: Any) -> str:
    texts = _listed(parts)
    _strings(separator, *texts)
    return separator.join(texts)


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else list(text)


def _substring(text: str, offset: int, length: int) -> str:
    _strings(text)
    _whole(offset, length)
    if offset < 0:
        raise ValueError
    return text[offset:] if length < 0 else text[offset : offset + length]


def _replace(text: str, old: str, new: str) -> str:
    if not old:
        raise ValueError
    return text.replace(old, new)


def _index(text: str, part: str) -> int:
    return text.find(part) if part else _unknown()


def _counted(text: str, part: str) -> int:
    return text.count(part) if part else _unknown()


def _unknown() -> NoReturn:
    raise ValueError


def _format_int(number: int, base: int) -> str:
    _whole(number)
    return str(number) if base == 10 else _unknown()


def _any_match(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def twin(texts: Any, parts: Any) -> bool:
        left, right = ([each] if isinstance(each, str) else _listed(each) for each in (texts, parts))
        _strings(*left, *right)
        return any(test(text, part) for text in left for part in right)

    return twin


def _sprintf(form: str, values: list[Any]) -> str:
    _strings(form)
    verbs = re.findall("%.?", form)
    if len(verbs) != len(values) or not set(verbs) <= {"%s", "%d", "%v"}:
        raise ValueError
    for verb, value in zip(verbs, values, strict=True):
        if not isinstance(value, str if verb == "%s" else int if verb == "%d" else str | int):
            raise TypeError
        if isinstance(value, bool):
            raise TypeError
    texts = iter(values)
    return re.sub("%.", lambda _: str(next(texts)), form)


def _regex(pattern: str, text: str) -> bool:
    """Only what RE2 and Python read alike."""
    if not text.isascii() or not text.isprintable() or not _READ_ALIKE.fullmatch(pattern):
        raise ValueError
    return re.search(pattern, text, re.ASCII) is not None


def _glob(pattern: str, delimiters: Any, text: str) -> bool:
    """Only stars and question marks."""
    _strings(pattern, text)
    if set("[]{}\\!") & set(pattern):
        raise ValueError
    marks = [] if delimiters is None else delimiters or ["."]
    _strings(*marks)
    one = "[^" + "".join(map(re.escape, marks)) + "]" if marks else "."
    parts = re.split(r"(\*\*+|\*|\?)", pattern)
    forms = {"*": f"{one}*", "?": one}
    form = "".join(forms.get(part, ".*" if part.startswith("**") else re.escape(part)) for part in parts)
    return re.fullmatch(form, text, re.DOTALL) is not None


def _to_number(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9][0-9]{0,14})", value):
        return int(value)
    raise ValueError


def _whole(*values: Any) -> None:
    """Python's whole numbers are exact, and OPA's are where they are small."""
    for value in values:
        if type(value) is not int or abs(value) > _EXACT:
            raise ValueError


def _on_whole(function: Callable[..., int]) -> Callable[..., int]:
    def twin(*arguments: Any) -> int:
        _whole(*arguments)
        result = function(*arguments)
        _whole(result)
        return result

    return twin


def _divided(a: int, b: int) -> int:
    if b == 0 or a % b:
        raise ValueError
    return a // b


def _rest(a: int, b: int) -> int:
    if a < 0 or b <= 0:
        raise ValueError
    return a % b


def _over(function: Callable[[list[int]], int]) -> Callable[[Any], int]:
    def twin(collection: Any) -> int:
        numbers = _listed(collection)
        _whole(*numbers)
        return function(numbers)

    return twin


def _most(function: Callable[[list[Any]], Any]) -> Callable[[Any], Any]:
    def twin(collection: Any) -> Any:
        items = _listed(collection)
        if not all(isinstance(item, str) for item in items):
            _whole(*items)
        return function(items) if items else UNDEFINED

    return twin


def _marshalled(value: Any) -> str:
    if (
        not isinstance(value, str)
        or not value.isascii()
        or not value.isprintable()
        or set('<>&"\\') & set(value)
    ):
        raise ValueError
    return json.dumps(value)


def _minus(a: Any, b: Any) -> Any:
    if isinstance(a, frozenset) and isinstance(b, frozenset):
        return a - b
    _whole(a, b)
    return a - b


_TWINS: Mapping[str, Callable[..., Any]] = {
    "lower": _on_text(_ascii(str.lower)),
    "upper": _on_text(_ascii(str.upper)),
    "trim": _on_text(str.strip),
    "trim_left": _on_text(str.lstrip),
    "trim_right": _on_text(str.rstrip),
    "trim_prefix": _on_text(str.removeprefix),
    "trim_suffix": _on_text(str.removesuffix),
    "trim_space": _on_text(_ascii(lambda text: text.strip(_SPACE))),
    "strings.reverse": _on_text(_ascii(lambda text: text[::-1])),
    "replace": _on_text(_replace),
    "substring": _substring,
    "concat": _concat,
    "split": _on_text(_split),
    "startswith": _on_text(str.startswith),
    "endswith": _on_text(str.endswith),
    "contains": _on_text(lambda text, part: part in text),
    "indexof": _on_text(_index),
    "strings.count": _on_text(_counted),
    "strings.any_prefix_match": _any_match(str.startswith),
    "strings.any_suffix_match": _any_match(str.endswith),
    "sprintf": _sprintf,
    "regex.match": _on_text(_regex),
    "glob.match": _glob,
    "to_number": _to_number,
    "format_int": _format_int,
    "and": lambda a, b: a & b if isinstance(a, frozenset) else _unknown(),
    "plus": _on_whole(lambda a, b: a + b),
    "minus": _minus,
    "mul": _on_whole(lambda a, b: a * b),
    "div": _on_whole(_divided),
    "rem": _on_whole(_rest),
    "abs": _on_whole(abs),
    "ceil": _on_whole(lambda a: a),
    "floor": _on_whole(lambda a: a),
    "round": _on_whole(lambda a: a),
    "sum": _over(sum),
    "product": _over(math.prod),
    "max": _most(max),
    "min": _most(min),
    "json.marshal": _marshalled,
    "base64.encode": lambda text: b64encode(text.encode()).decode(),
}


def _bound(number: float, side: int, outward: float) -> Bound:
    """A bound that was computed, moved outward by the error of that."""
    exact = math.isinf(number) or (number == int(number) and abs(number) < _EXACT)
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

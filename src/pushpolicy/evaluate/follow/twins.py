"""Twins of OPA's builtins in Python: the same result for the same arguments, or a ValueError or TypeError.

A test holds each against OPA. Where the two could differ, a twin gives nothing.
"""

from __future__ import annotations

import json
import math
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

# What a builtin gives that gives nothing.
UNDEFINED = object()
EXACT = 2**53  # up to here both count exactly
_MOST_NUMBERS = 100
_SPACE = "\t\n\v\f\r \x85\xa0"
_ESCAPE = r"\\[-.dwsDWS/$^+*?|(){}\[\]\\]"
_READ_ALIKE = re.compile(
    rf"(?:[^\\(\[{{]|{_ESCAPE}|\((?!\?)|\(\?:|\(\?i\)|\[\^?(?:[^\[\]\\^]|{_ESCAPE})+\]|\{{(?=[0-9]))*"
)


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


def read_alike(pattern: str) -> str:
    """A regular expression that RE2 and Python read alike.

    Raises:
        ValueError: when they may not.
    """
    if not _READ_ALIKE.fullmatch(pattern):
        raise ValueError
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError from error
    return pattern


def _regex(pattern: str, text: str) -> bool:
    read_alike(pattern)
    if not text.isascii() or not text.isprintable():
        raise ValueError
    return re.search(pattern, text, re.ASCII) is not None


def glob_pattern(pattern: str, delimiters: list[str] | None) -> str:
    """A glob of nothing but stars and question marks, as a regular expression.

    Raises:
        ValueError, TypeError: when it is another.
    """
    _strings(pattern)
    if set("[]{}\\!") & set(pattern):
        raise ValueError
    marks = [] if delimiters is None else delimiters or ["."]
    _strings(*marks)
    one = "[^" + "".join(map(re.escape, marks)) + "]" if marks else r"[\s\S]"
    parts = re.split(r"(\*\*+|\*|\?)", pattern)
    forms = {"*": f"{one}*", "?": one}
    wild = r"[\s\S]*"
    form = "".join(forms.get(part, wild if part.startswith("**") else re.escape(part)) for part in parts)
    return f"^{form}$"


def _glob(pattern: str, delimiters: list[str] | None, text: str) -> bool:
    _strings(text)
    return re.search(glob_pattern(pattern, delimiters)[:-1] + r"\Z", text) is not None


def _to_number(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9][0-9]{0,14})", value):
        return int(value)
    raise ValueError


def _whole(*values: Any) -> None:
    """Python's whole numbers are exact, and OPA's are where they are small."""
    for value in values:
        if type(value) is not int or abs(value) > EXACT:
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


def _numbers(first: int, last: int) -> list[int]:
    _whole(first, last)
    if abs(last - first) > _MOST_NUMBERS:
        raise ValueError
    return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))


def _bytes(text: str) -> int:
    _strings(text)
    match = re.fullmatch(r"([0-9]{1,15})(?:([kmgt])(i)?b?)?", text.lower())
    if match is None:
        raise ValueError
    number, unit, binary = match.groups()
    size = int(number)
    for _ in range(" kmgt".index(unit or " ")):
        size *= 1024 if binary else 1000
    _whole(size)
    return size


def _duration(text: str) -> int:
    _strings(text)
    match = re.fullmatch(r"([0-9]{1,9})([hms])", text)
    if match is None:
        raise ValueError
    return int(match[1]) * {"h": 3600, "m": 60, "s": 1}[match[2]] * 10**9


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


TWINS: Mapping[str, Callable[..., Any]] = {
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
    "numbers.range": _numbers,
    "units.parse_bytes": _bytes,
    "time.parse_duration_ns": _duration,
    "json.marshal": _marshalled,
    "base64.encode": lambda text: b64encode(text.encode()).decode(),
}

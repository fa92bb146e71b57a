"""JSON that every program reads alike: the one reader of what registries, builders and attestors write.

Programs in Go, which run what is judged here, match the name of a field without regard to case and take the
last of several; others take the first, or the exact one. A document that two of them could understand
differently is refused. Sources: RFC 8259, RFC 7493 section 2, Go's encoding/json ("Unmarshal", fold.go).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import msgspec

from pushpolicy.model.expressions import expression

MAX_DEPTH = 64
# How deep json itself reads differs from one Python to the next.
_TOO_DEEP = f"is not JSON that is nested at most {MAX_DEPTH} deep"
# Of a large document, however small each is: json makes an object of every one, in a call that no budget can
# interrupt. An SBOM has some 30 bytes or more for each comma and bracket, whose number is the bound.
_MAX_VALUES = 4_000_000
# Strings are skipped as a whole, so that brackets in them do not count.
_TO_BRACKET = expression(rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+[\[\]{}]', re.DOTALL)
_TEXT = expression(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_SURROGATE = expression(r"\\u[dD][89a-fA-F]")


class Shape(msgspec.Struct, frozen=True):
    """The fields of an object that readers know by name; of each object, where it stands for a list of them.

    Attributes:
        fields: by their exact names; the shape of what is in a field, None for a map, a list or a scalar.
        any_case: whether a single spelling in other case is read as Go reads it, rather than refused.
        folded: the names by what is equal for each spelling that Go takes for it.
    """

    fields: Mapping[str, Shape | None]
    any_case: bool = False
    folded: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "folded", {_folded(name): name for name in self.fields})


def read(content: bytes, shape: Shape | None = None) -> Any:
    """Read a document; a shape with `any_case` gives each known field under its exact name.

    The messages say what the document "is" or "has"; the caller puts its name before them.

    Raises:
        ValueError: when it is not UTF-8 JSON, nested deeper than 64, or there are two ways to read it.
    """
    return read_noting(content, shape)[0]


def read_noting(content: bytes, shape: Shape | None = None) -> tuple[Any, tuple[str, ...]]:
    """Like `read`, with the spellings that were taken for a known field, as ``rootFS`` for ``rootfs``.

    Raises:
        ValueError: as `read`.
    """
    value = _decoded(content, _unique)
    return matched(value, shape) if shape else (value, ())


def check(content: bytes) -> None:
    """See that there is one way to read a document, without holding its objects in memory.

    Raises:
        ValueError: as `read` without a shape, and when it holds millions of values.
    """
    if sum(map(content.count, (b",", b"[", b"{"))) > _MAX_VALUES:
        raise ValueError(f"holds more than {_MAX_VALUES} values")
    _decoded(content, _forget)


def outline(content: bytes, shape: Shape) -> dict[str, bytes]:
    """The fields of a document with their undecoded values, of which only those with a shape are decoded.

    Raises:
        ValueError: as `read`, and when it is no object.
    """
    check(content)
    try:
        fields = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        raise ValueError("is not an object") from error
    values = {name: memoryview(value).tobytes() for name, value in fields.items()}
    inner = {
        name: _decoded(values[name], _unique)
        for name in shape.fields
        if name in values and shape.fields[name]
    }
    matched({**dict.fromkeys(values), **inner}, shape)
    return values


def matched(value: Any, shape: Shape) -> tuple[Any, tuple[str, ...]]:
    """A document that was read without its shape, as `read_noting` gives it.

    Raises:
        ValueError: when a key is a known field to programs that ignore case only.
    """
    notes: list[str] = []
    return _checked(value, shape, "", notes), tuple(notes)


def _decoded(content: bytes, hook: Callable[[list[tuple[str, Any]]], Any]) -> Any:
    try:
        text = content.decode("utf-8")
        if text.startswith("\ufeff"):
            raise ValueError("begins with a byte order mark")
        value = json.loads(text, object_pairs_hook=hook, parse_constant=_refuse_constant, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise ValueError("is not JSON: it is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from error
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    if _is_deep(content):
        raise ValueError(_TOO_DEEP)
    if _SURROGATE.search(text):
        # Go reads half of a pair as U+FFFD, so that two different keys can become one.
        try:
            for string in _TEXT.finditer(text):
                json.loads(string[0]).encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError("holds half of a surrogate pair") from error
    return value


def _is_deep(content: bytes) -> bool:
    """Whether a document, known to be JSON, is nested too deeply."""
    if content.count(b"[") + content.count(b"{") <= MAX_DEPTH:
        return False
    depth = position = 0
    while found := _TO_BRACKET.match(content, position):
        position = found.end()
        depth += 1 if content[position - 1] in b"[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"is not JSON: it holds {name}")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"holds a number that is too large: {text[:40]}")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"has the key {twice[:80]!r}, which occurs twice")
    return result


def _forget(pairs: list[tuple[str, Any]]) -> None:
    _unique(pairs)


def _checked(value: Any, shape: Shape, at: str, notes: list[str]) -> Any:
    if isinstance(value, list):
        return [_checked(item, shape, f"{at}[{index}]", notes) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for key, item in value.items():
        name = key if key in shape.fields else shape.folded.get(_folded(key), key)
        inner = shape.fields.get(name)
        where = f"{at}.{name}".lstrip(".") if inner or name != key else ""
        if name != key:
            if name in value or name in result or not shape.any_case:
                raise ValueError(f"has the key {key[:80]!r}, which is {where!r} to programs that ignore case")
            notes.append(f"{key!r} is read as {where!r}")
        result[name] = _checked(item, inner, where, notes) if inner else item
    return result


def _folded(key: str) -> str:
    """Equal for two keys that Go takes for one, if one of them is ASCII: U+212A lowers to k by itself."""
    return key.lower().replace("\u017f", "s")

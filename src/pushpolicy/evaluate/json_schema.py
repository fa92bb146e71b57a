"""JSON Schema (draft 7) as far as pushpolicy's own schemas use it; an unknown keyword is refused.

fastjsonschema generates 180 KB of Python for the evidence schema and needs 40 to 130 ms before the first
verdict, longer than OPA takes to decide. Closures are ready in 1 ms and as fast from there. A property
test holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pushpolicy.model.text import nearest

Check = Callable[[Any], None]

# The last but one say what the absence of a field means to a rule (docs/rules.md), the last what is stricter.
_IGNORED = frozenset({"$schema", "$id", "title", "description", "default", "x-absent", "x-empty", "stricter"})
# How patterns of a time begin: an example says more of them than they do.
_TIMES = (r"^\d{4}-\d\d-\d\dT", "^[0-9]{4}-[0-9]{2}-[0-9]{2}T")
_NAMES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
}


class MismatchError(ValueError):
    """A value does not fit; `path` leads to it, innermost first while it is being raised."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.path: list[str | int] = []

    def __str__(self) -> str:
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in reversed(self.path))
        return f"{''.join(steps).removeprefix('.') or 'it'} {self.args[0]}"


def compile_schema(schema: Mapping[str, Any]) -> Check:
    """A function that raises `MismatchError` for a value that does not fit.

    Raises:
        ValueError: when the schema uses a keyword that is not known here.
    """
    checks: list[Check] = []
    keywords = dict(schema)
    for name in _IGNORED:
        keywords.pop(name, None)
    if "type" in keywords:
        checks.append(_type(keywords.pop("type")))
    if {"properties", "required", "additionalProperties"} & keywords.keys():
        checks.append(_object(keywords))
    if "if" in keywords:
        checks.append(_condition(keywords))
    for keyword, value in keywords.items():
        if keyword not in _KEYWORDS:
            raise ValueError(f"unknown keyword {keyword!r}")
        checks.append(_KEYWORDS[keyword](value))
    return checks[0] if len(checks) == 1 else _all(checks)


def _all(checks: Sequence[Check]) -> Check:
    def check(value: Any) -> None:
        for test in checks:
            test(value)

    return check


def _type(name: str | Sequence[str]) -> Check:
    if not isinstance(name, str):
        return _one_of([_type(each) for each in name], f"must be of type {' or '.join(name)}")
    if name in ("integer", "number"):
        return _number(name)
    if name not in _NAMES:
        raise ValueError(f"unknown type {name!r}")
    kind = _NAMES[name]

    def check(value: Any) -> None:
        if type(value) is not kind:
            raise MismatchError(f"must be of type {name}")

    return check


def _one_of(checks: Sequence[Check], message: str) -> Check:
    def check(value: Any) -> None:
        for test in checks:
            try:
                return test(value)
            except MismatchError:
                continue
        raise MismatchError(message)

    return check


def _number(name: str) -> Check:
    def check(value: Any) -> None:
        if type(value) is not int and not (type(value) is float and (name == "number" or value.is_integer())):
            raise MismatchError(f"must be of type {name}")

    return check


def _object(keywords: dict[str, Any]) -> Check:
    """`properties`, `required` and `additionalProperties`, in one pass over the keys."""
    properties = keywords.pop("properties", {})
    known = {name: compile_schema(part) for name, part in properties.items()}
    # Most fields are texts of any kind: one look instead of a call for each.
    plain = {name: kind for name, part in properties.items() if (kind := _only_type(part)) is not None}
    required = tuple(keywords.pop("required", ()))
    more = keywords.pop("additionalProperties", True)
    other = None if more is False else _anything if more is True else compile_schema(more)

    def check(value: Any) -> None:
        if type(value) is not dict:
            return
        for name in required:
            if name not in value:
                raise _lacks(name, [] if other else value.keys() - known.keys())
        key = ""
        try:
            for key, item in value.items():
                if type(item) is plain.get(key):
                    continue
                if test := known.get(key, other):
                    test(item)
                else:
                    raise MismatchError(f"is not known{nearest(key, known)}")
        except MismatchError as error:
            error.path.append(key)
            raise

    return check


def _only_type(schema: Mapping[str, Any]) -> type | None:
    """The type of values of which nothing else is asked."""
    name = schema.get("type")
    return _NAMES.get(name) if isinstance(name, str) and schema.keys() <= {"type"} | _IGNORED else None


def _lacks(name: str, unknown: Iterable[str]) -> MismatchError:
    """That a key is absent, or which one was written in its place."""
    for key in sorted(unknown):
        if meant := nearest(key, [name]):
            error = MismatchError(f"is not known{meant}")
            error.path.append(key)
            return error
    return MismatchError(f"lacks {name}")


def _anything(_: Any) -> None:
    pass


def _items(schema: Mapping[str, Any]) -> Check:
    test = compile_schema(schema)

    def check(value: Any) -> None:
        if type(value) is not list:
            return
        index = 0
        try:
            for item in value:
                test(item)
                index += 1
        except MismatchError as error:
            error.path.append(index)
            raise

    return check


def _property_names(schema: Mapping[str, Any]) -> Check:
    test = compile_schema(schema)

    def check(value: Any) -> None:
        for name in value if type(value) is dict else ():
            try:
                test(name)
            except MismatchError as error:
                raise MismatchError(f"has the key {name[:80]!r}, which {error.args[0]}") from error

    return check


def _condition(keywords: dict[str, Any]) -> Check:
    condition = compile_schema(keywords.pop("if"))
    then, otherwise = (compile_schema(keywords.pop(name, {})) for name in ("then", "else"))

    def check(value: Any) -> None:
        try:
            condition(value)
        except MismatchError:
            otherwise(value)
        else:
            then(value)

    return check


def _enum(values: Sequence[Any]) -> Check:
    if all(type(item) is str for item in values):
        return _words(frozenset(values))
    # 1 == True in Python, and not in JSON.
    allowed = [(type(item), item) for item in values]

    def check(value: Any) -> None:
        if (type(value), value) not in allowed:
            raise MismatchError(f"must be one of {', '.join(map(str, values))}")

    return check


def _words(values: frozenset[str]) -> Check:
    def check(value: Any) -> None:
        if type(value) is not str or value not in values:
            raise MismatchError(f"must be one of {', '.join(sorted(values))}")

    return check


def _pattern(pattern: str) -> Check:
    search = re.compile(re.sub(r"\$$", r"\\Z", pattern)).search
    said = 'be a time like "2027-01-01T00:00:00Z"' if pattern.startswith(_TIMES) else f"match {pattern}"

    def check(value: Any) -> None:
        if type(value) is str and not search(value):
            raise MismatchError(f"must {said}")

    return check


def _bound(fails: Callable[[Any, Any], bool], kinds: tuple[type, ...], text: str) -> Callable[[Any], Check]:
    def keyword(limit: Any) -> Check:
        def check(value: Any) -> None:
            if type(value) in kinds and fails(value, limit):
                raise MismatchError(text.format(limit))

        return check

    return keyword


def _unique(wanted: bool) -> Check:
    def check(value: Any) -> None:
        if wanted and type(value) is list and len({repr(item) for item in value}) != len(value):
            raise MismatchError("must not hold an item twice")

    return check


_KEYWORDS: dict[str, Callable[[Any], Check]] = {
    "enum": _enum,
    "const": lambda value: _enum([value]),
    "items": _items,
    "propertyNames": _property_names,
    "pattern": _pattern,
    "uniqueItems": _unique,
    "minimum": _bound(lambda value, limit: value < limit, (int, float), "must be {} or more"),
    "maximum": _bound(lambda value, limit: value > limit, (int, float), "must be {} or less"),
    "minLength": _bound(lambda value, limit: len(value) < limit, (str,), "must have {} characters or more"),
    "maxLength": _bound(lambda value, limit: len(value) > limit, (str,), "must have {} characters or fewer"),
    "minItems": _bound(lambda value, limit: len(value) < limit, (list,), "must have {} items or more"),
    "maxItems": _bound(lambda value, limit: len(value) > limit, (list,), "must have {} items or fewer"),
}

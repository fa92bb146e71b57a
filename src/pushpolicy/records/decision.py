"""Read a recorded decision document back into its type, exactly or not at all."""

from __future__ import annotations

import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from pushpolicy.model.decision import SCHEMA, Decision
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document

T = TypeVar("T")


def read_decision(document: Document) -> Decision:
    """The decision of a document.

    Law: ``read_decision(decision.document()) == decision``.

    Raises:
        ValueError: when a field is absent, unknown or of another type, or the schema is another.
    """
    if document.value.get("schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")
    decision: Decision = _record(Decision, document.value, "decision")
    return decision


def _record(kind: Any, value: object, at: str) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError(f"{at} is not an object")
    hints = _hints(kind)
    if unknown := value.keys() - hints.keys():
        raise ValueError(f"{at} has the unknown field {min(unknown)[:80]!r}")
    for item in _fields(kind):
        if item.required and item.name not in value:
            raise ValueError(f"{at}.{item.name} is absent")
    return kind(**{name: _typed(hints[name], content, f"{at}.{name}") for name, content in value.items()})


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _typed(hint: Any, value: object, at: str) -> Any:
    if hint is Any:
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _typed(next(item for item in arguments if item is not types.NoneType), value, at)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{at} is not a list")
        return tuple(_typed(arguments[0], item, f"{at}[{index}]") for index, item in enumerate(value))
    if origin is not None:
        return _exactly(dict, value, at)
    if hint is Digest or issubclass(hint, Enum):
        text = _exactly(str, value, at)
        try:
            return Digest.parse(text) if hint is Digest else hint(text)
        except ValueError as error:
            raise ValueError(f"{at}: {error}") from error
    return _record(hint, value, at) if issubclass(hint, msgspec.Struct) else _exactly(hint, value, at)


def _exactly(kind: type[T], value: object, at: str) -> T:
    # type() rather than isinstance(): True is not the number 1.
    if type(value) is not kind:
        raise ValueError(f"{at} is not of type {kind.__name__}")
    return value

"""JSON values read as structs, strictly: no field more or less, and none of another type."""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from pushpolicy.model.digest import Digest

Kind = TypeVar("Kind", bound=msgspec.Struct)
Reader = Callable[[Any], Any]


def read_typed(kind: type[Kind], value: object, name: str) -> Kind:
    """Make a struct of a JSON value.

    Args:
        kind: of structs, whose fields are structs, digests, enums, tuples and maps of such, and JSON.
        value: as it was decoded.
        name: what messages call it.

    Raises:
        ValueError: naming the first field that is absent, unknown or of another type.
    """
    try:
        found: Kind = _reader(kind)(value)
    except _MisfitError as error:
        raise ValueError(f"{name}{error}") from error
    return found


class _MisfitError(ValueError):
    """A value is not of the type of its field; `path` leads to it, innermost first while it is raised."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.path: list[str] = []

    def __str__(self) -> str:
        return f"{''.join(reversed(self.path))}{self.args[0]}"


@cache
def _reader(hint: Any) -> Reader:
    """What makes a value of this type of a JSON value; put together once, since records are many."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: value
    if origin in (Union, types.UnionType):
        return _reader(next(item for item in arguments if item is not types.NoneType))
    if origin is Literal:
        return _one_of(arguments)
    if origin is tuple:
        return _list(_reader(arguments[0]))
    if origin is not None:
        return _map(_reader(arguments[1]))
    if hint is Digest or issubclass(hint, Enum):
        return _of_text(Digest.parse if hint is Digest else hint)
    return _struct(hint) if issubclass(hint, msgspec.Struct) else _exactly(hint)


def _struct(kind: type[msgspec.Struct]) -> Reader:
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
    required = [item.name for item in msgspec.structs.fields(kind) if item.required]

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise _MisfitError(" is not an object")
        if unknown := value.keys() - readers.keys():
            raise _MisfitError(f" has the unknown field {min(unknown)[:80]!r}")
        for name in required:
            if name not in value:
                raise _MisfitError(f".{name} is absent")
        at = ""
        try:
            fields = {(at := name): readers[name](content) for name, content in value.items()}
        except _MisfitError as error:
            error.path.append(f".{at}")
            raise
        return kind(**fields)

    return read


def _list(reader: Reader) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not list:
            raise _MisfitError(" is not a list")
        found: list[Any] = []
        try:
            found.extend(map(reader, value))
        except _MisfitError as error:
            error.path.append(f"[{len(found)}]")
            raise
        return tuple(found)

    return read


def _map(reader: Reader) -> Reader:
    members = _exactly(dict)

    def read(value: Any) -> Any:
        given, at = members(value), ""
        try:
            return {(at := name): reader(content) for name, content in given.items()}
        except _MisfitError as error:
            error.path.append(f"[{at[:80]!r}]")
            raise

    return read


def _of_text(kind: Callable[[str], Any]) -> Reader:
    text = _exactly(str)

    def read(value: Any) -> Any:
        try:
            return kind(text(value))
        except _MisfitError:
            raise
        except ValueError as error:
            raise _MisfitError(f": {error}") from error

    return read


def _one_of(values: Sequence[Any]) -> Reader:
    def read(value: Any) -> Any:
        if value not in values:
            raise _MisfitError(f" is none of {', '.join(values)}")
        return value

    return read


def _exactly(kind: type) -> Reader:
    def read(value: Any) -> Any:
        # type() rather than isinstance(): True is not the number 1.
        if type(value) is not kind:
            raise _MisfitError(f" is not of type {kind.__name__}")
        return value

    return read

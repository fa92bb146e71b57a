"""JSON reports: decoded into typed structs that hold only what is needed.

Strict as RFC 8259, and UTF-8 throughout; a key that occurs twice counts last, as for every reader.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Hashable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from pushpolicy.model.strict_json import Shape, matched
from pushpolicy.model.text import printable
from pushpolicy.reports.format import Head, ReportBytes, ReportError

Value = TypeVar("Value")
_PIECE = 1024 * 1024
_BYTE = re.compile(r"\(byte (\d{1,18})\)")
_LEVEL = dict[str, msgspec.Raw] | list[dict[str, msgspec.Raw] | None] | None
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode(report: ReportBytes, kind: type[Value]) -> Value:
    """Read a report into this type.

    Raises:
        ReportError: when it is not JSON, not UTF-8, nested too deeply, or of another shape.
    """
    return decode_value(report.utf8(), kind)


def keys(content: bytes) -> tuple[dict[str, bytes], bool]:
    """The top-level keys with their undecoded values; of the first object, when the top is an array.

    Raises:
        ReportError: when it is not JSON.
    """
    if content.lstrip()[:1] != b"[":
        return _raw(content), False
    items = decode_value(content, list[msgspec.Raw])
    first = bytes(memoryview(items[0])) if items else b""
    return (_raw(first) if first[:1] == b"{" else {}), True


def head(content: bytes, start: bytes) -> Head:
    """What tells the format of a JSON file.

    Raises:
        ReportError: when it is not JSON.
    """
    found, is_array = keys(content)
    return Head(start=start, keys=found, is_array=is_array)


def check_case(found: Mapping[str, Any] | Sequence[Mapping[str, Any]], kind: type[msgspec.Struct]) -> None:
    """Check that an object, or each of a list, has the fields of a type under their exact names only.

    Tools written in Go read, and show, what is under a name in other case; here it would be passed over.

    Raises:
        ReportError: when it has one in other case.
    """
    try:
        matched(found, _shape(kind, any_case=False))
    except ValueError as error:
        raise ReportError(f"it {error}") from error


def in_exact_case(found: Mapping[str, bytes], kind: type[msgspec.Struct]) -> Mapping[str, bytes]:
    """The same, each key under the exact name of the field that Go takes it for, where no two are one."""
    try:
        renamed: Mapping[str, bytes] = matched(found, _shape(kind, any_case=True))[0]
    except ValueError:
        return found
    return renamed


@cache
def _shape(kind: type[msgspec.Struct], *, any_case: bool) -> Shape:
    return Shape(fields=dict.fromkeys(kind.__struct_encode_fields__), any_case=any_case)


def objects(report: ReportBytes, *path: str) -> list[dict[str, msgspec.Raw]]:
    """The objects under these keys, one within the other or within lists, with their undecoded values.

    Raises:
        ReportError: when there is something else.
    """
    found = _objects(report.utf8())
    for key in path:
        found = [
            each for parent in found if key in parent for each in _objects(bytes(memoryview(parent[key])))
        ]
    return found


def _objects(content: bytes) -> list[dict[str, msgspec.Raw]]:
    one: Any = decode_value(content, cast("Any", _LEVEL))
    return [each for each in (one if isinstance(one, list) else [one]) if each]


def is_lines(start: bytes) -> bool:
    """Whether a text is JSON Lines, not one document: its first line is an object, and others follow."""
    line, _, rest = start.partition(b"\n")
    if not rest.strip():
        return False
    try:
        decode_value(line, dict[str, msgspec.Raw])
    except ReportError:
        return False
    return True


def _raw(content: bytes) -> dict[str, bytes]:
    found = decode_value(content, dict[str, msgspec.Raw])
    return {key: memoryview(value)[:200].tobytes() for key, value in found.items()}


def decode_value(content: bytes, kind: type[Value]) -> Value:
    """Read UTF-8 into this type.

    Raises:
        ReportError: when it is not JSON, nested too deeply, or of another shape.
    """
    try:
        value: Value = _decoder(cast("Hashable", kind)).decode(content)
        return value
    except RecursionError as error:
        raise ReportError("it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise ReportError("it is not UTF-8") from error
    except msgspec.DecodeError as error:
        where = _where(str(error), content)
        raise ReportError(
            f"it does not read as JSON of its format: {printable(str(error))}{where}"
        ) from error


@cache
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    """Built on first use: building those of all formats takes longer than the rest of the start-up."""
    return msgspec.json.Decoder(cast("Any", kind))


def _where(message: str, content: bytes) -> str:
    """The line and column of the byte that a message names; a truncated text ends where it ends."""
    match = _BYTE.search(message)
    if match is None and "truncated" not in message:
        return ""  # the message names the path of the value
    place = min(int(match[1]), len(content)) if match else len(content)
    line = content.count(b"\n", 0, place) + 1
    column = place - content.rfind(b"\n", 0, place)
    return f", line {line}, column {column}"


def utf8(content: bytes) -> bytes:
    """The content as UTF-8 without a byte order mark; UTF-16 is what PowerShell's ``>`` writes.

    Raises:
        ReportError: when it is not text.
    """
    try:
        if content.startswith(_UTF16):
            return content.decode("utf-16").encode("utf-8")
        if not content.isascii():
            decoder = codecs.getincrementaldecoder("utf-8")()
            for start in range(0, len(content), _PIECE):
                decoder.decode(content[start : start + _PIECE], final=start + _PIECE >= len(content))
    except UnicodeError as error:
        raise ReportError("it is not valid UTF-8") from error
    return content.removeprefix(codecs.BOM_UTF8)

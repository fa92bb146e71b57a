"""Canonical JSON (RFC 8785), the one encoding under every digest of pushpolicy's own documents.

`rfc8785` is the definition. `json.dumps` gives the same bytes several times faster except for a few
forms of number and for keys outside the Basic Multilingual Plane; one pattern over its output tells
whether one of those may occur, and then the definition itself is used.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, NoReturn

import msgspec

# Python and ECMAScript write these numbers differently (1.0, 1e+16), or they may leave the exact range
# of a double (16 digits and more). A match inside a string costs time only; the sign that Python always
# gives an exponent keeps digests (sha256:7e...) from matching.
_UNCERTAIN_NUMBER = re.compile(r"[:,\[]-?[0-9](?:[0-9]{15}|[0-9.]*e[-+]|[0-9]*\.0[],}])")
# What `extra` may hold, and room for where it stands.
MAX_DEPTH = 128
_NOT_BMP = re.compile("[\U00010000-\U0010ffff]")
# Fractions that every encoder writes alike; and what makes runs of digits easy to find.
_PLAIN_FRACTION = re.compile(r"-?(?!0\.00000)[0-9]{1,9}\.[0-9]{0,5}[1-9]")
_DIGITS = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))


def encode(value: Any) -> bytes:
    """Encode a JSON value of dicts with string keys, lists, tuples, strings, numbers, booleans.

    Raises:
        ValueError: for NaN, numbers beyond 2^53-1 (RFC 7493 section 2.2; a float of that size would
            come back as an integer), lone surrogates and other types.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        beyond = not text.isascii() and _NOT_BMP.search(text)
        if isinstance(value, int | float) or beyond or _UNCERTAIN_NUMBER.search(text):
            import rfc8785  # most documents never need it

            _check_range(value)
            return rfc8785.dumps(value)
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"not representable as canonical JSON: {error}") from error


def _check_range(value: Any) -> None:
    if isinstance(value, float) and not -(2**53) < value < 2**53:
        raise ValueError(f"{value} is beyond 2^53")
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    for child in children:
        _check_range(child)


def decode(content: bytes) -> Any:
    """Read one of pushpolicy's own documents strictly (RFC 8259, RFC 7493 sections 2.1 to 2.3).

    Raises:
        ValueError: for anything that is not UTF-8 JSON, and for what JSON readers disagree on:
            duplicate keys, NaN, infinities, lone surrogates, integers beyond 2^53-1.
    """
    return read(content)[0]


def read(content: bytes) -> tuple[Any, bytes]:
    """Like `decode`, with the canonical encoding of what was read.

    Raises:
        ValueError: as `decode`.
    """
    try:
        return _read_plain(content), content
    except (ValueError, RecursionError):
        pass  # what is wrong with it, if anything, is said below
    try:
        text = content.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant)
        check_depth(value, MAX_DEPTH)
        encoded = encode(value)
        # Only a text without duplicate keys can come back unchanged, so the common case,
        # a document that is canonical already, needs no Python call for each of its objects.
        if encoded != content:
            json.loads(text, object_pairs_hook=_without_duplicates)
        return value, encoded
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _read_plain(content: bytes) -> Any:
    """Read what is canonical already and holds nothing that encoders write in different ways: most documents.

    msgspec reads and writes five times as fast as json. It is more lenient, but what it read and writes to
    the same bytes has no key twice, no other order and no other form of a number or an escape.

    Raises:
        ValueError: for anything else.
    """
    value = _PLAIN.decode(content)
    if (
        b"0" * 16 in content.translate(_DIGITS)
        or (not content.isascii() and _NOT_BMP.search(content.decode("utf-8")))
        or msgspec.json.encode(value, order="sorted") != content
    ):
        raise ValueError("not plain")
    # There are not more levels than brackets.
    if content.count(b"[") + content.count(b"{") > MAX_DEPTH:
        check_depth(value, MAX_DEPTH)
    return value


def _plain_fraction(text: str) -> float:
    if not _PLAIN_FRACTION.fullmatch(text):
        raise ValueError("not plain")
    return float(text)


_PLAIN = msgspec.json.Decoder(float_hook=_plain_fraction)


def check_depth(value: Any, most: int) -> None:
    """Refuse a JSON value with more than `most` arrays and objects within one another.

    How deep json itself reads differs from one Python to the next.

    Raises:
        ValueError: when it is nested too deeply.
    """
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(most):
        if not level:
            return
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
    if level:
        raise ValueError(f"nested too deeply, more than {most} levels")


def most_values(content: bytes) -> int:
    """How many values a JSON text can hold at most: what reading it may cost."""
    return 1 + sum(content.count(mark) for mark in (b",", b"[", b"{"))


def holds_null(value: Any) -> bool:
    """Whether a null is anywhere in a JSON value. In Rego, null < 80 is true."""
    if isinstance(value, dict):
        return any(map(holds_null, value.values()))
    if isinstance(value, list | tuple):
        return any(map(holds_null, value))
    return value is None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"key {twice[:80]!r} occurs twice")
    return result

"""How a secret value looks in a file: as it is, and in the ways that programs write it down."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
# Characters of base64 that the first of the encoded bytes shares with what stands before it.
_SHARED = (0, 2, 3)
_LINE = 32


def spellings(value: str) -> frozenset[bytes]:
    """The value as it is, in base64 within any longer text, URL-encoded, and escaped for JSON and XML.

    Of a value of several lines, such as a key, each long line counts by itself too.
    """
    raw = value.encode("utf-8", "surrogateescape")
    return frozenset(spelling for part in (raw, *_long_lines(raw)) for spelling in _spellings(part))


def _spellings(raw: bytes) -> Iterator[bytes]:
    yield raw
    text = raw.decode("utf-8", "replace")
    yield quote(raw).encode("ascii")
    yield quote(raw, safe="").encode("ascii")
    yield quote_plus(raw).encode("ascii")
    yield json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8")
    yield json.dumps(text)[1:-1].encode("ascii")
    escaped = html.escape(text, quote=False)
    yield escaped.encode("utf-8")
    yield escaped.replace('"', "&quot;").encode("utf-8")
    for offset in range(3):
        encoded = within_base64(raw, offset)
        yield encoded
        yield encoded.translate(_URL_SAFE)


def within_base64(raw: bytes, offset: int) -> bytes:
    """What base64 makes of these bytes wherever they stand in a longer text, `offset` bytes (mod 3) in."""
    encoded = base64.b64encode(b"\0" * offset + raw)
    return encoded[_SHARED[offset] : (offset + len(raw)) * 8 // 6]


def _long_lines(raw: bytes) -> Iterator[bytes]:
    lines = raw.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _LINE and not line.startswith(b"-----"))

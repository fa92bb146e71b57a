"""Changes to a report that keep most of its structure: random bytes alone would never get past a parser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

# Values at which readers go wrong: the wrong type, the edges of numbers, times, versions, digests and text.
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**53, 2**63, 2**64, -(2**70), 10**400, 0.1, -0.0, 1e308, 10.0, 9.8),
    *(
        "",
        " ",
        "0",
        "-1",
        "1e999",
        "NaN",
        "9" * 40,
        "9.8",
        "a" * 20_000,
        "\0",
        "\x1b[2J",
        "\u202e",
        "\U0001f600",
    ),
    *("\ufffe", "CVE-2026-1234", "GHSA-2222-3333-4444", f"sha256:{'a' * 64}", "sha256:", "@", ":", "/", "//"),
    *(
        "2026-11-24T10:00:00Z",
        "2026-13-24T10:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ),
    *(
        "pkg:npm/x@1",
        "pkg:",
        "critical",
        "Unknown",
        "not_affected",
        "fixed",
        [],
        {},
        [[]],
        [{}],
        [None],
        {"": {}},
    ),
)
_TOKENS = (
    *(
        b"<",
        b">",
        b"/>",
        b"</",
        b"<!--",
        b"<![CDATA[",
        b"&lt;",
        b"&#0;",
        b"&x;",
        b"<!DOCTYPE a [<!ENTITY x 'y'>]>",
    ),
    *(b"{", b"}", b"[", b"]", b'"', b"\\", b"\\ud800", b",", b":", b"\n", b"\r\n", b"\0", b"\xff", b"\xc3"),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xfe\xff",
        b"9" * 30,
        b"-1",
        b"1e999",
        b"NaN",
        b"<testcase/>",
        b"<failure/>",
    ),
    *(
        b"not ok 1\n",
        b"1..0\n",
        b"Bail out!\n",
        b"    ",
        b"end_of_record\n",
        b"DA:1,-1\n",
        b"mode: set\n",
        b"---\n",
    ),
)
MAX_SIZE = 128 * 1024
_PIECE = re.compile(rb"<[^<>]*>|\n|[^<>\n]+")
_NUMBER = re.compile(rb"\d+(?:\.\d+)?")
_QUOTED = re.compile(rb"\"[^\"<>]*\"|'[^'<>]*'")

Mutation = Callable[[bytes, Random], bytes]


def mutate(content: bytes, random: Random, other: bytes = b"") -> bytes:
    """The report with one to four changes; some take a piece of the `other` report."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        content = _choose(content, random)(content, random)[:MAX_SIZE]
    if other and random.random() < 0.05:
        content = _spliced(content, other, random)
    return content


def _choose(content: bytes, random: Random) -> Mutation:
    if random.random() < 0.15:
        return random.choice(BYTE_MUTATIONS)
    if content.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in (b"{", b"["):
        return _json
    return random.choice(TEXT_MUTATIONS)


def _json(content: bytes, random: Random) -> bytes:
    """A JSON document, or one line of JSON Lines, with one value changed."""
    lines = content.split(b"\n") if content.count(b"\n{") else [content]
    number = random.randrange(len(lines))
    if len(lines) > 1 and random.random() < 0.2:
        return b"\n".join([*lines[:number], random.choice(lines), *lines[number:]])
    try:
        text = json.dumps(changed(json.loads(lines[number]), random), ensure_ascii=False)
    except (ValueError, RecursionError):  # it is JSON no more, or nested too deeply for Python
        return random.choice(TEXT_MUTATIONS)(content, random)
    lines[number] = text.encode("utf-8", "replace")
    return b"\n".join(lines)


def changed(value: Any, random: Random) -> Any:
    """A JSON value with one change at a place to which a random way down leads."""
    if not isinstance(value, dict | list) or not value or random.random() < 0.1:
        return random.choice(ODD) if random.random() < 0.8 else _nested(value, random)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key, act = random.choice(keys), random.random()
    if act < 0.15:
        del value[key]
    elif act < 0.25:
        value[key] = value[random.choice(keys)]
    elif act < 0.3 and isinstance(value, list):
        value.extend([value[key]] * random.choice((1, 2, 300)))
    elif act < 0.35 and isinstance(value, dict):
        value[random.choice(("", "id", "x", *keys))] = value.pop(key)
    else:
        value[key] = changed(value[key], random)
    return value


def _nested(value: Any, random: Random) -> Any:
    for _ in range(random.choice((1, 70, 600))):
        value = [value] if random.random() < 0.5 else {"a": value}
    return value


def _piece_deleted(content: bytes, random: Random) -> bytes:
    pieces = _PIECE.findall(content) or [b""]
    del pieces[random.randrange(len(pieces))]
    return b"".join(pieces)


def _piece_copied(content: bytes, random: Random) -> bytes:
    pieces = _PIECE.findall(content) or [b""]
    piece = random.choice(pieces)
    pieces[random.randrange(len(pieces))] += piece * (
        random.choice((1, 1, 2, 300)) if len(piece) < 200 else 1
    )
    return b"".join(pieces)


def _value_replaced(content: bytes, random: Random) -> bytes:
    """One quoted value, else one number, replaced by an odd one."""
    found = [*_QUOTED.finditer(content)] if random.random() < 0.7 else [*_NUMBER.finditer(content)]
    if not found:
        return _inserted(content, random)
    match = random.choice(found)
    odd = str(random.choice(ODD)).encode("utf-8", "replace")
    quote = match[0][:1] if match[0][:1] in (b'"', b"'") else b""
    return content[: match.start()] + quote + odd + quote + content[match.end() :]


def _truncated(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _inserted(content: bytes, random: Random) -> bytes:
    place = random.randrange(len(content) + 1)
    return content[:place] + random.choice(_TOKENS) + content[place:]


def _byte_changed(content: bytes, random: Random) -> bytes:
    place = random.randrange(len(content) + 1)
    return content[:place] + random.randbytes(1) + content[place + 1 :]


def _cut_out(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content) + 1)
    return content[:start] + content[start + random.randrange(1, 200) :]


def _recoded(content: bytes, random: Random) -> bytes:
    encoding = random.choice(("utf-16", "utf-16-le", "utf-8-sig", "utf-32", "utf-7", "cp1252"))
    return content.decode("utf-8", "replace").encode(encoding, "replace")


def _spliced(content: bytes, other: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)] + other[random.randrange(len(other) + 1) :]


BYTE_MUTATIONS: Sequence[Mutation] = (_truncated, _inserted, _byte_changed, _cut_out, _recoded)
TEXT_MUTATIONS: Sequence[Mutation] = (_piece_deleted, _piece_copied, _value_replaced, _inserted)

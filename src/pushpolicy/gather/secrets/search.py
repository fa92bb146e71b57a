"""Which values of this run are secret, and the search for them in what will be stored.

A hit stops the run; it names file and variable, never the value. A value is searched for as it is, and in the
ways that programs write it down.
"""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from html import escape
from urllib.parse import quote, quote_plus

import msgspec

from pushpolicy.errors import InputError
from pushpolicy.gather.request import RawReport
from pushpolicy.gather.secrets import is_of_run, is_secret_name
from pushpolicy.gather.secrets.within import is_telling, within
from pushpolicy.model.text import printable
from pushpolicy.registry.credentials import Credential
from pushpolicy.reports.file import MAX_RATIO, Bounds, open_report
from pushpolicy.reports.format import ReportError

# What a message calls a variable, before its name.
VARIABLE = "the variable "
# The target's comes first.
_CREDENTIALS = (
    "the registry's credential",
    "the credential of the source's registry",
    "the credential of the records' registry",
    "the token of the OPA server",
    "the credential of the denials' registry",
)


def secret_values(
    environ: Mapping[str, str],
    *credentials: Credential | None,
    remote: Collection[str] = (),
    token: Collection[str] = (),
    not_secret: Collection[str] = (),
) -> dict[str, str]:
    """The secret values that must not be stored, each with what it is called in a message.

    Args:
        environ: the environment of the run.
        credentials: those that the run uses, for the target, a source that is in a registry, records, an
            OPA server, and denials.
        remote: the secrets that stand in the address of git's remote.
        token: the job's identity token.
        not_secret: the variables that hold none, whatever they look like. A credential in use is one still.
    """
    found: dict[str, str] = {}
    for name, value in environ.items():
        for secret in _of(name, value) if name not in not_secret else ():
            found.setdefault(secret, f"{VARIABLE}{name}")
    for secret in remote:
        found.setdefault(secret, "git's remote")
    for secret in token:
        found.setdefault(secret, "the job's identity token")
    for credential, called in zip(credentials, _CREDENTIALS, strict=False):
        for secret in credential.secrets if credential else ():
            if is_telling(secret):
                found.setdefault(secret.strip(), called)
    return found


def _of(name: str, value: str) -> Iterator[str]:
    if is_secret_name(name) and is_telling(value):
        yield value.strip()
    yield from sorted(within(value, by_chance=not is_of_run(name)))


CHUNK = 1024 * 1024
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
# Characters of base64 that the first of the encoded bytes shares with what stands before it.
_SHARED = (0, 2, 3)
_LONG_LINE = 32


def refuse_secrets(
    documents: Mapping[str, bytes], reports: Iterable[RawReport], secrets: Mapping[str, str]
) -> None:
    """Search what will be stored.

    Args:
        documents: content that is held in memory, by the name that a message gives it.
        reports: the files that will be stored; each is read again, in constant memory.
        secrets: what to search for, each with what a message calls it (`secret_values`).

    Raises:
        InputError: when a secret value is found, or a report cannot be read again.
    """
    needles = {spelling: called for secret, called in secrets.items() for spelling in spellings(secret)}
    for name, content in documents.items():
        _search(name, (content,), needles)
    for report in reports:
        try:
            # What was read once, within its limits, is searched whole.
            bounds = Bounds(report.size * MAX_RATIO, MAX_RATIO)
            with open_report(report.path, report.size, bounds=bounds) as file:
                _search(str(report.path), (file.compressed,), needles)
                _search(str(report.path), file.chunks(), needles)
        except ReportError as error:
            raise InputError(f"{printable(str(report.path))} changed since it was read: {error}") from error


def _search(name: str, pieces: Iterable[bytes], needles: Mapping[bytes, str]) -> None:
    hit = find(pieces, needles)
    if hit is None:
        return
    called = needles[hit.needle]
    hint = "nothing was stored or pushed; keep the secret out of the report, and replace it"
    if called.startswith(VARIABLE):
        variable = printable(called.removeprefix(VARIABLE))
        hint += f"; if {variable} holds no secret, say so: --not-secret {shlex.quote(variable)}"
    raise InputError(f"{printable(name)}:{hit.line} holds the value of {printable(called)}", hint)


def spellings(value: str) -> frozenset[bytes]:
    """The value as it is, in base64 within any longer text, URL-encoded, and escaped for JSON, XML and HTML.

    Of a value of several lines, such as a key, each long line counts by itself too.
    """
    raw = value.encode("utf-8", "surrogateescape")
    lines = raw.splitlines()
    long = [line for line in lines if len(line) >= _LONG_LINE and not line.startswith(b"-----")]
    texts = (raw, *long) if len(lines) > 1 else (raw,)
    return frozenset(spelling for text in texts for spelling in _spellings(text))


def _spellings(raw: bytes) -> Iterator[bytes]:
    yield raw
    text = raw.decode("utf-8", "replace")
    yield quote(raw).encode("ascii")
    yield quote(raw, safe="").encode("ascii")
    yield quote_plus(raw).encode("ascii")
    yield json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8")
    yield json.dumps(text)[1:-1].encode("ascii")
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield escaped.encode("utf-8")
    yield escaped.replace('"', "&quot;").encode("utf-8")
    yield escape(text).encode("utf-8")
    for offset in range(3):
        encoded = within_base64(raw, offset)
        yield encoded
        yield encoded.translate(_URL_SAFE)


def within_base64(raw: bytes, offset: int) -> bytes:
    """What base64 makes of these bytes wherever they stand in a longer text, `offset` bytes (mod 3) in."""
    encoded = base64.b64encode(b"\0" * offset + raw)
    return encoded[_SHARED[offset] : (offset + len(raw)) * 8 // 6]


class Hit(msgspec.Struct, frozen=True):
    """Which of the strings was found first, and in which line, from 1."""

    needle: bytes
    line: int


def chunks(stream: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of a useful size, whatever size they come in."""
    for piece in stream:
        for start in range(0, len(piece), CHUNK):
            yield piece[start : start + CHUNK]


def find(stream: Iterable[bytes], needles: Iterable[bytes]) -> Hit | None:
    """The first piece of the stream that holds one of the strings; None when none does.

    Args:
        stream: the content in pieces; a string may lie across two of them.
        needles: the strings, none of them empty.
    """
    searched = tuple(needles)
    overlap = max((len(needle) for needle in searched), default=1) - 1
    before, lines = b"", 0
    for piece in chunks(stream):
        window = before + piece
        hit = next((needle for needle in searched if needle in window), None)
        if hit is not None:
            return Hit(hit, lines + window.count(b"\n", 0, window.index(hit)) + 1)
        keep = window[len(window) - overlap :] if overlap else b""
        lines += window.count(b"\n", 0, len(window) - len(keep))
        before = keep
    return None

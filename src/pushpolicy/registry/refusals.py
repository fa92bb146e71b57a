"""How a registry refuses: in one line with its own words, and what to do about it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from pushpolicy.errors import PushError
from pushpolicy.http import failures
from pushpolicy.http.call import Answer
from pushpolicy.model.text import printable
from pushpolicy.registry.meanings import Phase, RegistryAnswer, Row, errors_in, meaning_of

_MAX_ERRORS = 3
_MAX_WORDS = 400  # the cause comes last in some, after a path of the registry's storage
_MAX_DETAIL = 200
_TITLE = re.compile(r"<title>([^<]{1,200})</title>", re.IGNORECASE)


class RefusedError(PushError):
    """The registry answered something else than what was asked for.

    Args:
        message: what it said.
        status: of its answer.
        row: what that means, where it is known.
    """

    def __init__(self, message: str, status: int, row: Row | None) -> None:
        super().__init__(message, f"{row.meaning}; {row.hint}" if row else None)
        self.status = status
        self.row = row


class AbsentError(RefusedError):
    """What was asked for is not there (404)."""


def refusal(action: str, answer: Answer) -> RefusedError:
    """The error for an answer that is not what was asked for; AbsentError for a 404."""
    about = answer if isinstance(answer, RegistryAnswer) else RegistryAnswer.of(answer)
    row = meaning_of(about)
    who = f"{printable(about.elsewhere)}, where the registry leads," if about.elsewhere else "the registry"
    said = failures.refusal(action, answer, who, registry_words(answer.content)).message
    kind = AbsentError if answer.status == 404 else RefusedError
    return kind("".join((said, *_asides(about))), answer.status, row)


def _asides(answer: RegistryAnswer) -> tuple[str, ...]:
    """What the answer does not say by itself: the type that it is about, the login, how long to wait."""
    found = []
    if answer.phase is Phase.MANIFEST and answer.status in (400, 415, 422):
        found.append(f" (a manifest of type {printable(answer.media_type)})")
    if answer.shown is not None:
        was = "was shown" if answer.asked or not answer.shown else "was not asked for"
        found.append(f" ({answer.shown or 'no credential'} {was})")
    wait = answer.headers.get("Retry-After")
    if wait and answer.status in (429, 503):
        found.append(f" (Retry-After: {printable(wait, 40)})")
    return tuple(found)


def registry_words(content: bytes) -> str:
    """What the registry says of an error (distribution-spec, "Error Codes"), made harmless.

    Of a page, which is a proxy's more often than a registry's, its title.
    """
    errors = errors_in(content)
    if errors is not None:
        return printable("; ".join(filter(None, map(_one_error, errors[:_MAX_ERRORS]))), _MAX_WORDS)
    text = content[:4096].decode("utf-8", "replace").strip()
    if not text.startswith("<"):
        return printable(text[:_MAX_WORDS], _MAX_WORDS)
    title = _TITLE.search(text)
    if title is None:
        return ""
    from html import unescape  # its entities take a millisecond to import

    return f'a page with the title "{printable(unescape(title[1]).strip())}"'


def _one_error(item: Mapping[str, object]) -> str:
    # The last three are of OAuth2 and others.
    names = ("code", "message", "detail", "error", "error_description", "details")
    return ": ".join(dict.fromkeys(filter(None, (_text(item.get(name)) for name in names))))


def _text(value: object) -> str:
    """A part of an error; only `detail` is of any type, by the specification."""
    if isinstance(value, str):
        return value
    if value in (None, {}, [], ()):
        return ""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    except RecursionError:
        return ""
    return text if len(text) <= _MAX_DETAIL else text[:_MAX_DETAIL] + "…"

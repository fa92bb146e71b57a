"""One JSON document from a URL: from the hosts that the caller allows, bounded, and read strictly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

from msgspec.structs import replace

from pushpolicy.errors import PushError
from pushpolicy.http.addresses import Origin, origin
from pushpolicy.http.call import Answer, Call
from pushpolicy.http.failures import refusal
from pushpolicy.http.transport import Transport
from pushpolicy.model import canonical
from pushpolicy.model.text import printable

MAX_JSON = 1024 * 1024
MAX_DEPTH = 64
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAFE_METHODS = frozenset({"GET", "HEAD"})


class StatusError(PushError):
    """The server answered with another status than 200; `answer` is what it said."""

    def __init__(self, action: str, answer: Answer) -> None:
        super().__init__(refusal(action, answer).message)
        self.answer = answer


class NotJsonError(PushError):
    """The server answered with 200 and something that is not strict JSON."""


def fetch_json(
    transport: Transport, call: Call, *, allows: Callable[[Origin], bool], redirects: int = 0
) -> Any:
    """Ask for a JSON value, again while that may help.

    Args:
        transport: what to ask with; it adds no credential of its own.
        call: the request; its `limit` (at most 1 MiB) is for the answer's bytes, its `deadline` for all
            attempts and redirects together (the transport's usual time without one).
        allows: whether a host may be asked (scheme, name, port): the one that is named, and each that a
            redirect leads to.
        redirects: how many are followed, of a GET only. An Authorization header is not taken along to
            another host.

    Raises:
        StatusError: when the last status is not 200.
        NotJsonError: when the answer is not JSON (RFC 8259; RFC 7493 sections 2.1 to 2.3: UTF-8, no duplicate
            keys), or more than 64 levels deep.
        PushError: when a host is not allowed, there is no answer in time, or it is too large.
    """
    call = replace(call, limit=min(call.limit, MAX_JSON), deadline=call.deadline or transport.deadline())
    _check(call, allows)
    for left in reversed(range(redirects + 1)):
        answer = transport.exchange(call)
        location = answer.headers.get("Location")
        if answer.status not in _REDIRECTS or location is None or call.method not in _SAFE_METHODS:
            break
        if not left:
            raise PushError(
                f"{call.action}: the server redirects to {printable(location, 200)}, which is not followed"
            )
        call = _redirected(call, location)
        _check(call, allows)
    if answer.status != 200:
        raise StatusError(call.action, answer)
    return _read(call.action, answer.content)


def _redirected(call: Call, location: str) -> Call:
    try:
        url = urljoin(call.url, location)
        stays = origin(url) == origin(call.url)
    except ValueError:
        return replace(call, url=location)  # refused by _check, which names it
    kept = {name: value for name, value in call.headers.items() if stays or name.lower() != "authorization"}
    return replace(call, url=url, headers=kept)


def _check(call: Call, allows: Callable[[Origin], bool]) -> None:
    try:
        allowed = allows(origin(call.url))
    except ValueError:
        allowed = False
    if not allowed:
        raise PushError(f"{call.action}: {printable(call.url, 200)} is not an address that may be asked")


def _read(action: str, content: bytes) -> Any:
    try:
        value = canonical.decode(content)
        canonical.check_depth(value, MAX_DEPTH)
    except ValueError as error:
        why = printable(str(error), 200)
        raise NotJsonError(f"{action}: the answer is not strict JSON ({why})") from error
    return value

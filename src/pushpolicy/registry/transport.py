"""Requests to a registry: over oras-py's client, with what it lacks (reference: oras.provider.Registry).

Its `do_request` is replaced. Ours has time limits, follows redirects itself, shows the credential to the
registry only, repeats bodies from their start, and never hides a status; `exchange` adds the repetitions.
Importing this module imports requests and oras, a fifth of a second: only registry/__init__ does it, late.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import oras.provider
import requests
import urllib3

from pushpolicy import __version__
from pushpolicy.errors import PushError
from pushpolicy.model.evidence import Clock
from pushpolicy.registry.access import Access
from pushpolicy.registry.auth import Authorizer
from pushpolicy.registry.endpoint import Endpoint
from pushpolicy.registry.failures import Answer, no_answer, refusal
from pushpolicy.registry.retry import (
    TRANSIENT_STATUS,
    Deadline,
    Patience,
    TransientError,
    retry_after,
    retrying,
)
from pushpolicy.registry.sessions import prepare_session

MAX_ANSWER = 8 * 1024 * 1024
_MAX_ERROR = 64 * 1024
_MAX_REDIRECTS = 5
_READ_SIZE = 1024 * 1024
# No encoding: a digest is of the bytes as they are sent.
_HEADERS = {"User-Agent": f"pushpolicy/{__version__}", "Accept-Encoding": "identity"}
_SAFE_METHODS = frozenset({"GET", "HEAD"})

# A request may have to be repeated, so a body is given as what makes it.
MakeBody = Callable[[], "bytes | Iterable[memoryview]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        action: what is being done, with the repository's name: the start of an error message.
        scopes: the token scopes it needs (distribution, "Token Scope Documentation").
        limit: bytes of the answer that are read at most.
        size: bytes that it moves, for the time it may take.
    """

    action: str
    method: str
    url: str
    scopes: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: MakeBody | None = None
    limit: int = MAX_ANSWER
    size: int = 0


@dataclass(frozen=True, slots=True)
class _Message:
    """What is sent, wherever it is sent to."""

    method: str
    headers: Mapping[str, str]
    data: MakeBody | bytes | None
    json: Any
    stream: bool


class Transport(oras.provider.Registry):  # type: ignore[misc]  # oras has no types
    """The HTTP side of one registry."""

    def __init__(self, endpoint: Endpoint, access: Access) -> None:
        super().__init__(hostname=endpoint.host, insecure=endpoint.scheme == "http")
        prepare_session(self.session, access)
        self.endpoint = endpoint
        self.access = access
        self.clock: Clock | None = None
        self._authorizer = Authorizer(endpoint, access.credential, self._fetch_token)

    def exchange(self, call: Call) -> Answer:
        """Send a request, again if need be, and read the answer.

        Raises:
            PushError: when no attempt got an answer, or the last one is of passing trouble (5xx, 429).
        """
        return retrying(lambda: self.attempt(call), self.patience())

    def attempt(self, call: Call) -> Answer:
        """Send a request once, and read the answer.

        Raises:
            TransientError: when it failed in a way that another attempt may not.
            PushError: when it failed for good; a status that another attempt will not change is an answer.
        """
        with self.stream(call) as (answer, chunks):
            return replace(answer, content=_whole(call, chunks))

    @contextmanager
    def stream(self, call: Call) -> Iterator[tuple[Answer, Iterator[bytes]]]:
        """Send a request once; its answer comes as head (without content) and chunks, at any size."""
        with self._broken_is_transient(call):
            response = self.do_request(
                call.url,
                call.method,
                call.body,
                call.headers,
                stream=True,
                scopes=call.scopes,
                action=call.action,
            )
        try:
            if response.status_code in TRANSIENT_STATUS:
                raise self._transient(call, response)
            yield _head(response), self._chunks(call, response)
        finally:
            response.close()

    def do_request(
        self,
        url: str,
        method: str = "GET",
        data: MakeBody | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        stream: bool = False,
        *,
        scopes: tuple[str, ...] = (),
        action: str = "request",
    ) -> requests.Response:
        """Send one request along its redirects, and once more after a challenge that can be answered.

        Raises:
            PushError: for a redirect that must not be followed.
            requests.RequestException: as requests does; `stream` and `exchange` translate them.
        """
        message = _Message(method, headers or {}, data, json, stream)
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._authorized(url, message, scopes)
            location = response.headers.get("Location")
            if not location or not _is_redirect(response.status_code, method):
                return response
            _discard(response)
            url = self.endpoint.follow(url, location, action)
        raise PushError(f"{action}: the registry redirects more than {_MAX_REDIRECTS} times")

    def patience(self, size: int = 0) -> Patience:
        """How long a piece of work that moves `size` bytes is tried."""
        return Patience(self.access.attempts, self.access.first_pause, self.deadline(size))

    def deadline(self, size: int = 0) -> Deadline:
        """By when a piece of work that moves `size` bytes must be done."""
        return Deadline(self.access.total_timeout + size / self.access.minimum_rate)

    def _authorized(self, url: str, message: _Message, scopes: tuple[str, ...]) -> requests.Response:
        if not self.endpoint.is_own(url):
            return self._send(url, message)
        shown = self._authorizer.header(scopes)
        response = self._send(url, message, shown)
        self._note_clock(response)
        if response.status_code not in (401, 403):
            return response
        challenge = response.headers.get("WWW-Authenticate", "")
        try:
            again = self._authorizer.satisfy(challenge, response.status_code, scopes, shown)
        except PushError:
            response.close()
            raise
        if not again:
            return response
        _discard(response)
        return self._send(url, message, self._authorizer.header(scopes))

    def _send(
        self, url: str, message: _Message, authorization: Mapping[str, str] = MappingProxyType({})
    ) -> requests.Response:
        response: requests.Response = self.session.request(
            message.method,
            url,
            data=message.data() if callable(message.data) else message.data,
            json=message.json,
            headers={**_HEADERS, **message.headers, **authorization},
            timeout=(self.access.connect_timeout, self.access.read_timeout),
            allow_redirects=False,
            stream=message.stream,
        )
        return response

    def _fetch_token(
        self, action: str, method: str, url: str, headers: Mapping[str, str], form: bytes
    ) -> Answer:
        """Ask a token server, which may be another host and gets what the authorizer gives only."""
        call = Call(action=action, method=method, url=url, scopes=(), headers=headers, limit=_MAX_ERROR * 16)

        def once() -> Answer:
            with self._broken_is_transient(call):
                response = self._send(url, _Message(method, headers, form or None, None, True))
            with response:
                if response.status_code in TRANSIENT_STATUS:
                    raise self._transient(call, response)
                return replace(_head(response), content=_whole(call, self._chunks(call, response)))

        return retrying(once, self.patience())

    @contextmanager
    def _broken_is_transient(self, call: Call) -> Iterator[None]:
        try:
            yield
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            found = no_answer(call.action, urlsplit(call.url).netloc, error)
            if found.transient:
                raise TransientError(found.failure) from error
            raise found.failure from error

    def _chunks(self, call: Call, response: requests.Response) -> Iterator[bytes]:
        """The body as sent; a cut one raises, because urllib3 compares with Content-Length."""
        deadline = self.deadline(call.size)
        with self._broken_is_transient(call):
            for chunk in response.raw.stream(_READ_SIZE, decode_content=False):
                deadline.check(call.action)
                yield chunk

    def _transient(self, call: Call, response: requests.Response) -> TransientError:
        with self._broken_is_transient(call):
            answer = replace(_head(response), content=response.raw.read(_MAX_ERROR, decode_content=False))
        return TransientError(refusal(call.action, answer), retry_after(response.headers.get("Retry-After")))

    def _note_clock(self, response: requests.Response) -> None:
        """Keep the smallest skew seen: a slow answer makes ours look ahead."""
        try:
            theirs = parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
        except (ValueError, OverflowError, OSError):
            return
        skew = round(time.time() - theirs)
        if self.clock is None or abs(skew) < abs(self.clock.skew_seconds):
            self.clock = Clock(skew_seconds=skew, against=self.endpoint.host)


def _head(response: requests.Response) -> Answer:
    return Answer(status=response.status_code, headers=response.headers, content=b"", url=response.url)


def _whole(call: Call, chunks: Iterator[bytes]) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > call.limit:
            raise PushError(f"{call.action}: the answer is over the limit of {call.limit} bytes")
    return bytes(content)


def _discard(response: requests.Response) -> None:
    """Read a short rest, so that the connection can serve the next request."""
    with response, suppress(urllib3.exceptions.HTTPError, OSError):
        response.raw.read(_MAX_ERROR, decode_content=False)


def _is_redirect(status: int, method: str) -> bool:
    """Whether to go on elsewhere; only 307 and 308 keep the method of a write (RFC 9110, 15.4)."""
    return status in (307, 308) or (status in (301, 302, 303) and method in _SAFE_METHODS)

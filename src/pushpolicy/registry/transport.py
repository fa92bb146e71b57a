"""Requests to a registry: over oras-py's client, with what it lacks (reference: oras.provider.Registry).

Its `do_request` is replaced. Ours has time limits, follows redirects itself, shows the credential to the
registry only, repeats bodies from their start, and never hides a status; `exchange` adds the repetitions.
Only registry/api imports this module, late: it and what it needs are the longest part of the start.
"""

from __future__ import annotations

import http.client
import json as json_format
import time
from collections.abc import Iterator, Mapping, Sized
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from pushpolicy import __version__
from pushpolicy.errors import PushError
from pushpolicy.http.call import Call, MakeBody
from pushpolicy.http.connections import Connections
from pushpolicy.http.failures import Answer, no_answer, refusal
from pushpolicy.http.response import Response
from pushpolicy.http.retry import (
    TRANSIENT_STATUS,
    Deadline,
    RetryBudget,
    TransientError,
    retry_after,
    retrying,
)
from pushpolicy.http.tls import TlsContexts
from pushpolicy.model.evidence import Clock
from pushpolicy.registry.access import Access
from pushpolicy.registry.auth import Authorizer
from pushpolicy.registry.deferred import deferred
from pushpolicy.registry.endpoint import Endpoint

# Two that oras-py imports and a push does not use; they take four times as long to import as it does.
with deferred("jsonschema", "requests", "requests.exceptions"):
    import oras.provider
    import requests

_MAX_ERROR = 64 * 1024
_MAX_REDIRECTS = 5
_READ_SIZE = 1024 * 1024
# No encoding: a digest is of the bytes as they are sent.
_HEADERS = {"User-Agent": f"pushpolicy/{__version__}", "Accept-Encoding": "identity"}
_SAFE_METHODS = frozenset({"GET", "HEAD"})


class _Message(msgspec.Struct, frozen=True):
    """What is sent, wherever it is sent to."""

    method: str
    headers: Mapping[str, str]
    body: MakeBody | None


class _Given:
    """In the place of oras-py's `auth`: the credential is found already, and no file is read for it."""

    def load_configs(self, *_: object, **__: object) -> None:
        """Called before oras-py's own methods ask for something."""


class Transport(oras.provider.Registry):  # type: ignore[misc]  # oras has no types
    """The HTTP side of one registry."""

    def __init__(self, endpoint: Endpoint, access: Access, tls: TlsContexts) -> None:
        # oras-py's own would make a session of requests, which no request of ours goes through.
        self.hostname = endpoint.host
        self.prefix = endpoint.scheme
        self.headers: dict[str, str] = {}
        self.auth = _Given()
        self._connections = Connections(access, tls, endpoint.is_own)
        self.endpoint = endpoint
        self.access = access
        self.clock: Clock | None = None
        self._last_date = ""
        self._authorizer = Authorizer(endpoint, access.credential, self._fetch_token)

    def exchange(self, call: Call) -> Answer:
        """Send a request, again if need be, and read the answer.

        Raises:
            PushError: when no attempt got an answer, or the last one is of passing trouble (5xx, 429).
        """
        return retrying(lambda: self.attempt(call), self.budget())

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
        message = _Message(call.method, call.headers, call.body)
        with self._broken_is_transient(call):
            url, response = self._follow(call.url, message, call.scopes, call.action)
        try:
            if response.status in TRANSIENT_STATUS:
                raise self._transient(call, response)
            yield self._head(url, response), self._chunks(call, response)
        finally:
            response.close()

    def do_request(
        self,
        url: str,
        method: str = "GET",
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        stream: bool = False,
    ) -> requests.Response:
        """What oras-py's own methods send their requests by: the same way, and an answer of their type.

        Raises:
            PushError: for a redirect that must not be followed.
            OSError, http.client.HTTPException: when there is no answer.
        """
        body = json_format.dumps(json).encode() if json is not None else data
        message = _Message(method, headers or {}, (lambda: body) if body is not None else None)
        url, answered = self._follow(url, message, (), f"{self.endpoint.host}: request")
        response = requests.Response()
        response.status_code, response.reason, response.url = answered.status, answered.reason, url
        response.headers.update(answered.headers.items())
        response.raw = answered
        if not stream:
            response.content  # noqa: B018 (reads it)
            answered.close()
        return response

    def _follow(
        self, url: str, message: _Message, scopes: tuple[str, ...], action: str
    ) -> tuple[str, Response]:
        """Send a request along its redirects, and once more after a challenge that can be answered.

        Returns:
            the last address, and what it answered.
        """
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._authorized(url, message, scopes)
            location = response.headers.get("Location")
            if not location or not _is_redirect(response.status, message.method):
                return url, response
            _discard(response)
            url = self.endpoint.follow(url, location, action)
        raise PushError(f"{action}: the registry redirects more than {_MAX_REDIRECTS} times")

    def budget(self, size: int = 0) -> RetryBudget:
        """How long a piece of work that moves `size` bytes is tried."""
        return RetryBudget(self.access.attempts, self.access.first_pause, self.deadline(size))

    def deadline(self, size: int = 0) -> Deadline:
        """By when a piece of work that moves `size` bytes must be done."""
        return Deadline(self.access.total_timeout + size / self.access.minimum_rate)

    def _authorized(self, url: str, message: _Message, scopes: tuple[str, ...]) -> Response:
        if not self.endpoint.is_own(url):
            return self._send(url, message)
        shown = self._authorizer.header(scopes)
        response = self._send(url, message, shown)
        self._note_clock(response)
        if response.status not in (401, 403):
            return response
        challenge = response.headers.get("WWW-Authenticate", "")
        try:
            again = self._authorizer.satisfy(challenge, response.status, scopes, shown)
        except PushError:
            response.close()
            raise
        if not again:
            return response
        _discard(response)
        return self._send(url, message, self._authorizer.header(scopes))

    def _send(
        self, url: str, message: _Message, authorization: Mapping[str, str] = MappingProxyType({})
    ) -> Response:
        headers = {**_HEADERS, **message.headers, **authorization}
        body = message.body() if message.body else None
        if isinstance(body, Sized):
            # Without it what is not bytes would be sent in pieces of unknown number (RFC 9112, 7.1).
            headers["Content-Length"] = str(len(body))
        return self._connections.send(message.method, url, headers, body)

    def _fetch_token(
        self, action: str, method: str, url: str, headers: Mapping[str, str], form: bytes
    ) -> Answer:
        """Ask a token server, which may be another host and gets what the authorizer gives only."""
        call = Call(action=action, method=method, url=url, scopes=(), headers=headers, limit=_MAX_ERROR * 16)

        def once() -> Answer:
            with self._broken_is_transient(call):
                response = self._send(url, _Message(method, headers, (lambda: form) if form else None))
            try:
                if response.status in TRANSIENT_STATUS:
                    raise self._transient(call, response)
                return replace(self._head(url, response), content=_whole(call, self._chunks(call, response)))
            finally:
                response.close()

        return retrying(once, self.budget())

    @contextmanager
    def _broken_is_transient(self, call: Call) -> Iterator[None]:
        try:
            yield
        except (http.client.HTTPException, OSError) as error:
            found = no_answer(call.action, urlsplit(call.url).netloc, error)
            if found.transient:
                raise TransientError(found.failure) from error
            raise found.failure from error

    def _chunks(self, call: Call, response: Response) -> Iterator[bytes]:
        deadline = self.deadline(call.size)
        with self._broken_is_transient(call):
            for chunk in response.chunks(_READ_SIZE):
                deadline.check(call.action)
                yield chunk

    def _transient(self, call: Call, response: Response) -> TransientError:
        with self._broken_is_transient(call):
            answer = replace(self._head(call.url, response), content=response.read(_MAX_ERROR))
        return TransientError(refusal(call.action, answer), retry_after(response.headers.get("Retry-After")))

    def _head(self, url: str, response: Response) -> Answer:
        is_refused = response.status in (401, 403) and self.endpoint.is_own(url)
        shown = self.access.credential.origin if is_refused else None
        return Answer(status=response.status, headers=response.headers, content=b"", url=url, shown=shown)

    def _note_clock(self, response: Response) -> None:
        """Keep the smallest skew seen: a slow answer makes ours look ahead."""
        date = response.headers.get("Date", "")
        # What is said a second time came later, so it cannot be nearer.
        if date == self._last_date:
            return
        self._last_date = date
        try:
            theirs = parsedate_to_datetime(date).timestamp()
        except (ValueError, OverflowError, OSError):
            return
        skew = round(time.time() - theirs)
        if self.clock is None or abs(skew) < abs(self.clock.skew_seconds):
            self.clock = Clock(skew_seconds=skew, against=self.endpoint.host)


def _whole(call: Call, chunks: Iterator[bytes]) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > call.limit:
            raise PushError(f"{call.action}: the answer is over the limit of {call.limit} bytes")
    return bytes(content)


def _discard(response: Response) -> None:
    """Read a short rest, so that the connection can serve the next request."""
    try:
        with suppress(http.client.HTTPException, OSError):
            response.read(_MAX_ERROR)
    finally:
        response.close()


def _is_redirect(status: int, method: str) -> bool:
    """Whether to go on elsewhere; only 307 and 308 keep the method of a write (RFC 9110, 15.4)."""
    return status in (307, 308) or (status in (301, 302, 303) and method in _SAFE_METHODS)

"""Requests to a server: sent, repeated while that may help, and their answers read within limits."""

from __future__ import annotations

import http.client
import math
from collections.abc import Iterator, Mapping, Sized
from contextlib import contextmanager, suppress
from types import MappingProxyType
from urllib.parse import urlsplit

from msgspec.structs import replace

from pushpolicy import __version__
from pushpolicy.errors import PushError
from pushpolicy.http.call import Answer, Call
from pushpolicy.http.connections import Connections
from pushpolicy.http.failures import no_answer, refusal
from pushpolicy.http.parallel import DISTANT_SECONDS
from pushpolicy.http.response import Response
from pushpolicy.http.retry import (
    TRANSIENT_STATUS,
    Deadline,
    RetryBudget,
    TransientError,
    retry_after,
    retrying,
)
from pushpolicy.http.settings import Settings
from pushpolicy.http.tls import TlsContexts

_MAX_ERROR = 64 * 1024
_READ_SIZE = 1024 * 1024
# No encoding: a digest is of the bytes as they are sent.
_HEADERS = {"User-Agent": f"pushpolicy/{__version__}", "Accept-Encoding": "identity"}


class Transport:
    """Sends requests as they are, and follows nothing; safe to use from several threads.

    Args:
        settings: times and numbers of attempts.
        connections: to share another transport's; its own without.
    """

    def __init__(self, settings: Settings, connections: Connections | None = None) -> None:
        self._settings = settings
        self._connections = connections or Connections(settings, TlsContexts(settings), lambda _: False)

    @property
    def distant(self) -> bool:
        """Whether even the quickest of the server's answers took long to come."""
        return DISTANT_SECONDS < self.quickest < math.inf

    @property
    def quickest(self) -> float:
        """Seconds that the server's quickest answer took."""
        return self._connections.quickest

    def open_ahead(self, url: str, count: int) -> None:
        """Open connections to a server that is distant, before they are needed."""
        if self.distant:
            self._connections.open_ahead(url, count)

    def exchange(self, call: Call) -> Answer:
        """Send a request, again if need be, and read the answer.

        Raises:
            PushError: when no attempt got an answer, or the last one is of passing trouble (5xx, 429).
        """
        deadline = call.deadline or self.deadline()
        return retrying(lambda: self.attempt(call), self._budget(deadline))

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
        """Send a request once; its answer comes as head (without content) and chunks, at any size.

        Raises:
            TransientError, PushError: as `attempt` does, while the chunks are read too.
        """
        with self._broken_is_transient(call):
            url, response = self._respond(call)
        try:
            if response.status in TRANSIENT_STATUS:
                raise self._transient(call, response)
            if call.transfer:
                response.take_time()
            yield self._head(call, url, response), self._chunks(call, response)
        finally:
            response.close()

    def budget(self, *, transfer: bool = False) -> RetryBudget:
        """How long a piece of work is tried; one that transfers content as long as its attempts last."""
        return self._budget(Deadline(math.inf) if transfer else self.deadline())

    def deadline(self) -> Deadline:
        """By when a piece of work that transfers no content must be done."""
        return Deadline(self._settings.total_timeout)

    def _budget(self, deadline: Deadline) -> RetryBudget:
        return RetryBudget(self._settings.attempts, self._settings.first_pause, deadline)

    def _respond(self, call: Call) -> tuple[str, Response]:
        """Send a request once.

        Returns:
            the address that answered, and its answer, whose body is still to be read.
        """
        return call.url, self._send(call.url, call)

    def _send(self, url: str, call: Call, further: Mapping[str, str] = MappingProxyType({})) -> Response:
        headers = {**_HEADERS, **call.headers, **further}
        body = call.body() if call.body else None
        if isinstance(body, Sized):
            # Without it what is not bytes would be sent in pieces of unknown number (RFC 9112, 7.1).
            headers["Content-Length"] = str(len(body))
        return self._connections.send(call.method, url, headers, body, call.deadline)

    def _head(self, call: Call, url: str, response: Response) -> Answer:  # noqa: ARG002 (for those who override it)
        return Answer(status=response.status, headers=response.headers, content=b"", url=url)

    def _refusal(self, action: str, answer: Answer) -> PushError:
        """The error for a status of passing trouble, when it has not passed."""
        return refusal(action, answer)

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
        deadline = call.deadline or (Deadline(math.inf) if call.transfer else self.deadline())
        with self._broken_is_transient(call):
            for chunk in response.chunks(_READ_SIZE):
                deadline.check(call.action)
                yield chunk

    def _transient(self, call: Call, response: Response) -> TransientError:
        with self._broken_is_transient(call):
            answer = replace(self._head(call, call.url, response), content=response.read(_MAX_ERROR))
        wait = retry_after(response.headers.get("Retry-After"))
        return TransientError(self._refusal(call.action, answer), wait)


def discard(response: Response) -> None:
    """Read a short rest, so that the connection can serve the next request."""
    try:
        with suppress(http.client.HTTPException, OSError):
            response.read(_MAX_ERROR)
    finally:
        response.close()


def _whole(call: Call, chunks: Iterator[bytes]) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > call.limit:
            raise PushError(f"{call.action}: the answer is over the limit of {call.limit} bytes")
    return bytes(content)

"""Connections to a server and to what it leads to: kept, shared by all threads, direct or through a proxy.

Python's own http.client, not requests or urllib3: a push of many small layers is made of little but
requests, and one costs a quarter or less of the processor time, which threads cannot share.

It rests on what http.client and ssl do and do not promise; tests/unit/http/test_cpython.py holds each.
"""

from __future__ import annotations

import http.client
import math
import select
import socket
import ssl
import threading
import time
import weakref
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar, cast
from urllib.parse import SplitResult, unquote, urlsplit

from pushpolicy.errors import PushPolicyError, UsageError
from pushpolicy.http.failures import ProxyError
from pushpolicy.http.proxies import DEFAULT_PORTS
from pushpolicy.http.response import Response, StrictResponse
from pushpolicy.http.retry import Deadline
from pushpolicy.http.sending import send_body
from pushpolicy.http.settings import Settings
from pushpolicy.http.tls import TlsContexts

# What it takes to open a connection over TLS, and a little more.
_TRIPS_TO_OPEN = 4

T = TypeVar("T")


class _Route(NamedTuple):
    """How an address is reached, and thereby what a kept connection is good for.

    Attributes:
        own: whether it is the server's own address.
        proxy: the proxy's address, if there is one.
    """

    scheme: str
    host: str
    port: int
    own: bool
    proxy: str | None


class Connections:
    """The connections of one server and of what it leads to.

    The client's certificate is for the server's own address: what lies elsewhere is reached without it.

    Nothing of the process's environment is read: proxies, certificates and credentials were given.

    Attributes:
        quickest: seconds that the server's quickest answer took, once it was connected to.
    """

    def __init__(self, settings: Settings, tls: TlsContexts, is_own: Callable[[str], bool]) -> None:
        self._settings = settings
        self._tls = tls
        self._is_own = is_own
        self._routes: dict[tuple[str, str], _Route] = {}
        self.quickest = math.inf
        self._idle: dict[_Route, deque[http.client.HTTPConnection]] = {}
        self._ahead: dict[_Route, deque[threading.Thread]] = {}
        # Nobody closes a client; what it has kept ends with it.
        weakref.finalize(self, _close_all, self._idle).atexit = False

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[memoryview] | None,
        deadline: Deadline | None = None,
    ) -> Response:
        """Send a request once, follow nothing; the answer's body is still to be read.

        With a deadline the answer must be there by then to its last byte; without one it may take what the
        settings say, and more by its size.

        Raises:
            UsageError: when a certificate is needed and not readable; when a proxy would see the credential.
            OSError, http.client.HTTPException: when there is no answer.
        """
        parts = urlsplit(url)
        route = self._route(url, parts)
        if route.proxy and route.scheme == "http" and "Authorization" in headers:
            raise UsageError(
                f"the credential for {parts.netloc} would be shown to the proxy of the environment",
                "plain http is no secret to a proxy: name the host in no_proxy, or use https",
            )
        connection = self._kept(route) or self._awaited(route) or self._new(route, deadline)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        if route.proxy and route.scheme == "http":
            target = f"http://{parts.netloc}{target}"
            headers = {**headers, **_login(route.proxy)}
        answers = partial(_response, self._settings, deadline)
        try:
            if connection.sock is None:
                self._open(connection, answers, deadline)
            cast("_Connecting", connection).response_class = answers
            start = time.monotonic()
            answered = self._exchange(connection, method, target, headers, body, deadline)
            if route.own:
                self.quickest = min(self.quickest, time.monotonic() - start)
        except UnicodeError as error:
            connection.close()
            raise http.client.HTTPException("a header is in no characters of HTTP") from error
        except BaseException:
            connection.close()
            # What broke one may have broken all that were kept: the next attempt has a new one.
            for kept in _taken(self._idle[route]):
                kept.close()
            raise
        return Response(answered, partial(self._done, route, connection))

    def open_ahead(self, url: str, count: int) -> None:
        """Open connections to a distant server before they are needed, and wait for none of them."""
        route = self._route(url, urlsplit(url))

        def open_one() -> None:
            connection = self._new(route, None)
            # Whoever needs it meets the same trouble, and says so.
            with suppress(OSError, http.client.HTTPException, PushPolicyError):
                self._open(connection, partial(_response, self._settings, None), None)
                self._done(route, connection, True)

        with suppress(RuntimeError):  # where the system gives no more threads
            for _ in range(count):
                thread = threading.Thread(target=open_one, daemon=True)
                thread.start()
                self._ahead.setdefault(route, deque()).append(thread)

    def _route(self, url: str, parts: SplitResult) -> _Route:
        known = self._routes.get((parts.scheme, parts.netloc))
        if known is None:
            host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
            try:
                # As socket, ssl and http.client will, where each Python has other errors for it.
                host.encode("idna")
            except UnicodeError as error:
                raise http.client.InvalidURL(f"{host[:80]!r} can be no host") from error
            known = _Route(parts.scheme, host, port, self._is_own(url), self._settings.proxies.for_url(url))
            self._idle.setdefault(known, deque())
            self._routes[parts.scheme, parts.netloc] = known
        return known

    def _open(
        self,
        connection: http.client.HTTPConnection,
        answers: Callable[..., StrictResponse],
        deadline: Deadline | None,
    ) -> None:
        connection.timeout = _within(self._settings.connect_timeout, deadline)
        with ExitStack() as tunnel:
            # A proxy's answer ends here. Debian's 3.11.2 leaves a refusal open, and the socket with it.
            cast("_Connecting", connection).response_class = lambda *to, **how: tunnel.enter_context(
                answers(*to, **how)
            )
            connection.connect()
        if isinstance(connection.sock, ssl.SSLSocket):
            # EOF without close_notify may be truncation (RFC 9112, 9.8).
            connection.sock.suppress_ragged_eofs = False  # type: ignore[attr-defined]

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[memoryview] | None,
        deadline: Deadline | None,
    ) -> StrictResponse:
        seconds = _within(self._settings.read_timeout, deadline)
        if connection.sock.gettimeout() != seconds:
            connection.sock.settimeout(seconds)
        # A server may answer before it has read everything, and why is in the answer.
        with suppress(BrokenPipeError):
            if body is None or isinstance(body, bytes):
                connection.request(method, target, body, dict(headers))
            else:  # its length is in the headers
                connection.request(method, target, None, dict(headers))
                send_body(connection.sock, body, seconds)
        return cast("StrictResponse", connection.getresponse())

    def _kept(self, route: _Route) -> http.client.HTTPConnection | None:
        for connection in _taken(self._idle[route]):
            if not _has_ended(connection.sock):
                return connection
            connection.close()
        return None

    def _awaited(self, route: _Route) -> http.client.HTTPConnection | None:
        """One that is being opened ahead, which is there before a new one would be."""
        for thread in _taken(self._ahead.get(route, deque())):
            thread.join(_TRIPS_TO_OPEN * self.quickest)
            return self._kept(route)
        return None

    def _done(self, route: _Route, connection: http.client.HTTPConnection, reusable: bool) -> None:
        if reusable:
            self._idle[route].append(connection)
        else:
            connection.close()

    def _new(self, route: _Route, deadline: Deadline | None) -> http.client.HTTPConnection:
        proxy = urlsplit(route.proxy) if route.proxy else None
        connection = self._plain_or_tls(route, proxy)
        connect: Callable[..., socket.socket] = partial(_connect, deadline)
        if proxy and proxy.scheme == "https":
            connect = partial(_connect_over_tls, self._tls.context(), connect)
        if proxy:
            connect = partial(_connect_to_proxy, connect)
        cast("_Connecting", connection)._create_connection = connect
        if route.proxy and route.scheme == "https":
            connection.set_tunnel(route.host, route.port, _login(route.proxy))
        return connection

    def _plain_or_tls(self, route: _Route, proxy: SplitResult | None) -> http.client.HTTPConnection:
        host, port = route.host, route.port
        if proxy:
            host, port = proxy.hostname or "", proxy.port or DEFAULT_PORTS[proxy.scheme]
        if route.scheme == "http":
            return http.client.HTTPConnection(host, port)
        context = self._tls.context(own=route.own)
        if proxy and proxy.scheme == "https":
            return _TlsInTls(host, port, partial(_second_tls, context, route.host))
        return http.client.HTTPSConnection(host, port, context=context)


class _TlsInTls(http.client.HTTPConnection):
    """A tunnel through a proxy that is itself spoken to over TLS."""

    default_port = http.client.HTTPS_PORT

    def __init__(self, host: str, port: int, through: Callable[[socket.socket], socket.socket]) -> None:
        super().__init__(host, port)
        self._through = through

    def connect(self) -> None:
        super().connect()
        self.sock = self._through(self.sock)


class _Connecting(Protocol):
    """What http.client's connections have, and their types do not say."""

    _create_connection: Callable[..., socket.socket]
    response_class: Callable[..., http.client.HTTPResponse]


def _response(
    settings: Settings, deadline: Deadline | None, sock: socket.socket, **options: Any
) -> StrictResponse:
    if deadline is None:
        return StrictResponse(settings.total_timeout, settings.minimum_rate, sock, **options)
    return StrictResponse(deadline.remaining, math.inf, sock, **options)


def _within(seconds: float, deadline: Deadline | None) -> float:
    """So many seconds, but no more than are left.

    Raises:
        TimeoutError: when none are.
    """
    left = seconds if deadline is None else min(seconds, deadline.remaining)
    if left <= 0:
        raise TimeoutError("no time is left for another request")
    return left


def _connect(
    deadline: Deadline | None, address: tuple[str, int], seconds: float, *_: object
) -> socket.socket:
    """As socket.create_connection, whose seconds are for each of a host's addresses; a deadline for all."""
    if deadline is None:
        return socket.create_connection(address, seconds)
    failure = OSError("the host has no address")
    for found in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
        host, port = cast("tuple[str, int]", found[4][:2])
        try:
            sock = socket.create_connection((host, port), _within(seconds, deadline))
        except OSError as error:
            failure = error
        else:
            # What follows, a proxy's answer or the beginning of TLS, has what is left.
            sock.settimeout(max(min(seconds, deadline.remaining), 0.001))
            return sock
    raise failure


def _connect_to_proxy(
    connect: Callable[..., socket.socket], address: tuple[str, int], *options: object
) -> socket.socket:
    try:
        return connect(address, *options)
    except OSError as error:
        raise ProxyError(f"{address[0]}:{address[1]}") from error


def _connect_over_tls(
    context: ssl.SSLContext, connect: Callable[..., socket.socket], address: tuple[str, int], *options: object
) -> socket.socket:
    return context.wrap_socket(connect(address, *options), server_hostname=address[0])


def _second_tls(context: ssl.SSLContext, host: str, sock: socket.socket) -> socket.socket:
    # The ssl module wraps no socket of its own; urllib3, which comes with oras-py, can.
    from urllib3.util.ssltransport import SSLTransport

    return cast("socket.socket", SSLTransport(sock, context, host, suppress_ragged_eofs=False))


def _close_all(idle: Mapping[_Route, deque[http.client.HTTPConnection]]) -> None:
    for kept in idle.values():
        for connection in _taken(kept):
            connection.close()


def _taken(kept: deque[T]) -> Iterator[T]:
    """Each one that is kept, once: what one thread closes, no other thread finds here."""
    with suppress(IndexError):
        while True:
            yield kept.pop()


def _has_ended(sock: socket.socket) -> bool:
    """Whether a connection that nothing is expected on has something to read: its end, mostly."""
    over_tls = sock if isinstance(sock, ssl.SSLSocket) else getattr(sock, "sslobj", None)
    if over_tls is not None and over_tls.pending():
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    is_readable = bool(poll.poll(0))
    if not is_readable or not isinstance(sock, ssl.SSLSocket):
        return is_readable
    # TLS speaks for itself too: session tickets (RFC 8446, 4.6.1) are taken in by a read that finds no more.
    seconds = sock.gettimeout()
    sock.settimeout(0)
    try:
        sock.recv(1)
    except ssl.SSLWantReadError:
        return False
    except OSError:
        pass
    finally:
        sock.settimeout(seconds)
    return True


def _login(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if not parts.username:
        return {}
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(login.encode()).decode()}"}

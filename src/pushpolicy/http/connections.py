"""Connections to a registry and to what it leads to: kept, shared by all threads, direct or through a proxy.

Python's own http.client, not requests or urllib3: a push of many small layers is made of little but
requests, and one costs a quarter or less of the processor time, which threads cannot share.
"""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import weakref
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import NamedTuple, Protocol, cast
from urllib.parse import SplitResult, unquote, urlsplit

from pushpolicy.http.failures import ProxyError
from pushpolicy.http.proxies import DEFAULT_PORTS
from pushpolicy.http.response import Response, StrictResponse
from pushpolicy.http.settings import Settings
from pushpolicy.http.tls import TlsContexts


class _Route(NamedTuple):
    """How an address is reached, and thereby what a kept connection is good for.

    Attributes:
        own: whether it is the registry's own address.
        proxy: the proxy's address, if there is one.
    """

    scheme: str
    host: str
    port: int
    own: bool
    proxy: str | None


class Connections:
    """The connections of one registry and of what it leads to.

    The client's certificate is for the registry's own address: a token server or a storage elsewhere is
    reached without it.

    Nothing of the process's environment is read: proxies, certificates and credentials were given.
    """

    def __init__(self, settings: Settings, tls: TlsContexts, is_own: Callable[[str], bool]) -> None:
        self._settings = settings
        self._tls = tls
        self._is_own = is_own
        self._response = partial(StrictResponse, settings.total_timeout, settings.minimum_rate)
        self._routes: dict[tuple[str, str], _Route] = {}
        self._idle: dict[_Route, deque[http.client.HTTPConnection]] = {}
        # Nobody closes a client; what it has kept ends with it.
        weakref.finalize(self, _close_all, self._idle).atexit = False

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Iterable[memoryview] | None
    ) -> Response:
        """Send a request once, follow nothing; the answer's body is still to be read.

        Raises:
            UsageError: when a certificate is needed and not readable.
            OSError, http.client.HTTPException: when there is no answer.
        """
        parts = urlsplit(url)
        route = self._route(url, parts)
        connection = self._kept(route) or self._new(route)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        if route.proxy and route.scheme == "http":
            target = f"http://{parts.netloc}{target}"
            headers = {**headers, **_login(route.proxy)}
        try:
            answered = self._exchange(connection, method, target, headers, body)
        except UnicodeError as error:
            connection.close()
            raise http.client.InvalidURL(f"{route.host[:80]!r} can be no host") from error
        except BaseException:
            connection.close()
            raise
        return Response(answered, partial(self._done, route, connection))

    def _route(self, url: str, parts: SplitResult) -> _Route:
        known = self._routes.get((parts.scheme, parts.netloc))
        if known is None:
            host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
            known = _Route(parts.scheme, host, port, self._is_own(url), self._settings.proxies.for_url(url))
            self._routes[parts.scheme, parts.netloc] = known
        return known

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[memoryview] | None,
    ) -> http.client.HTTPResponse:
        if connection.sock is None:
            connection.connect()
            sock = cast("socket.socket", connection.sock)
            sock.settimeout(self._settings.read_timeout)
            if isinstance(sock, ssl.SSLSocket):
                # An end that TLS does not state may be somebody's who cut the connection (RFC 9112, 9.8).
                sock.suppress_ragged_eofs = False  # type: ignore[attr-defined]
        # A server may answer before it has read everything, and why is in the answer.
        with suppress(BrokenPipeError):
            connection.request(method, target, body, dict(headers))
        return connection.getresponse()

    def _kept(self, route: _Route) -> http.client.HTTPConnection | None:
        idle = self._idle.get(route)
        while idle:
            try:
                connection = idle.pop()
            except IndexError:  # another thread was faster
                break
            if not _has_ended(connection.sock):
                return connection
            connection.close()
        return None

    def _done(self, route: _Route, connection: http.client.HTTPConnection, reusable: bool) -> None:
        if reusable:
            self._idle.setdefault(route, deque()).append(connection)
        else:
            connection.close()

    def _new(self, route: _Route) -> http.client.HTTPConnection:
        proxy = urlsplit(route.proxy) if route.proxy else None
        connection = self._plain_or_tls(route, proxy)
        connection.response_class = cast("type[http.client.HTTPResponse]", self._response)
        if proxy:
            over_tls = partial(_connect_over_tls, self._tls.context()) if proxy.scheme == "https" else None
            connect = partial(_connect_to_proxy, over_tls or socket.create_connection)
            cast("_Connecting", connection)._create_connection = connect
        if route.proxy and route.scheme == "https":
            connection.set_tunnel(route.host, route.port, _login(route.proxy))
        return connection

    def _plain_or_tls(self, route: _Route, proxy: SplitResult | None) -> http.client.HTTPConnection:
        seconds = self._settings.connect_timeout
        host, port = route.host, route.port
        if proxy:
            host, port = proxy.hostname or "", proxy.port or DEFAULT_PORTS[proxy.scheme]
        if route.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=seconds)
        context = self._tls.context(own=route.own)
        if proxy and proxy.scheme == "https":
            return _TlsInTls(host, port, seconds, partial(_second_tls, context, route.host))
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)


class _TlsInTls(http.client.HTTPConnection):
    """A tunnel through a proxy that is itself spoken to over TLS."""

    default_port = http.client.HTTPS_PORT

    def __init__(
        self,
        host: str,
        port: int,
        seconds: float,
        through: Callable[[socket.socket], socket.socket],
    ) -> None:
        super().__init__(host, port, timeout=seconds)
        self._through = through

    def connect(self) -> None:
        super().connect()
        self.sock = self._through(self.sock)


class _Connecting(Protocol):
    """What http.client's connections have, and their types do not say."""

    _create_connection: Callable[..., socket.socket]


def _connect_to_proxy(
    connect: Callable[..., socket.socket], address: tuple[str, int], *options: object
) -> socket.socket:
    try:
        return connect(address, *options)
    except OSError as error:
        raise ProxyError(f"{address[0]}:{address[1]}") from error


def _connect_over_tls(
    context: ssl.SSLContext, address: tuple[str, int], seconds: float, *_: object
) -> socket.socket:
    return context.wrap_socket(socket.create_connection(address, seconds), server_hostname=address[0])


def _second_tls(context: ssl.SSLContext, host: str, sock: socket.socket) -> socket.socket:
    # The ssl module wraps no socket of its own; urllib3, which comes with oras-py, can.
    from urllib3.util.ssltransport import SSLTransport

    return cast("socket.socket", SSLTransport(sock, context, host))


def _close_all(idle: Mapping[_Route, Iterable[http.client.HTTPConnection]]) -> None:
    for kept in idle.values():
        for connection in kept:
            connection.close()


def _has_ended(sock: socket.socket) -> bool:
    """Whether a connection that nothing is expected on has something to read: its end, mostly."""
    over_tls = sock if isinstance(sock, ssl.SSLSocket) else getattr(sock, "sslobj", None)
    if over_tls is not None and over_tls.pending():
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _login(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if not parts.username:
        return {}
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(login.encode()).decode()}"}

"""What http/ takes for granted of CPython that CPython does not promise: each by a test of its own.

One that fails on a new Python says which line of http/ to look at, before a registry does.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, cast

import pytest
from urllib3.util.ssltransport import SSLTransport

from pushpolicy.http import tls
from pushpolicy.http.response import StrictResponse
from tests.certificates import Certificates, make_certificates

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
Serve = Callable[[socket.socket], None]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@contextmanager
def serving(serve: Serve) -> Iterator[int]:
    """The port of a server that has one connection, which `serve` is given."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            accepted, _ = server.accept()
            with accepted:
                serve(accepted)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()


def answer(connection: socket.socket, content: bytes = OK) -> None:
    """Read a request's head and answer it."""
    asked = b""
    while not asked.endswith(b"\r\n\r\n") and (more := connection.recv(4096)):
        asked += more
    connection.sendall(content)


def server_context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.key)
    return context


def client_context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificates.authority)
    return context


@pytest.mark.parametrize("kind", [http.client.HTTPConnection, http.client.HTTPSConnection])
def test_a_connection_is_made_by_create_connection(kind: type[http.client.HTTPConnection]) -> None:
    """connections._new puts its own in, which tells a proxy that is not reached from a server."""
    asked: list[tuple[object, ...]] = []

    def create(*arguments: object) -> socket.socket:
        asked.append(arguments)
        raise ConnectionRefusedError

    connection = kind("proxy.invalid", 3128)
    connection.timeout = 7  # set after it was made, as connections._exchange does
    cast("Any", connection)._create_connection = create
    connection.set_tunnel("registry.invalid", 443)
    with pytest.raises(ConnectionRefusedError):
        connection.connect()
    assert [arguments[:2] for arguments in asked] == [(("proxy.invalid", 3128), 7)]
    assert connection.sock is None


def test_a_response_class_may_be_any_callable_and_is_asked_for_tunnels_too() -> None:
    """connections._exchange puts a partial in, so that an answer has the time that its request has left."""
    made: list[StrictResponse] = []

    def respond(sock: socket.socket, **options: Any) -> StrictResponse:
        made.append(StrictResponse(5, 1e9, sock, **options))
        return made[-1]

    def proxy(connection: socket.socket) -> None:
        answer(connection, b"HTTP/1.1 200 Connection established\r\n\r\n")
        answer(connection)

    with serving(proxy) as port:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            cast("Any", connection).response_class = respond
            connection.set_tunnel("registry.invalid", 80)
            connection.request("GET", "/")
            with connection.getresponse() as answered:
                assert answered.read() == b"body"
        assert len(made) == 2
        assert answered is made[1]


def test_the_answer_of_a_proxy_has_an_end_in_time() -> None:
    """http.client reads it by the response class, and through the file that StrictResponse put in."""
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not stop.wait(0.05):
            try:
                connection.sendall(b"a")
            except OSError:
                return

    with serving(drip) as port:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            cast("Any", connection).response_class = partial(StrictResponse, 0.5, 1e9)
            connection.set_tunnel("registry.invalid", 443)
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                connection.connect()
            assert time.monotonic() - started < 4
        stop.set()


def test_the_file_of_a_response_can_be_taken_off_and_replaced() -> None:
    """StrictResponse reads head and body through a file of its own; http.client reads by `self.fp` only."""
    near, far = socket.socketpair()
    with near, far, http.client.HTTPResponse(near) as response:
        assert isinstance(response.fp, io.BufferedReader)
        raw = response.fp.detach()
        assert isinstance(raw, socket.SocketIO)
        response.fp = io.BufferedReader(raw)
        far.sendall(OK)
        response.begin()
        assert response.read() == b"body"
        assert response.isclosed()


def test_length_and_will_close_are_what_reading_goes_by() -> None:
    """StrictResponse.begin sets them, Response.close looks at them: a body of known length, kept alive."""
    near, far = socket.socketpair()
    with near, far, StrictResponse(5, 1e9, near, method="GET") as response:
        far.sendall(OK)
        response.begin()
        assert (response.length, response.will_close, response.chunked) == (4, False, False)
        assert response.read(3) == b"bod"
        assert response.length == 1
        assert response.read(3) == b"y"
        assert response.length == 0


def test_a_connection_serves_again_after_a_response_that_begin_read() -> None:
    """getresponse leaves the connection open when `will_close` is false, and takes the next request."""

    def serve(connection: socket.socket) -> None:
        answer(connection)
        answer(connection)

    with (
        serving(serve) as port,
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection,
    ):
        cast("Any", connection).response_class = partial(StrictResponse, 5, 1e9)
        for _ in range(2):
            connection.request("GET", "/")
            with connection.getresponse() as response:
                assert response.read() == b"body"
            assert connection.sock is not None


def test_an_end_that_tls_does_not_state_is_an_error_where_it_is_asked_for(certificates: Certificates) -> None:
    """connections._exchange sets `suppress_ragged_eofs`, which only wrap_socket takes as an argument."""

    def serve(connection: socket.socket) -> None:
        over_tls = server_context(certificates).wrap_socket(connection, server_side=True)
        answer(over_tls, b"HTTP/1.1 200 OK\r\n\r\ncut")
        over_tls.close()  # sends no close_notify: that is unwrap()'s

    context = client_context(certificates)
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    with (
        serving(serve) as port,
        closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)) as connection,
    ):
        connection.connect()
        assert isinstance(connection.sock, ssl.SSLSocket)
        assert cast("Any", connection.sock).suppress_ragged_eofs is True
        cast("Any", connection.sock).suppress_ragged_eofs = False
        connection.request("GET", "/")
        # An SSLEOFError on most; Debian's 3.11.2 says SSLError with OpenSSL's own reason.
        with connection.getresponse() as response, pytest.raises(ssl.SSLError, match=r"(?i)eof"):
            response.read()


def test_tls_within_tls_is_read_as_a_socket_is(certificates: Certificates) -> None:
    """connections._has_ended asks `sslobj` for what is pending; StrictResponse takes the file's raw end."""
    near, far = socket.socketpair()
    is_read = threading.Event()

    def serve() -> None:
        with server_context(certificates).wrap_socket(far, server_side=True) as over_tls:
            answer(over_tls)
            is_read.wait(10)

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    near.settimeout(5)
    with near, SSLTransport(near, client_context(certificates), "localhost") as transport:
        assert transport.sslobj.pending() == 0
        assert transport.gettimeout() == 5
        transport.settimeout(4)
        assert near.gettimeout() == 4
        transport.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with StrictResponse(5, 1e9, cast("socket.socket", transport), method="GET") as response:
            response.begin()
            assert response.read(4) == b"body"
        is_read.set()
    server.join(10)
    assert not server.is_alive()


def within_memory(
    connection: ssl.SSLObject, way_in: ssl.MemoryBIO, way_out: ssl.MemoryBIO, far: socket.socket
) -> None:
    """Shake hands for a connection that has no socket."""
    while True:
        try:
            connection.do_handshake()
            return
        except ssl.SSLWantReadError:
            far.sendall(way_out.read())
            way_in.write(far.recv(65536))


def test_a_context_has_its_own_kind_of_connection_and_shakes_hands_with_it(
    certificates: Certificates,
) -> None:
    """tls._Socket and _Object look at the chain in `do_handshake`, before wrap_socket gives them out."""
    begun: list[type] = []

    class Socket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            begun.append(Socket)

    class Refusing(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            begun.append(Refusing)
            raise ssl.SSLCertVerificationError(ssl.SSL_ERROR_SSL, "no")

    class Object(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            begun.append(Object)

    def serve(connection: socket.socket) -> None:
        server_context(certificates).wrap_socket(connection, server_side=True).close()

    context = client_context(certificates)
    for kind in (Socket, Refusing):
        context.sslsocket_class = kind
        with serving(serve) as port, socket.create_connection(("127.0.0.1", port), 5) as plain:
            if kind is Socket:
                context.wrap_socket(plain, server_hostname="localhost").close()
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    context.wrap_socket(plain, server_hostname="localhost")
            assert plain.fileno() == -1, "it was taken over, and is closed"
    context.sslobject_class = Object
    with serving(serve) as port, socket.create_connection(("127.0.0.1", port), 5) as plain:
        way_in, way_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        connection = context.wrap_bio(way_in, way_out, server_hostname="localhost")
        within_memory(connection, way_in, way_out, plain)
        plain.sendall(way_out.read())
    assert begun == [Socket, Refusing, Object]


def test_the_verified_chain_is_told(certificates: Certificates) -> None:
    """tls._check_chain reads it: the server's certificate first, what is trusted last, each in DER."""

    def serve(connection: socket.socket) -> None:
        server_context(certificates).wrap_socket(connection, server_side=True).close()

    expected = [
        ssl.PEM_cert_to_DER_cert(path.read_text()) for path in (certificates.server, certificates.authority)
    ]
    with (
        serving(serve) as port,
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        client_context(certificates).wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        chain = cast("Any", connection)._sslobj.get_verified_chain()
        assert [each.public_bytes(tls._DER) for each in chain] == expected
        if hasattr(connection, "get_verified_chain"):  # from 3.13 on
            assert connection.get_verified_chain() == expected
        assert connection.server_hostname == "localhost"

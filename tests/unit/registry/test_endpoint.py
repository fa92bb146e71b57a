"""Whether a registry on a loopback address speaks TLS: seldom waited for, and never guessed."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from pushpolicy.model.reference import Repository
from pushpolicy.registry.endpoint import Endpoint
from tests.certificates import Certificates, make_certificates

Serve = Callable[[socket.socket, bytes], None]
PLAIN = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
NOT_PLAIN = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@contextmanager
def server(serve: Serve) -> Iterator[tuple[str, list[bytes]]]:
    """One that does this with each connection, told its first bytes; its address, and those bytes."""
    listening = socket.create_server(("127.0.0.1", 0))
    first = list[bytes]()

    def handle(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(20)
            first.append(connection.recv(4096, socket.MSG_PEEK))
            serve(connection, first[-1])

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=handle, args=listening.accept()[:1], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}", first
    finally:
        listening.close()


def waiting(connection: socket.socket, first: bytes, answer: bytes = PLAIN) -> None:
    """Answers plain http; of anything else it waits for more, until the other side goes."""
    if first.startswith(b"GET "):
        connection.recv(4096)
        connection.sendall(answer)
        return
    while connection.recv(4096):
        pass


def over_tls(
    after: float, plain: bytes, certificates: Certificates
) -> Callable[[socket.socket, bytes], None]:
    """Speaks TLS, but not at once; what is not TLS gets this answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.key)

    def serve(connection: socket.socket, first: bytes) -> None:
        if first.startswith(b"GET "):
            waiting(connection, first, plain)
            return
        time.sleep(after)
        with context.wrap_socket(connection, server_side=True):
            pass

    return serve


def scheme_of(host: str) -> tuple[str, float]:
    started = time.monotonic()
    endpoint = Endpoint(Repository.parse(f"{host}/team/app"), plain_http=False)
    return endpoint.scheme, time.monotonic() - started


def test_one_that_does_not_answer_a_hello_is_not_waited_for() -> None:
    with server(waiting) as (host, first):
        scheme, seconds = scheme_of(host)
        assert scheme == "http"
        assert seconds < 2
        assert [text[:8] for text in first if not text.startswith(b"\x16")] == [b"GET /v2/"]
        assert not any(b"uthorization" in text for text in first)


def test_one_that_answers_neither_gets_all_the_time_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushpolicy.registry.endpoint._PROBE_SECONDS", 2.0)
    with server(lambda connection, first: waiting(connection, first, b"")) as (host, _):
        scheme, seconds = scheme_of(host)
        assert scheme == "http"
        assert seconds > 1.9


@pytest.mark.parametrize(
    ("after", "plain"),
    [(0.0, NOT_PLAIN), (1.0, NOT_PLAIN), (1.0, b""), (0.0, PLAIN), (0.3, PLAIN)],
    ids=["at once", "late, and says so", "late, and says nothing", "both at once", "both, TLS later"],
)
def test_one_of_tls_is_spoken_to_in_it(after: float, plain: bytes, certificates: Certificates) -> None:
    with server(over_tls(after, plain, certificates)) as (host, _):
        assert scheme_of(host)[0] == "https"


def test_one_that_answers_at_once_is_asked_nothing_more() -> None:
    def closing(connection: socket.socket, first: bytes) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with server(closing) as (host, first):
        assert scheme_of(host)[0] == "http"
        assert len(first) == 1

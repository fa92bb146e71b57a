"""A body may take as long as bytes move, and ends when none does."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import cast

import pytest

from pushpolicy.http.sending import StallError, send_body
from tests.certificates import Certificates, make_certificates

PIECE = 128 * 1024
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only our own system's word counts")


class Reader:
    """The other side: it reads a little at a time, at most so many bytes before it stops.

    With two pieces it answers.
    """

    def __init__(self, sock: socket.socket, pause: float, most: int | None) -> None:
        self._sock = sock
        self._pause = pause
        self._most = most
        self.content = bytearray()
        self.left = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while self._most is None or len(self.content) < self._most:
            piece = self._sock.recv(2048)
            if not piece:
                break
            self.content += piece
            if len(self.content) == 2 * PIECE:
                self._sock.sendall(b"answer")
            time.sleep(self._pause)
        self.left.wait(30)
        self._sock.close()


@contextmanager
def connected(
    certificates: Certificates | None, pause: float, most: int | None = None
) -> Iterator[tuple[socket.socket, Reader]]:
    """A connection of which the other side has room for little, and the reader there."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind(("127.0.0.1", 0))
        server.listen()
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    if certificates:
        there = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        there.num_tickets = 0  # TLS 1.3 sends some unasked, which a poll takes for an answer
        there.load_cert_chain(certificates.server, certificates.key)
        here = ssl.create_default_context(cafile=str(certificates.authority))
        wrapped: list[socket.socket] = []
        shaking = threading.Thread(target=lambda: wrapped.append(there.wrap_socket(theirs, server_side=True)))
        shaking.start()
        ours = here.wrap_socket(ours, server_hostname="localhost")
        shaking.join()
        (theirs,) = wrapped
    reader = Reader(theirs, pause, most)
    with ours:
        yield ours, reader
        reader.left.set()


def pieces(number: int) -> Iterator[memoryview]:
    return (memoryview(bytes([each]) * PIECE) for each in range(number))


@pytest.fixture(scope="module", params=["plain", "tls"])
def maybe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Certificates | None:
    return make_certificates(tmp_path_factory.mktemp("tls")) if request.param == "tls" else None


@on_linux
@pytest.mark.parametrize("room", [8192, 4 * PIECE], ids=["little room", "room for all"])
def test_a_slow_reader_gets_all_though_a_piece_takes_longer_than_the_limit(
    maybe: Certificates | None, room: int
) -> None:
    with connected(maybe, 0.01) as (sock, reader):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        started = time.monotonic()
        send_body(sock, pieces(2), 0.4)
        assert time.monotonic() - started > 0.8
        assert bytes(reader.content) == b"".join(pieces(2))
        assert sock.recv(9) == b"answer"
        assert sock.gettimeout() == 0.4


def test_a_reader_that_stops_ends_it(maybe: Certificates | None) -> None:
    with connected(maybe, 0, most=PIECE) as (sock, _):
        started = time.monotonic()
        with pytest.raises(StallError, match=r"no byte moved for 0\.5 seconds"):
            send_body(sock, pieces(200), 0.5)
        assert 0.4 < time.monotonic() - started < 10


def test_what_cannot_take_up_a_write_again_gets_small_pieces() -> None:
    sent: list[int] = []
    tunnel = cast("socket.socket", SimpleNamespace(sendall=lambda piece: sent.append(len(piece))))
    send_body(tunnel, pieces(2), 60)
    assert sum(sent) == 2 * PIECE
    assert max(sent) == 16 * 1024

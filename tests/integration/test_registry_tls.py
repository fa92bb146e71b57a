"""What a registry can do with a TLS connection that plain ones do not know."""

from __future__ import annotations

import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pushpolicy.errors import PushError
from pushpolicy.http.proxies import Proxies
from pushpolicy.model.manifest import Manifest
from tests.certificates import Certificates, make_certificates
from tests.clients import client_of
from tests.connect_proxy import connect_proxy
from tests.judged import make_image

MANIFEST, OTHER = make_image().top, make_image("other").top


def head(manifest: Manifest, *, sized: bool) -> bytes:
    length = f"Content-Length: {len(manifest.content)}\r\n" if sized else ""
    return f"HTTP/1.1 200 OK\r\nContent-Type: {manifest.media_type}\r\n{length}\r\n".encode()


@contextmanager
def server(certificates: Certificates, answer: bytes, *, cut: bool) -> Iterator[tuple[str, list[int]]]:
    """Gives this answer to every request; `cut` ends each connection without saying so."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.key)
    listening = socket.create_server(("127.0.0.1", 0))
    asked: list[int] = []

    def serve(plain: socket.socket, number: int) -> None:
        with suppress(OSError), context.wrap_socket(plain, server_side=True) as connection:
            while connection.recv(65536):
                asked.append(number)
                connection.sendall(answer)
                if cut:
                    return

    def accept() -> None:
        with suppress(OSError):
            for number in range(100):
                plain, _ = listening.accept()
                threading.Thread(target=serve, args=(plain, number), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}", asked
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_what_nobody_asked_for_is_no_answer_to_the_next_request(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    # In one record, and behind what is read at once: OpenSSL holds it, and no poll sees it.
    answer = (head(MANIFEST, sized=True) + MANIFEST.content).ljust(io.DEFAULT_BUFFER_SIZE, b"x")
    pushed = answer + head(OTHER, sized=True) + OTHER.content
    with server(certificates, pushed, cut=False) as (host, asked):
        repository = client_of(host, ca_file=certificates.authority)
        assert [repository.resolve("v1") for _ in range(3)] == [MANIFEST] * 3
        assert len(set(asked)) == 3, "each on a connection of its own"


def test_an_end_that_is_not_stated_is_a_cut(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    with server(certificates, head(MANIFEST, sized=False) + MANIFEST.content, cut=True) as (host, asked):
        repository = client_of(host, ca_file=certificates.authority, attempts=2, first_pause=0.01)
        with pytest.raises(PushError, match="broke"):
            repository.resolve("v1")
        assert len(asked) == 2


@pytest.mark.parametrize("is_over_tls", [False, True])
def test_an_end_that_is_not_stated_is_a_cut_within_a_tunnel(is_over_tls: bool, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    content = head(MANIFEST, sized=False) + MANIFEST.content
    with (
        server(certificates, content, cut=True) as (host, asked),
        connect_proxy(host, certificates if is_over_tls else None) as proxy,
    ):
        proxies = Proxies(https=f"{'https' if is_over_tls else 'http'}://{proxy.host}")
        repository = client_of(
            "tunnelled.invalid",
            ca_file=certificates.authority,
            proxies=proxies,
            attempts=2,
            first_pause=0.01,
        )
        with pytest.raises(PushError, match="broke"):
            repository.resolve("v1")
        assert len(asked) == 2


def test_a_server_that_never_shakes_hands() -> None:
    """A proxy here: a registry on this machine that does not speak TLS is spoken to without."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = f"127.0.0.1:{listening.getsockname()[1]}"
        proxies = Proxies(https=f"https://{proxy}")
        silent = client_of(
            "registry.invalid", proxies=proxies, connect_timeout=0.5, read_timeout=60, attempts=1
        )
        started = time.monotonic()
        with pytest.raises(PushError, match=f"the proxy {proxy} does not answer in time"):
            silent.resolve("v1")
        assert time.monotonic() - started < 20

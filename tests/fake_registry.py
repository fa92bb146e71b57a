"""A registry that answers as a test tells it, for what real ones do not do: lies, redirects, silence."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.certificates import Certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came; `certificate` says whether a client certificate came with it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    certificate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What to answer. `length` states another Content-Length than the body's; the connection then ends."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    length: int | None = None


@dataclass(slots=True)
class FakeRegistry:
    """A running one: its address, and what was asked of it, oldest first.

    Attributes:
        takes: bytes of a request's content after which it reads no more, and says nothing.
        ended: set when it ends.
    """

    host: str
    answer: Callable[[Asked], Answered]
    takes: int | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def fake_registry(
    answer: Callable[[Asked], Answered],
    certificates: Certificates | None = None,
    *,
    takes: int | None = None,
) -> Iterator[FakeRegistry]:
    """Run one on a free loopback port, over plain http; over TLS where there are certificates.

    Over TLS it asks for a client's certificate, and talks to those who have none too.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.socket.listen(128)  # as servers have it; Python's own takes five at once
    if certificates:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.server, certificates.key)
        context.load_verify_locations(certificates.authority)
        context.verify_mode = ssl.CERT_OPTIONAL
        server.socket = context.wrap_socket(server.socket, server_side=True)
    registry = FakeRegistry(f"127.0.0.1:{server.server_port}", answer, takes)
    server.registry = registry  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        registry.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else a body waits until its head is acknowledged, which takes 40 ms.
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        registry: FakeRegistry = self.server.registry  # type: ignore[attr-defined]
        shown = isinstance(self.connection, ssl.SSLSocket) and bool(self.connection.getpeercert())
        size = int(self.headers.get("Content-Length", 0))
        if registry.takes is not None and size > registry.takes:
            self.rfile.read(registry.takes)
            registry.ended.wait(60)
        body = self.rfile.read(size)
        asked = Asked(
            method=self.command, path=self.path, headers=dict(self.headers), body=body, certificate=shown
        )
        registry.asked.append(asked)
        answered = registry.answer(asked)
        self.send_response_only(answered.status)
        for name, value in answered.headers.items():
            self.send_header(name, value)
        length = len(answered.body) if answered.length is None else answered.length
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answered.body)
        self.close_connection = length != len(answered.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 (http.server's names)

    def handle(self) -> None:
        """As in http.server, but a client that goes away is no error."""
        with suppress(OSError):
            super().handle()

    def log_message(self, *arguments: object) -> None:
        """Nothing: what was asked is kept."""

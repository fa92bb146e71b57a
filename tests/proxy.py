"""A reverse proxy in front of a registry: it counts requests, and can spoil one or tell of one.

The registry sees the proxy's own Host, so the upload addresses it gives out lead through the proxy too.
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Fault(StrEnum):
    """What can happen to one request."""

    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    NOT_FOUND = "404"
    FORBIDDEN = "403"
    RESET = "connection reset before the registry saw it"
    LOST = "connection reset after the registry did it"
    TRUNCATED = "body cut short"
    GARBLED = "body with another byte"
    EMPTY = "200 without having done anything"


STATUSES = {
    Fault.SERVER_ERROR: 500,
    Fault.UNAVAILABLE: 503,
    Fault.NOT_FOUND: 404,
    Fault.FORBIDDEN: 403,
    Fault.EMPTY: 200,
}


@dataclass
class Proxy:
    """A running proxy.

    Attributes:
        host: its address, to be used in place of the registry's.
        upstream: the registry's.
        seen: method and path of each request, oldest first.
        faults: by the number of a request, from 1: what happens to it.
        done: called with the number of a request when the registry did it, before its answer is sent.
    """

    host: str
    upstream: str
    seen: list[str] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    done: Callable[[int], None] = lambda number: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, request: str) -> int:
        """Note a request; its number."""
        with self.lock:
            self.seen.append(request)
            return len(self.seen)


@contextmanager
def proxy_before(upstream: str) -> Iterator[Proxy]:
    """Run a proxy before the registry at this address (plain http)."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.proxy = Proxy(host=f"127.0.0.1:{server.server_address[1]}", upstream=upstream)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.proxy  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One segment per answer: head and body apart would wait for each other (Nagle, delayed ACK).
    wbufsize = 1024 * 1024
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        body = self._body()
        number = proxy.count(f"{self.command} {self.path}")
        fault = proxy.faults.get(number)
        if fault is Fault.RESET:
            self._reset()
        elif fault in STATUSES:
            self._answer(STATUSES[fault], {}, b"")
        else:
            self._forward(proxy, number, body, fault)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 (http.server's names)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            content = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _forward(self, proxy: Proxy, number: int, body: bytes, fault: Fault | None) -> None:
        connection = http.client.HTTPConnection(proxy.upstream, timeout=20)
        skipped = {"transfer-encoding", "content-length", "connection"}
        headers = {key: value for key, value in self.headers.items() if key.lower() not in skipped}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        kept = {key: value for key, value in answer.getheaders() if key.lower() not in skipped}
        if self.command == "HEAD" and (length := answer.getheader("Content-Length")):
            kept["Content-Length"] = length
        connection.close()
        proxy.done(number)
        if fault is Fault.LOST:
            self._reset()
        elif fault is Fault.TRUNCATED:
            self._answer(answer.status, kept, content, sent=len(content) // 2)
        elif fault is Fault.GARBLED and content:
            self._answer(answer.status, kept, content[:-1] + bytes([content[-1] ^ 1]))
        else:
            self._answer(answer.status, kept, content)

    def _answer(
        self, status: int, headers: dict[str, str], content: bytes, *, sent: int | None = None
    ) -> None:
        self.send_response_only(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if self.command != "HEAD" or "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:sent])
        if sent is not None:
            self._reset()

    def _reset(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def handle(self) -> None:
        """As in http.server, but a client that goes away is no error."""
        with suppress(OSError):
            super().handle()

    def finish(self) -> None:
        """As in http.server, but what cannot be sent any more is no error."""
        with suppress(OSError):
            super().finish()

    def log_message(self, *arguments: object) -> None:
        """Nothing: the proxy keeps its own list."""

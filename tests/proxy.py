"""A reverse proxy before a registry: it counts the requests to each repository, and can spoil any of them.

The registry sees the proxy's own Host, so the upload addresses it gives out lead through the proxy too.
"""

from __future__ import annotations

import http.client
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_REPOSITORY = re.compile(r"/v2/(.+?)/(?:blobs|manifests|referrers|tags)/")
_PIECE = 64 * 1024
_NOT_PASSED_ON = frozenset({"transfer-encoding", "content-length", "connection"})


class Fault(StrEnum):
    """What can happen to one request."""

    RESET = "connection reset before the registry saw it"
    LOST = "connection reset after the registry did it"
    CUT = "answer cut in half"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    GATEWAY_TIMEOUT = "504"
    TOO_MANY = "429 with Retry-After: 1"
    SILENT = "no answer at all"
    BROKEN_OFF = "connection reset in the middle of the request's body"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    GARBLED = "body with another byte"
    EMPTY = "200 without having done anything"


STATUSES = {
    Fault.SERVER_ERROR: 500,
    Fault.BAD_GATEWAY: 502,
    Fault.UNAVAILABLE: 503,
    Fault.GATEWAY_TIMEOUT: 504,
    Fault.TOO_MANY: 429,
    Fault.FORBIDDEN: 403,
    Fault.NOT_FOUND: 404,
    Fault.EMPTY: 200,
}


@dataclass
class Traffic:
    """The requests to one repository, numbered from 1 as they come.

    Attributes:
        plan: what happens to the request of a number. `Fault.BROKEN_OFF` goes by the number among those that
            have a body: requests come in parallel, and which of all has one differs from push to push.
        received: called with the number of a request and how many bytes of its body were passed on.
        done: called with the number of a request when the registry did it, before its answer is sent.
        seen: method and path of each request, oldest first.
        met: the numbers of those that met a fault.
    """

    plan: Callable[[int], Fault | None] = lambda number: None
    received: Callable[[int, int], None] = lambda number, count: None
    done: Callable[[int], None] = lambda number: None
    seen: list[str] = field(default_factory=list)
    met: list[int] = field(default_factory=list)
    bodies: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, request: str) -> int:
        """Note a request; its number."""
        with self.lock:
            self.seen.append(request)
            return len(self.seen)

    def fault(self, number: int, *, has_body: bool) -> Fault | None:
        """What is planned for a request; to be asked once for each."""
        planned = self.plan(number)
        with self.lock:
            self.bodies += has_body
            body = self.bodies
        if has_body and self.plan(body) is Fault.BROKEN_OFF:
            return Fault.BROKEN_OFF
        return None if planned is Fault.BROKEN_OFF else planned


@dataclass
class Proxy:
    """A running proxy.

    Attributes:
        host: its address, to be used in place of the registry's.
        upstream: the registry's.
        repositories: the traffic of each repository by its path; what is not among them passes.
    """

    host: str
    upstream: str
    repositories: dict[str, Traffic] = field(default_factory=dict)

    def traffic(self, path: str) -> Traffic:
        """That of the repository which this path of a request is about."""
        found = _REPOSITORY.match(path)
        return self.repositories.setdefault(found[1] if found else "", Traffic())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Several pushes open a dozen connections each at once.
    request_queue_size = 256

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = Proxy(host=f"127.0.0.1:{self.server_address[1]}", upstream=upstream)


@contextmanager
def proxy_before(upstream: str) -> Iterator[Proxy]:
    """Run a proxy before the registry at this address (plain http)."""
    with _Server(upstream) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.proxy
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One segment per answer: head and body apart would wait for each other (Nagle, delayed ACK).
    wbufsize = 1024 * 1024
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        """As in http.server, with a connection to the registry for each one from a client."""
        super().setup()
        self._upstream = http.client.HTTPConnection(self.server.proxy.upstream, timeout=60)

    def _handle(self) -> None:
        traffic = self.server.proxy.traffic(self.path)
        number = traffic.count(f"{self.command} {self.path}")
        fault = traffic.fault(number, has_body=self.headers.get("Content-Length", "0") != "0")
        if fault and fault is not Fault.BROKEN_OFF:
            traffic.met.append(number)
        if fault in (Fault.RESET, Fault.SILENT, *STATUSES):
            for _ in self._body(lambda count: None):
                pass
        if fault is Fault.RESET:
            self._reset()
        elif fault is Fault.SILENT:
            self._wait_for_end()
        elif fault in STATUSES:
            headers = {"Retry-After": "1"} if fault is Fault.TOO_MANY else {}
            self._send(self._head(STATUSES[fault], headers, length=0))
        else:
            self._forward(traffic, number, fault)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 (http.server's names)

    def _body(self, received: Callable[[int], None]) -> Iterator[bytes]:
        """The body as it comes; `received` is called once a piece of it was taken."""
        taken, length = 0, int(self.headers.get("Content-Length", 0))
        while taken < length:
            piece = self.rfile.read(min(_PIECE, length - taken))
            if not piece:
                raise ConnectionAbortedError("the client went away in the middle of a body")
            yield piece
            taken += len(piece)
            received(taken)

    def _received(self, traffic: Traffic, number: int, fault: Fault | None, count: int) -> None:
        traffic.received(number, count)
        if fault is Fault.BROKEN_OFF and count >= int(self.headers["Content-Length"]) // 2:
            traffic.met.append(number)
            self._reset()
            raise ConnectionAbortedError("as it was planned")

    def _forward(self, traffic: Traffic, number: int, fault: Fault | None) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
        if length := self.headers.get("Content-Length"):
            headers["Content-Length"] = length
        body = (
            self._body(partial(self._received, traffic, number, fault)) if length not in (None, "0") else None
        )
        self._upstream.request(self.command, self.path, body, headers)
        answer = self._upstream.getresponse()
        content = answer.read()
        traffic.done(number)
        if fault is Fault.LOST:
            return self._reset()
        if fault is Fault.GARBLED and content:
            content = content[:-1] + bytes([content[-1] ^ 1])
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _NOT_PASSED_ON}
        stated = answer.getheader("Content-Length") if self.command == "HEAD" else None
        head = self._head(answer.status, kept, length=int(stated) if stated else len(content))
        if fault is Fault.CUT:
            self.close_connection = True
            return self._send(head + content[: len(content) // 2] if content else head[: len(head) // 2])
        return self._send(head + content)

    def _head(self, status: int, headers: dict[str, str], *, length: int) -> bytes:
        lines = [f"{name}: {value}" for name, value in (headers | {"Content-Length": str(length)}).items()]
        return "\r\n".join([f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *lines, "", ""]).encode()

    def _send(self, answer: bytes) -> None:
        self.wfile.write(answer)
        self.wfile.flush()

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _wait_for_end(self) -> None:
        self.close_connection = True
        self.connection.recv(1)

    def handle(self) -> None:
        """As in http.server, but a client that goes away is no error."""
        with suppress(OSError, http.client.HTTPException):
            super().handle()

    def finish(self) -> None:
        """As in http.server, but what cannot be sent any more is no error."""
        self._upstream.close()
        with suppress(OSError):
            super().finish()

    def log_message(self, *arguments: object) -> None:
        """Nothing: the proxy keeps its own list."""

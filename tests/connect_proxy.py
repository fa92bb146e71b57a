"""A proxy that tunnels (RFC 9110, 9.3.6), spoken to in the clear or over TLS; it knows one registry."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.certificates import Certificates


class ConnectProxy:
    """A running one: its address, and the heads of the requests that came."""

    def __init__(self, registry: str, refusal: bytes, context: ssl.SSLContext | None) -> None:
        host, _, port = registry.rpartition(":")
        self._registry = (host, int(port))
        self._refusal = refusal
        self._context = context
        self._server = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.heads: list[bytes] = []

    def serve(self) -> None:
        """Take connections until `close`."""
        while True:
            try:
                plain, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._tunnel, args=(plain,), daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _tunnel(self, plain: socket.socket) -> None:
        with suppress(OSError):
            client = self._context.wrap_socket(plain, server_side=True) if self._context else plain
            with client:
                head = b""
                while b"\r\n\r\n" not in head and (more := client.recv(65536)):
                    head += more
                self.heads.append(head)
                if self._refusal:
                    client.sendall(self._refusal)
                    return
                with socket.create_connection(self._registry) as registry:
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    back = threading.Thread(target=_pass_on, args=(registry, client), daemon=True)
                    back.start()
                    _pass_on(client, registry)
                    back.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
        finally:
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def connect_proxy(
    registry: str, certificates: Certificates | None = None, refusal: bytes = b""
) -> Iterator[ConnectProxy]:
    """Run one on a free loopback port, whose every tunnel ends at this registry.

    Args:
        registry: host and port.
        certificates: those of a proxy that is itself spoken to over TLS.
        refusal: what to answer instead of opening a tunnel.
    """
    context = None
    if certificates:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.server, certificates.key)
    proxy = ConnectProxy(registry, refusal, context)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join()

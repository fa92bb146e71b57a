"""A TCP proxy that cuts one connection in the middle of what the client sends."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class Cutting:
    """A running one.

    Attributes:
        host: its address.
        after: bytes from the client on one connection after which that is cut; once.
        passed: bytes that were passed on to the registry.
    """

    host: str
    after: int
    passed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_over(self, sent: int) -> bool:
        """Whether this is the moment."""
        with self.lock:
            if not 0 < self.after <= sent:
                return False
            self.after = 0
            return True


@contextmanager
def cut_once(upstream: str, after: int) -> Iterator[Cutting]:
    """Forward connections to the registry at this address, and cut the first that sends so much."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        cutting = Cutting(f"127.0.0.1:{server.getsockname()[1]}", after)
        threading.Thread(target=_accept, args=(server, upstream, cutting), daemon=True).start()
        yield cutting


def _accept(server: socket.socket, upstream: str, cutting: Cutting) -> None:
    name, _, port = upstream.rpartition(":")
    with suppress(OSError):
        while True:
            near, _ = server.accept()
            far = socket.create_connection((name, int(port)))
            threading.Thread(target=_send, args=(near, far, cutting), daemon=True).start()
            threading.Thread(target=_receive, args=(far, near), daemon=True).start()


def _send(near: socket.socket, far: socket.socket, cutting: Cutting) -> None:
    sent = 0
    with near, far, suppress(OSError):
        while content := near.recv(65536):
            far.sendall(content)
            sent += len(content)
            with cutting.lock:
                cutting.passed += len(content)
            if cutting.is_over(sent):
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                break
        near.shutdown(socket.SHUT_RDWR)


def _receive(far: socket.socket, near: socket.socket) -> None:
    with suppress(OSError):
        while content := far.recv(65536):
            near.sendall(content)
        near.shutdown(socket.SHUT_RDWR)

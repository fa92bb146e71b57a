"""A body that is sent for as long as bytes move; only a stall ends it.

`socket.sendall` has its timeout for all that it is given: a line on which that much takes longer than the
timeout never gets through, though bytes move all the time. What moves is what the other side's system takes
(tcp_info(7), tcpi_bytes_acked): ours takes some in advance, and then none until much of that is gone.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

_LOOKED_AT = 0.1  # seconds
_BYTES_ACKED = slice(120, 128)  # of Linux's struct tcp_info
_PIECE = 16 * 1024


class StallError(TimeoutError):
    """No byte moved for so many seconds, in either direction."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no byte moved for {seconds:g} seconds")
        self.seconds = seconds


def send_body(sock: socket.socket, body: Iterable[memoryview], seconds: float) -> None:
    """Send a body, and wait until an answer comes.

    Raises:
        StallError: when no byte moves for so many seconds.
        OSError: when the connection breaks.
    """
    if not isinstance(sock, socket.socket):
        # TLS within TLS, which cannot take up again what was stopped midway.
        for piece in body:
            for start in range(0, len(piece), _PIECE):
                sock.sendall(piece[start : start + _PIECE])
        return
    moves = _Moves(sock, seconds)
    sock.settimeout(min(seconds, _LOOKED_AT))
    try:
        for piece in body:
            left = piece
            while left:
                try:
                    left = left[sock.send(left) :]
                    moves.go_on()
                except TimeoutError:
                    # With TLS the same bytes have to be given again, which goes on where it stopped.
                    moves.check()
    finally:
        sock.settimeout(seconds)
    # What our system still holds. TLS 1.3's tickets would be taken for an answer: they were read with the one
    # to the request that opened the upload.
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    while not poll.poll(_LOOKED_AT * 1000):
        moves.check()


class _Moves:
    """When a byte moved last."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self._seconds = seconds
        self._taken = self._ask()
        self.go_on()

    def go_on(self) -> None:
        """A byte has moved."""
        self._until = time.monotonic() + self._seconds

    def check(self) -> None:
        """Raise StallError when none has moved for too long."""
        before, self._taken = self._taken, self._ask()
        if self._taken != before:
            self.go_on()
        elif time.monotonic() > self._until:
            raise StallError(self._seconds)

    def _ask(self) -> int:
        # Elsewhere than on Linux only what our own system takes counts.
        if sys.platform == "linux":
            with suppress(OSError):
                info = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.stop)
                return int.from_bytes(info[_BYTES_ACKED], sys.byteorder)
        return 0

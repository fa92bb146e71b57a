"""Answers that must come on time as a whole.

A socket's timeout is for the next bytes only: a server that drips out one byte a minute, head or body,
never runs into it. Here an answer that has brought n bytes may have taken `seconds` and n at the least rate.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def punctual_pools(seconds: float, rate: float) -> dict[str, type[HTTPConnectionPool]]:
    """The pool classes of a urllib3 manager (`pool_classes_by_scheme`) whose answers keep to this.

    Args:
        seconds: how long an answer may take, from when its request was sent.
        rate: bytes a second that it must reach beyond that.
    """
    response = partial(_PunctualResponse, seconds, rate)
    plain = type("PlainConnection", (HTTPConnection,), {"response_class": response})
    tls = type("TlsConnection", (HTTPSConnection,), {"response_class": response})
    return {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
    }


class _PunctualResponse(http.client.HTTPResponse):
    """An answer that is read through `_Timed`."""

    def __init__(self, seconds: float, rate: float, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self._timed = _Timed(self.fp.detach(), sock, seconds, rate)
        self.fp = io.BufferedReader(self._timed)

    def begin(self) -> None:
        """Read the head; http.client itself takes one that is cut off for one that says less."""
        super().begin()
        if self._timed.ended:
            raise ConnectionResetError("the answer was cut off")


class _Timed(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, sock: socket.socket, seconds: float, rate: float) -> None:
        self._raw = raw
        self._sock = sock
        self._rate = rate
        self._end = time.monotonic() + seconds
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer comes in too slowly")
        usual = self._sock.gettimeout()
        if usual is not None and usual <= left:
            return self._read(buffer)
        self._sock.settimeout(left)
        try:
            return self._read(buffer)
        finally:
            self._sock.settimeout(usual)

    def _read(self, buffer: WriteableBuffer) -> int:
        count: int = self._raw.readinto(buffer) or 0
        self.ended = not count
        self._end += count / self._rate
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()

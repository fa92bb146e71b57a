"""Answers of a server, read in time and to their real end.

http.client leaves three things open. A socket's timeout is for the next bytes only: a server that drips out
one byte a minute, head or body, never runs into it; here an answer that has brought n bytes may have taken
`seconds` and n at the least rate. A head that is cut off is taken for one that says less. And a body that
ends before its Content-Length is given out as if it were whole.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

_INTERIM = range(100, 200)
_MAX_LINE = 65536
_MAX_FIELDS = 200

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Response:
    """An answer whose body is still to be read.

    Args:
        answered: its head.
        done: told at the end whether the connection can serve another request.
    """

    def __init__(self, answered: http.client.HTTPResponse, done: Callable[[bool], None]) -> None:
        self._answered = answered
        self._done = done
        self._is_closed = False
        self.status = answered.status
        self.reason = answered.reason
        # A mapping that does not mind case, though its type does not say so.
        self.headers = cast("Mapping[str, str]", answered.headers)

    def read(self, size: int) -> bytes:
        """The next bytes of the body as they were sent, at most `size`; empty at its end.

        Raises:
            http.client.HTTPException: when it is cut short or malformed.
            OSError: when the connection breaks or is too slow.
        """
        content = self._answered.read(size)
        if not content and self._answered.length:
            raise http.client.IncompleteRead(b"", self._answered.length)
        return content

    def chunks(self, size: int) -> Iterator[bytes]:
        """The rest of the body, in pieces of at most `size` bytes; raises as `read` does."""
        while content := self.read(size):
            yield content

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else end it."""
        if self._is_closed:
            return
        self._is_closed = True
        answered = self._answered
        if answered.length == 0 and not answered.isclosed():
            answered.read(1)
        self._done(answered.isclosed() and not answered.length and not answered.will_close)
        answered.close()


class PunctualResponse(http.client.HTTPResponse):
    """What http.client reads from a socket, with all that time limits.

    Args:
        seconds: how long an answer may take, from when its request was sent.
        rate: bytes a second that it must reach beyond that.
    """

    def __init__(self, seconds: float, rate: float, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self._is_head = options.get("method") == "HEAD"
        self._timed = _Timed(self.fp.detach(), sock, seconds, rate)
        self.fp = io.BufferedReader(self._timed)

    def begin(self) -> None:
        """Read the head (RFC 9112, sections 4, 6.3 and 9.3)."""
        self.code = self.status = _INTERIM.start
        while self.status in _INTERIM:
            version, self.status, self.reason = _read_status(self.fp)
            headers = _read_headers(self.fp)
        if self._timed.ended:
            raise ConnectionResetError("the answer was cut off")
        self.code = self.status
        self.version = 10 if version == "HTTP/1.0" else 11
        self.headers = self.msg = cast("http.client.HTTPMessage", headers)
        self.chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = None if self.chunked else self._length(headers)
        asked = headers.get("connection", "").lower()
        persists = "close" not in asked and (self.version == 11 or "keep-alive" in asked)
        self.will_close = not persists or not (self.chunked or self.length is not None)

    def _length(self, headers: Headers) -> int | None:
        if self._is_head or self.status in (204, 304):
            return 0
        length = headers.get("content-length")
        if length is not None and not (length.isdecimal() and length.isascii()):
            raise http.client.HTTPException("the length of the answer is malformed")
        return None if length is None else int(length)


class Headers(Mapping[str, str]):
    """The fields of a head; their names do not mind case, and one that comes again adds to its list."""

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def _read_status(file: io.BufferedIOBase) -> tuple[str, int, str]:
    line = file.readline(_MAX_LINE)
    if not line:
        raise http.client.RemoteDisconnected("the connection was closed without an answer")
    version, _, rest = line.decode("iso-8859-1").strip().partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not (len(status) == 3 and status.isdecimal()):
        raise http.client.BadStatusLine(line[:80].decode("iso-8859-1"))
    return version, int(status), reason.strip()


def _read_headers(file: io.BufferedIOBase) -> Headers:
    """Read fields up to the empty line; email.parser, which http.client uses, takes four times as long."""
    fields: dict[str, str] = {}
    while (line := file.readline(_MAX_LINE + 1)) not in (b"\r\n", b"\n", b""):
        if len(line) > _MAX_LINE or len(fields) == _MAX_FIELDS:
            raise http.client.HTTPException("the head of the answer is too long")
        name, colon, value = line.decode("iso-8859-1").partition(":")
        if not colon or name != name.strip() or not name:
            raise http.client.HTTPException("the head of the answer is malformed")
        name, value = name.lower(), value.strip()
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return Headers(fields)


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

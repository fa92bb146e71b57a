"""Answers of a server, read in time and to their real end (RFC 9112).

http.client leaves four things open. A socket's timeout is for the next bytes only: a server that drips out
one byte a minute, head or body, never runs into it; here an answer that has brought n bytes may have taken
`seconds` and n at the least rate, unless it is content, which may take its time. A head that is cut off is
taken for one that says less. A body that ends before its Content-Length is given out as if it were whole; so
is one in chunks whose next size is cut off after its zeros, and a negative size reads all that ever comes.
And interim answers and trailers have no end.
"""

from __future__ import annotations

import http.client
import io
import math
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from pushpolicy.http.sending import StallError

_INTERIM = range(100, 200)
_SWITCHING_PROTOCOLS = 101
_MAX_LINE = 64 * 1024
_MAX_HEAD = 256 * 1024
_STATUS = re.compile(rb"HTTP/1\.([0-9]) ([0-9]{3})(?: ([^\0\r\n]*))?\r?\n")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\0\r\n]*)\r?\n")
_LENGTH = re.compile("[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\0\r\n]*)?\r?\n")
_END_OF_LINE = (b"\r\n", b"\n")

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Response:
    """An answer whose body is still to be read.

    Args:
        answered: its head.
        done: told at the end whether the connection can serve another request.
    """

    def __init__(self, answered: StrictResponse, done: Callable[[bool], None]) -> None:
        self._answered = answered
        self._done = done
        self._is_closed = False
        self.status = answered.status
        self.reason = answered.reason
        # A mapping that does not mind case, though its type does not say so.
        self.headers = cast("Mapping[str, str]", answered.headers)

    def read(self, size: int) -> bytes:
        """The next bytes of the body as they were sent, at most `size`; empty at its end, which closes it.

        Raises:
            http.client.HTTPException: when it is cut short or malformed.
            OSError: when the connection breaks or is too slow.
        """
        content = self._answered.read(size)
        if not content and self._answered.length:
            raise http.client.IncompleteRead(b"", self._answered.length)
        if not content:
            self.close()
        return content

    def chunks(self, size: int) -> Iterator[bytes]:
        """The rest of the body, in pieces of at most `size` bytes; raises as `read` does."""
        while content := self.read(size):
            yield content

    def take_time(self) -> None:
        """Let the rest take as long as bytes keep coming."""
        self._answered.take_time()

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


class StrictResponse(http.client.HTTPResponse):
    """What http.client reads from a socket, with all that time limits.

    Args:
        seconds: how long an answer may take, from when its request was sent.
        rate: bytes a second that it must reach beyond that.
    """

    def __init__(self, seconds: float, rate: float, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self._is_head = options.get("method") == "HEAD"
        self._chunks: _Chunks | None = None
        self._timed = _Timed(self.fp.detach(), sock, seconds, rate)
        self.fp = io.BufferedReader(self._timed)

    def take_time(self) -> None:
        """Have no limit but the socket's, which is for the next bytes."""
        self._timed.end = math.inf

    def begin(self) -> None:
        """Read the head (sections 4, 6.3 and 9.3)."""
        lines = _Lines(self.fp)
        self.status = _INTERIM.start
        while self.status in _INTERIM:
            minor, self.status, self.reason = _read_status(lines)
            headers = Headers(_read_fields(lines))
            if self.status == _SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("the server changes to another protocol unasked")
        self.code = self.status
        self.version = 11 if minor else 10
        self.headers = self.msg = cast("http.client.HTTPMessage", headers)
        is_certain = self._begin_body(headers)
        asked = headers.get("connection", "").lower()
        persists = "close" not in asked and (self.version == 11 or "keep-alive" in asked)
        self.will_close = not (persists and is_certain)

    def _begin_body(self, headers: Headers) -> bool:
        """Find out how the body ends; whether that leaves no doubt of where the next answer begins."""
        self.chunked = False  # by http.client
        self.length = None
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if self._is_head or self.status in (204, 304):
            self.length = 0
        elif coding is not None:
            if coding.lower() != "chunked":
                raise http.client.HTTPException("the answer is in a transfer coding that was not asked for")
            self._chunks = _Chunks(self.fp)
            return self.version == 11 and length is None
        elif length is not None:
            if not _LENGTH.fullmatch(length):
                raise http.client.HTTPException("the length of the answer is malformed")
            self.length = int(length)
        return self.length is not None

    def read(self, amt: int | None = None) -> bytes:
        """As in http.client, but chunks are read strictly."""
        if self._chunks is None or amt is None or self.isclosed():
            return super().read(amt)
        content = self._chunks.read(amt)
        if self._chunks.ended:
            self.close()
        return content


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


class _Lines:
    """The lines of an answer that are not its body; they are bounded, each and together."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self._left = _MAX_HEAD

    def next(self) -> bytes:
        """One line with its end, which is missing only where the connection ended."""
        line = self._file.readline(min(_MAX_LINE, self._left) + 1)
        self._left -= len(line)
        if len(line) > _MAX_LINE or self._left < 0:
            raise http.client.HTTPException("the head of the answer is too long")
        return line

    def allow(self, count: int) -> None:
        """Have so many bytes more, up to what there was at first."""
        self._left = min(_MAX_HEAD, self._left + count)


def _read_status(lines: _Lines) -> tuple[int, int, str]:
    """The minor version, the status and its reason."""
    line = lines.next()
    if not line:
        raise http.client.RemoteDisconnected("the connection was closed without an answer")
    found = _STATUS.fullmatch(line)
    if not found:
        raise http.client.BadStatusLine(line[:80].decode("iso-8859-1"))
    minor, status, reason = found.groups(b"")
    return int(minor), int(status), reason.decode("iso-8859-1").strip()


def _read_fields(lines: _Lines) -> dict[str, str]:
    """Read up to the empty line; email.parser, which http.client uses, takes four times as long."""
    fields: dict[str, str] = {}
    while (line := lines.next()) not in _END_OF_LINE:
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the answer was cut off")
        found = _FIELD.fullmatch(line)
        if not found:
            raise http.client.HTTPException("the head of the answer is malformed")
        name, value = found[1].decode("ascii").lower(), found[2].decode("iso-8859-1").strip(" \t")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


class _Chunks:
    """A body in chunks, decoded (section 7.1)."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self._lines = _Lines(file)
        self._left: int | None = None
        self.ended = False

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer only at the end."""
        pieces: list[bytes] = []
        while size and not self.ended:
            if not self._left:
                self._left = self._next_size()
                continue
            piece = self._file.read(min(size, self._left))
            if not piece:
                raise http.client.IncompleteRead(b"", self._left)
            pieces.append(piece)
            size -= len(piece)
            self._left -= len(piece)
        return b"".join(pieces)

    def _next_size(self) -> int:
        if self._left is not None and self._lines.next() not in _END_OF_LINE:
            raise http.client.HTTPException("a chunk of the answer is malformed")
        line = self._lines.next()
        found = _CHUNK_SIZE.fullmatch(line)
        if not found:
            if not line.endswith(b"\n"):
                raise http.client.IncompleteRead(b"")
            raise http.client.HTTPException("a chunk of the answer is malformed")
        size = int(found[1], 16)
        if size:
            # Chunk headers may total twice the body, plus 16 bytes.
            self._lines.allow(2 * size + 16)
        else:
            _read_fields(self._lines)
            self.ended = True
        return size


class _Timed(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, sock: socket.socket, seconds: float, rate: float) -> None:
        self._raw = raw
        self._sock = sock
        self._rate = rate
        self.end = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer comes in too slowly")
        usual = self._sock.gettimeout()
        if usual is not None and usual <= left:
            try:
                return self._read(buffer)
            except TimeoutError as error:
                raise StallError(usual) from error
        self._sock.settimeout(left)
        try:
            return self._read(buffer)
        finally:
            self._sock.settimeout(usual)

    def _read(self, buffer: WriteableBuffer) -> int:
        count: int = self._raw.readinto(buffer) or 0
        self.end += count / self._rate
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()

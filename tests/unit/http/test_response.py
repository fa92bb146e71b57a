"""Answers as servers send them, well or badly: read whole or refused, in time, and never without end."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.http.response import Response, StrictResponse

OK = b"HTTP/1.1 200 OK\r\n"
HINTS = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
BOTH = OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
SIZED = OK + b"Content-Length: 4\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FAILURES = (OSError, http.client.HTTPException)


@contextmanager
def answering(pieces: Iterable[bytes], method: str, seconds: float) -> Iterator[tuple[Response, list[bool]]]:
    """An answer that is being sent; told at the end whether its connection can be used again."""
    near, far = socket.socketpair()

    def send() -> None:
        with suppress(OSError):
            for piece in pieces:
                far.sendall(piece)
            far.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    reusable: list[bool] = []
    try:
        with near, StrictResponse(seconds, 1e9, near, method=method) as answered:
            near.settimeout(seconds)
            answered.begin()
            yield Response(answered, reusable.append), reusable
    finally:
        far.close()
        sender.join()


def read(*pieces: bytes, method: str = "GET") -> tuple[int, bytes, bool]:
    """Status, body, and whether the connection can serve another request."""
    with answering(pieces, method, 5) as (response, reusable):
        body = b"".join(response.chunks(3))
        response.close()
        return response.status, body, reusable == [True]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (SIZED + b"body", (200, b"body", True)),
        (OK + b"Content-Length: 0\r\n\r\n", (200, b"", True)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"", True)),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", (304, b"", True)),
        (HINTS + SIZED + b"body", (200, b"body", True)),
        (CHUNKED + b"1\r\nb\r\n3;x=y\r\nody\r\n0\r\n\r\n", (200, b"body", True)),
        (CHUNKED + b"4\r\nbody\r\n0\r\nDigest: x\r\n\r\n", (200, b"body", True)),
        (OK + b"\r\nbody", (200, b"body", False)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody", (200, b"body", False)),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbody", (200, b"body", True)),
        (OK + b"Connection: close\r\nContent-Length: 4\r\n\r\nbody", (200, b"body", False)),
        # Two ends that differ: what follows cannot be told from what belongs to it.
        (BOTH + b"4\r\nbody\r\n0\r\n\r\n", (200, b"body", False)),
    ],
    ids=range(12),
)  # fmt: skip
def test_an_answer_is_read_to_its_end(sent: bytes, expected: tuple[int, bytes, bool]) -> None:
    assert read(sent) == expected
    assert read(*(bytes([byte]) for byte in sent)) == expected


def test_an_answer_to_head_has_no_body() -> None:
    assert read(OK + b"Content-Length: 4\r\n\r\n", method="HEAD") == (200, b"", True)


def test_names_do_not_mind_case_and_a_second_field_joins_the_first() -> None:
    fields = b"WWW-Authenticate: Basic\r\nwww-authenticate: Bearer\r\nContent-Length: 0\r\n\r\n"
    with answering([OK + fields], "GET", 5) as (response, _):
        assert response.headers.get("Www-Authenticate") == "Basic, Bearer"
        assert response.headers.get("Location") is None
        assert set(response.headers) == {"www-authenticate", "content-length"}


BROKEN = {
    "nothing": b"",
    "head cut": SIZED[:-2],
    "head cut in a field": SIZED[:-6],
    "body cut": SIZED + b"bod",
    "chunk cut": CHUNKED + b"4\r\nbod",
    "size of a chunk cut": CHUNKED + b"4\r\nbody\r\n0",
    "end of chunks missing": CHUNKED + b"4\r\nbody\r\n",
    "chunk without its end": CHUNKED + b"4\r\nbody0\r\n\r\n",
    "chunk of negative size": CHUNKED + b"-4\r\nbody\r\n0\r\n\r\n",
    "chunk of a huge size": CHUNKED + b"f" * 40 + b"\r\nbody",
    "no status": b"hello\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "another protocol": b"HTTP/2 200\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + SIZED + b"body",
    "no colon": OK + b"Content-Length 4\r\n\r\nbody",
    "folded field": OK + b"X: a\r\n b\r\n\r\n",
    "space before the colon": OK + b"Content-Length : 4\r\n\r\nbody",
    "NUL in a field": OK + b"X: a\0b\r\n\r\n",
    "two lengths": OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
    "negative length": OK + b"Content-Length: -4\r\n\r\nbody",
    "length in other digits": OK + b"Content-Length: \xd9\xa5\r\n\r\nbody",
    "another coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a line without end": OK + b"X: " + b"a" * 100_000,
    "many fields": OK + b"X: a\r\n" * 100_000 + b"\r\n",
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_not_taken_for_whole(sent: bytes) -> None:
    with pytest.raises(FAILURES):
        read(sent)


@pytest.mark.parametrize(
    ("start", "more"),
    [(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), (CHUNKED + b"0\r\n", b"X: a\r\n"), (OK, b"X: a\r\n")],
    ids=["interim answers", "trailers", "fields"],
)
def test_what_never_ends_is_given_up(start: bytes, more: bytes) -> None:
    with pytest.raises(FAILURES), answering((start, *repeat(more, 200_000)), "GET", 5) as (response, _):
        b"".join(response.chunks(1024))


@pytest.mark.parametrize("sent", [OK, SIZED + b"b"], ids=["head", "body"])
def test_silence_ends_in_time(sent: bytes) -> None:
    near, far = socket.socketpair()
    with near, far, StrictResponse(0.1, 1e9, near, method="GET") as answered:
        near.settimeout(60)
        far.sendall(sent)
        with pytest.raises(TimeoutError):
            _read_on(answered)


def _read_on(answered: StrictResponse) -> None:
    answered.begin()
    Response(answered, lambda _: None).read(4)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=100).map(CHUNKED.__add__)))
def test_any_bytes_are_an_answer_or_a_failure(sent: bytes) -> None:
    with suppress(*FAILURES):
        read(sent)

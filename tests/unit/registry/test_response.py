"""Answers as servers send them, well or badly: read whole or refused, in time, and never without end."""

from __future__ import annotations

import http.client
import itertools
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushpolicy.registry.response import PunctualResponse, Response

OK = b"HTTP/1.1 200 OK\r\n"
FIVE = OK + b"Content-Length: 5\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FAILURES = (OSError, http.client.HTTPException)
LIMIT = 1024 * 1024


class Answer:
    """An answer, read to its end in pieces of an odd size."""

    def __init__(self, near: socket.socket, method: str, seconds: float) -> None:
        near.settimeout(seconds)
        answered = PunctualResponse(seconds, 65536, near, method=method)
        reusable: list[bool] = []
        self.body = b""
        try:
            answered.begin()
            response = Response(answered, reusable.append)
            for piece in response.chunks(7):
                self.body += piece
                assert len(self.body) < LIMIT
            response.close()
        finally:
            answered.close()
        self.status, self.headers, self.reusable = response.status, response.headers, reusable == [True]


def read(sent: bytes, method: str = "GET", *, ends: bool = True) -> Answer:
    """What is read of these bytes, after which the connection ends, or else stays open and silent."""
    near, far = socket.socketpair()
    with near, far:
        far.sendall(sent)
        if ends:
            far.shutdown(socket.SHUT_WR)
        return Answer(near, method, 2)


def read_all(pieces: Iterable[bytes], pause: float = 0) -> Answer:
    """What is read of a server that sends piece after piece, within half a second and what its bytes add."""
    near, far = socket.socketpair()

    def send() -> None:
        with suppress(OSError):
            for piece in pieces:
                far.sendall(piece)
                time.sleep(pause)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        with near:
            return Answer(near, "GET", 0.5)
    finally:
        sender.join()
        far.close()


def test_fields() -> None:
    answer = read(FIVE + b"Link:  <a> \r\nlink:\t<b>\r\nX:\r\n\r\nhello")
    assert answer.headers["LINK"] == "<a>, <b>"
    assert answer.headers.get("x") == ""
    assert "Y" not in answer.headers


def test_interim_answers_are_passed_over() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n"
    answer = read(interim + FIVE + b"\r\nhello")
    assert (answer.status, answer.body) == (200, b"hello")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
@pytest.mark.parametrize("framing", [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"X: y"])
def test_answers_without_body(method: str, status: int, framing: bytes) -> None:
    answer = read(b"HTTP/1.1 %d X\r\n%b\r\n\r\n" % (status, framing), method, ends=False)
    assert (answer.status, answer.body, answer.reusable) == (status, b"", True)


@pytest.mark.parametrize(
    "sent",
    [
        FIVE + b"\r\nhello",
        FIVE.replace(b"\r\n", b"\n") + b"\nhello",
        b"HTTP/1.0 200\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\nhello",
        CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"002;a=b\r\nhe\r\n3 \r\nllo\r\n000\r\nX: y\r\n\r\n",
    ],
)
def test_a_connection_that_serves_another_request(sent: bytes) -> None:
    answer = read(sent, ends=False)
    assert (answer.body, answer.reusable) == (b"hello", True)


@pytest.mark.parametrize(
    "sent",
    [
        OK + b"\r\nhello",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        FIVE + b"Connection: Close\r\n\r\nhello",
        FIVE + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        OK + b"Content-Length: 1\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + CHUNKED[len(OK) :] + b"5\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_a_connection_that_does_not(sent: bytes) -> None:
    answer = read(sent)
    assert (answer.body, answer.reusable) == (b"hello", False)


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Length: 5, 5",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: -1",
        b"Content-Length: +5",
        b"Content-Length: 0x5",
        b"Content-Length: 5_0",
        b"Content-Length: \xd9\xa5",
        b"Content-Length: \xb2",
        b"Content-Length: \x0b5",
        b"Content-Length:",
        b"Content-Length: " + b"9" * 5000,
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: identity\r\nContent-Length: 5",
        b"Transfer-Encoding: \x0bchunked",
        b"Content-Length : 5",
        b"X: y\r\n folded",
        b" X: y",
        b"no colon",
        b": no name",
        b"X Y: z",
        b"X\0: y",
        b"X: y\0",
        b"X: y\rContent-Length: 5",
        b"X: " + b"y" * 70_000,
        b"\r\n".join(b"X%d: %b" % (number, b"y" * 1000) for number in range(300)),
    ],
)
def test_heads_that_are_refused(field: bytes) -> None:
    with pytest.raises(http.client.HTTPException):
        read(OK + field + b"\r\n\r\nhello")


@pytest.mark.parametrize(
    "line",
    [
        b"SSH-2.0-server",
        b"HTTP/2 200 OK",
        b"HTTP/1.x 200 OK",
        b" HTTP/1.1 200 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 -20 OK",
        b"HTTP/1.1 \xb2\xb2\xb2 OK",
        b"HTTP/1.1",
        b"HTTP/1.1 200 O\0K",
        b"",
    ],
)
def test_first_lines_that_are_none(line: bytes) -> None:
    with pytest.raises(http.client.BadStatusLine):
        read(line + b"\r\nContent-Length: 5\r\n\r\nhello")


def test_another_protocol_that_was_not_asked_for() -> None:
    with pytest.raises(http.client.HTTPException, match="another protocol"):
        read(b"HTTP/1.1 101 X\r\n\r\n" + FIVE + b"\r\nhello")


def test_a_connection_without_an_answer() -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        read(b"")


@pytest.mark.parametrize("whole", [FIVE + b"\r\nhello", CHUNKED + b"00000012\r\nhello, how are you\r\n0\r\n\r\n"])
def test_an_answer_that_is_cut_anywhere_is_none(whole: bytes) -> None:
    for length in range(len(whole)):
        with pytest.raises(FAILURES):
            read(whole[:length])


@pytest.mark.parametrize(
    "body",
    [
        b"-1\r\nhello",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello",
        b"5\r\nhelloXX0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello\n10\r\n\r\n",
        b"5;\0\r\nhello\r\n0\r\n\r\n",
        b"f" * 16 + b"\r\nhello",
        b"f" * 15 + b"\r\nhello",
        b"0\r\nno colon\r\n\r\n",
        b"1;" + b"x" * 70_000 + b"\r\na\r\n0\r\n\r\n",
    ],
)
def test_chunks_that_are_refused(body: bytes) -> None:
    with pytest.raises(FAILURES):
        read(CHUNKED + body)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (OK, b"X: y\r\n"),
        (OK, b"y" * 1000),
        (CHUNKED + b"0\r\n", b"X: y\r\n"),
        (CHUNKED, b"1;" + b"x" * 1000 + b"\r\na\r\n"),
    ],
)
def test_what_has_no_end_is_ended(first: bytes, again: bytes) -> None:
    started = time.monotonic()
    with pytest.raises(http.client.HTTPException, match="too long"):
        read_all(itertools.chain([first], itertools.repeat(again)))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("first", [b"", OK + b"X: ", FIVE.replace(b"5", b"500") + b"\r\n", CHUNKED + b"ff\r\n"])
def test_what_drips_runs_out_of_time(first: bytes) -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        read_all(itertools.chain([first], itertools.repeat(b"H", 60)), pause=0.02)
    assert time.monotonic() - started < 3


PARTS = st.sampled_from(
    [OK, FIVE, CHUNKED, b"HTTP/1.1 100 X\r\n", b"\r\n", b"\n", b"5\r\n", b"-1\r\n", b"0\r\n", b"hello", b"X: y\r\n"]
)


@settings(deadline=None)
@given(st.lists(PARTS | st.binary(max_size=8)).map(b"".join), st.sampled_from(["GET", "HEAD"]))
def test_any_bytes_are_an_answer_or_a_failure(sent: bytes, method: str) -> None:
    with suppress(*FAILURES):
        read(sent, method)

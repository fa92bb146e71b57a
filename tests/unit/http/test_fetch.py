"""JSON from a URL: from allowed hosts only, in time, bounded, read strictly; and from hostile servers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from operator import eq
from typing import Any

import pytest

from pushpolicy.errors import PushError
from pushpolicy.http.addresses import Origin, is_address, origin
from pushpolicy.http.call import Call
from pushpolicy.http.fetch import MAX_DEPTH, MAX_JSON, NotJsonError, StatusError, fetch_json
from pushpolicy.http.retry import Deadline
from pushpolicy.http.settings import Settings
from pushpolicy.http.transport import Transport
from tests.fake_registry import Answered, Asked, fake_registry

QUICK = Settings(plain_http=True, attempts=3, first_pause=0.01, connect_timeout=2, read_timeout=2)
Answer = Callable[[Asked], Answered]


def anywhere(asked: Origin) -> bool:
    return True


def fetch(
    url: str,
    *,
    allows: Callable[[Origin], bool] = anywhere,
    redirects: int = 0,
    settings: Settings = QUICK,
    **options: Any,
) -> Any:
    call = Call(**{"action": "keys of the issuer", "method": "GET", "url": url} | options)
    return fetch_json(Transport(settings), call, allows=allows, redirects=redirects)


def said(content: bytes, **options: Any) -> Any:
    """What is made of a server's 200 with this content."""
    with fake_registry(lambda asked: Answered(body=content)) as server:
        return fetch(f"http://{server.host}/keys", **options)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'{"keys": [1, "\xc3\xbc"]}', {"keys": [1, "\u00fc"]}),
        (b"[]", []),
        (b" null ", None),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, ...),
    ],
)
def test_json_is_read(content: bytes, value: Any) -> None:
    assert value is ... or said(content) == value
    said(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"{} {}",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b"[NaN]",
        b"[Infinity]",
        b"[1e999]",
        b'["\xff"]',
        b'["\\ud800"]',
        "{}".encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
        b"[" * 400_000 + b"]" * 400_000,
        b"<html>log in</html>",
    ],
    ids=range(16),
)
def test_what_is_not_strict_json_is_refused(content: bytes) -> None:
    with pytest.raises(NotJsonError, match="keys of the issuer: the answer is not strict JSON"):
        said(content)


def test_an_answer_is_bounded() -> None:
    with pytest.raises(PushError, match="over the limit of 1048576 bytes"):
        said(b" " * MAX_JSON + b"{}")
    with pytest.raises(PushError, match="over the limit of 1048576 bytes"):
        said(b" " * MAX_JSON + b"{}", limit=1 << 30)
    with pytest.raises(PushError, match="over the limit of 10 bytes"):
        said(b"[1,2,3,4,5,6]", limit=10)


@pytest.mark.parametrize("status", [204, 206, 400, 401, 404])
def test_another_status_than_200_is_told_with_the_answer(status: int) -> None:
    body = b"" if status == 204 else b'{"error": "no"}'
    with fake_registry(lambda asked: Answered(status=status, body=body)) as server:
        with pytest.raises(StatusError, match=f"the server answered {status}") as caught:
            fetch(f"http://{server.host}/keys")
        assert (caught.value.answer.status, caught.value.answer.content) == (status, body)
        assert len(server.asked) == 1


def test_passing_trouble_is_asked_again() -> None:
    answers = iter([Answered(status=503), Answered(status=500), Answered(body=b"[]")])
    with fake_registry(lambda asked: next(answers)) as server:
        assert fetch(f"http://{server.host}/keys") == []
    with fake_registry(lambda asked: Answered(status=503)) as server:
        with pytest.raises(PushError, match="the server answered 503"):
            fetch(f"http://{server.host}/keys")
        assert len(server.asked) == QUICK.attempts


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/",
        "//example.org/",
        "http://user:hidden@127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://[::1/",
        "http://exa mple.org/",
        "http://example.org/\r\nX: y",
        "http://ex\u00e4mple.org/",
    ],
)
def test_what_is_no_address_is_never_asked(url: str) -> None:
    assert not is_address(url)
    assert not is_address("http:///x")  # which a Location may be: a path of the same host
    with pytest.raises(PushError, match="is not an address that may be asked"):
        fetch(url)
    with fake_registry(lambda asked: Answered(status=302, headers={"Location": url.strip()})) as server:
        address = f"http://{server.host}/keys"
        allowed = origin(address)
        with pytest.raises(PushError):
            fetch(address, allows=lambda asked: asked == allowed, redirects=1)
        assert len(server.asked) == 1


def test_a_host_that_is_not_allowed_is_not_asked() -> None:
    with fake_registry(lambda asked: Answered(body=b"[]")) as server:
        host, port = server.host.split(":")
        assert fetch(f"http://{server.host}/", allows=lambda asked: asked == ("http", host, int(port))) == []
        for other in [("https", host, int(port)), ("http", host, 80), ("http", "localhost", int(port))]:
            with pytest.raises(PushError, match="may be asked"):
                fetch(f"http://{server.host}/", allows=partial(eq, other))
        assert len(server.asked) == 1


def leading(to: str, status: int = 302) -> Answer:
    return lambda asked: Answered(status=status, headers={"Location": to}, body=b"[1]")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_where_that_is_allowed(status: int) -> None:
    with (
        fake_registry(lambda asked: Answered(body=b"[2]")) as other,
        fake_registry(leading(f"http://{other.host}/there", status)) as server,
    ):
        url = f"http://{server.host}/keys"
        with pytest.raises(PushError, match="which is not followed"):
            fetch(url)
        with pytest.raises(PushError, match="may be asked"):
            fetch(url, allows=lambda asked: asked == origin(url), redirects=1)
        assert other.asked == []
        headers = {"Authorization": "Basic hidden", "Accept": "application/json"}
        assert fetch(url, redirects=1, headers=headers) == [2]
        (asked,) = other.asked
        assert "Authorization" not in asked.headers
        assert asked.headers["Accept"] == "application/json"
        assert server.asked[-1].headers["Authorization"] == "Basic hidden"


def test_a_redirect_on_the_same_host_takes_the_credential_along() -> None:
    def answer(asked: Asked) -> Answered:
        return (
            Answered(body=b"[3]") if asked.path == "/b" else Answered(status=302, headers={"Location": "b"})
        )

    with fake_registry(answer) as server:
        url = f"http://{server.host}/a"
        assert fetch(url, redirects=1, headers={"Authorization": "Basic hidden"}) == [3]
        assert [asked.headers.get("Authorization") for asked in server.asked] == ["Basic hidden"] * 2


def test_redirects_have_an_end() -> None:
    with fake_registry(lambda asked: Answered(status=302, headers={"Location": asked.path + "x"})) as server:
        with pytest.raises(PushError, match="which is not followed"):
            fetch(f"http://{server.host}/", redirects=3)
        assert len(server.asked) == 4


def test_a_form_is_not_sent_on() -> None:
    with (
        fake_registry(lambda asked: Answered(body=b"[]")) as other,
        fake_registry(leading(f"http://{other.host}/there", 307)) as server,
    ):
        with pytest.raises(StatusError, match="307"):
            fetch(f"http://{server.host}/", method="POST", body=lambda: b"secret=hidden", redirects=3)
        assert other.asked == []


@contextmanager
def dripping(head: bytes, drops: bytes, every: float) -> Iterator[tuple[str, list[int]]]:
    """A server that sends the head and then the drops, each after so many seconds, to whoever connects."""
    stop = threading.Event()
    asked: list[int] = []

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(head)
            while not stop.wait(every):
                connection.sendall(drops)

    def serve(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                asked.append(1)
                threading.Thread(target=drip, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/keys", asked
        stop.set()
        server.shutdown(socket.SHUT_RDWR)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "drops"),
    [
        pytest.param(b"", b"", id="silent"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", id="a head without end"),
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", id="interim answers without end"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b" ", id="a body in drops"),
        pytest.param(CHUNKED, b"1\r\n \r\n", id="chunks in drops"),
        pytest.param(CHUNKED + b"0\r\n", b"X: y\r\n", id="trailers without end"),
        pytest.param(b"HTTP/1.1 503 Later\r\nContent-Length: 1000000\r\n\r\n", b" ", id="a refusal in drops"),
        pytest.param(b"HTTP/1.1 302 Go\r\nLocation: a\r\nContent-Length: 99\r\n\r\n", b" ", id="a redirect"),
    ],
)
def test_the_whole_has_an_end_in_time(head: bytes, drops: bytes) -> None:
    """Attempts, redirects and bodies together: what comes in keeps no clock from running out."""
    with dripping(head, drops, 0.05) as (url, asked):
        started = time.monotonic()
        with pytest.raises(PushError):
            fetch(url, redirects=5, deadline=Deadline(1.0))
        assert time.monotonic() - started < 2.5
        assert asked


def test_no_time_left_means_no_request() -> None:
    with fake_registry(lambda asked: Answered(body=b"[]")) as server:
        with pytest.raises(PushError, match="does not answer in time"):
            fetch(f"http://{server.host}/", deadline=Deadline(-1))
        assert server.asked == []


@pytest.mark.parametrize("wait", ["3600", "99999999999999999999"])
def test_a_server_does_not_make_us_wait_beyond_the_time(wait: str) -> None:
    headers: Mapping[str, str] = {"Retry-After": wait}
    with fake_registry(lambda asked: Answered(status=429, headers=headers)) as server:
        started = time.monotonic()
        with pytest.raises(PushError, match="429"):
            fetch(f"http://{server.host}/", deadline=Deadline(5))
        assert time.monotonic() - started < 2
        assert len(server.asked) == 1


def test_the_time_is_for_all_addresses_of_a_host_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host of a dozen addresses, none of which takes connections: what waits in its queue fills it."""
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", full.getsockname())]

        def getaddrinfo(host: str, *_: object, **__: object) -> list[tuple[Any, ...]]:
            return found * 12 if host == "many.invalid" else found

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        started = time.monotonic()
        with pytest.raises(PushError, match=r"many\.invalid does not answer in time"):
            fetch("http://many.invalid/", deadline=Deadline(1.0))
        assert time.monotonic() - started < 2.5


def test_the_beginning_of_tls_has_an_end_in_time() -> None:
    with dripping(b"", b"\x16\x03\x03\x40\x00", 0.05) as (url, asked):
        started = time.monotonic()
        with pytest.raises(PushError):
            fetch(url.replace("http:", "https:"), deadline=Deadline(1.0))
        assert time.monotonic() - started < 2.5
        assert asked

"""Every socket is closed where the work on it fails, whatever fails: not later, when the error is forgotten.

An error holds the frames that it went through, and they hold the connection. If that is still open, or its
file is, the system's end of it stays open until the error is forgotten; where the error is part of a cycle,
until some other work meets the garbage collection.
"""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from pushpolicy.errors import PushError
from pushpolicy.http import tls
from pushpolicy.http.call import Call
from pushpolicy.http.connections import Connections
from pushpolicy.http.proxies import Proxies
from pushpolicy.http.retry import TransientError
from pushpolicy.http.settings import Settings
from pushpolicy.http.tls import TlsContexts
from pushpolicy.http.transport import Transport
from tests.certificates import Certificates, make_certificates
from tests.clients import client_of
from tests.connect_proxy import connect_proxy
from tests.fake_registry import Answered, Asked, fake_registry

# The ways to a server: its scheme, and that of the proxy before it.
WAYS = [
    ("http", ""),
    ("https", ""),
    ("http", "http"),
    ("http", "https"),
    ("https", "http"),
    ("https", "https"),
]
ERRORS: list[BaseException] = [ConnectionResetError("planted"), TimeoutError("planted"), KeyboardInterrupt()]
METHODS = ("sendall", "send", "recv", "recv_into", "setsockopt")


@dataclass(slots=True)
class Steps:
    """What this thread does with sockets, counted; and where it is made to fail.

    Attributes:
        made: every socket of this thread.
        fails_at: the number of the step that raises `error`.
    """

    thread: int = field(default_factory=threading.get_ident)
    made: list[socket.socket] = field(default_factory=list)
    done: int = 0
    fails_at: int = -1
    error: BaseException = ERRORS[0]

    def begin(self, fails_at: int, error: BaseException) -> None:
        """Count anew."""
        self.made.clear()
        self.done, self.fails_at, self.error = 0, fails_at, error

    def step(self) -> None:
        """Count one, and fail if it is its turn."""
        if threading.get_ident() != self.thread:
            return
        self.done += 1
        if self.done - 1 == self.fails_at:
            raise self.error.with_traceback(None)

    def before(self, owner: object, name: str) -> Callable[..., Any]:
        """The method, with a step before it."""
        method = getattr(owner, name)

        def stepping(*arguments: Any, **options: Any) -> Any:
            self.step()
            return method(*arguments, **options)

        return stepping

    def open(self) -> list[socket.socket]:
        """Those that are open for the system."""
        return [each for each in self.made if each.fileno() != -1]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    counted = Steps()

    class Recorded(tls._Socket):
        def __new__(cls, *arguments: Any, **options: Any) -> Any:
            self = super().__new__(cls, *arguments, **options)
            counted.made.append(self)
            return self

    def create(*arguments: Any, **options: Any) -> socket.socket:
        if threading.get_ident() != counted.thread:
            return created(*arguments, **options)
        counted.step()
        counted.thread, thread = 0, counted.thread  # what it does within is its own
        try:
            counted.made.append(created(*arguments, **options))
        finally:
            counted.thread = thread
        return counted.made[-1]

    created = socket.create_connection
    monkeypatch.setattr(tls, "_Socket", Recorded)
    monkeypatch.setattr(tls, "_check_chain", counted.before(tls, "_check_chain"))
    monkeypatch.setattr(ssl.SSLSocket, "do_handshake", counted.before(ssl.SSLSocket, "do_handshake"))
    monkeypatch.setattr(socket, "create_connection", create)
    for owner in (socket.socket, ssl.SSLSocket):
        for name in METHODS:
            if name != "setsockopt" or owner is socket.socket:
                monkeypatch.setattr(owner, name, counted.before(owner, name))
    return counted


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@contextmanager
def served(
    scheme: str, proxied: str, answer: Answered, certificates: Certificates
) -> Iterator[tuple[str, str]]:
    """The address of a server, and of the proxy before it; one for plain http answers as a server does."""
    over_tls = certificates if "https" in (scheme, proxied) else None
    if scheme == "http" or not proxied:
        with fake_registry(lambda _: answer, over_tls) as running:
            if proxied:
                yield "http://tunnelled.invalid", f"{proxied}://{running.host}"
            else:
                yield f"{scheme}://{running.host}", ""
        return
    with (
        fake_registry(lambda _: answer, certificates) as running,
        connect_proxy(running.host, certificates if proxied == "https" else None) as proxy,
    ):
        yield "https://tunnelled.invalid", f"{proxied}://{proxy.host}"


def settings(certificates: Certificates, proxy: str = "") -> Settings:
    proxies = Proxies(http=proxy or None, https=proxy or None)
    return Settings(ca_file=certificates.authority, proxies=proxies, attempts=1, read_timeout=2)


def asks(url: str, body: bytes = b"") -> Call:
    make = (lambda: body) if body else None
    return Call(action="it", method="PUT" if body else "GET", url=url, body=make, limit=1000)


def failure_of(work: Callable[[], object]) -> BaseException | None:
    """What it raises, with all that holds."""
    try:
        work()
    except (PushError, TransientError, KeyboardInterrupt) as error:
        return error
    return None


@pytest.mark.parametrize("closing", [False, True])
@pytest.mark.parametrize(("scheme", "proxied"), WAYS)
def test_a_step_that_fails(
    scheme: str, proxied: str, closing: bool, steps: Steps, certificates: Certificates
) -> None:
    """The way to the server, its TLS, a proxy's answer, the request, each part of the answer."""
    answer = Answered(headers={"Connection": "close"} if closing else {}, body=b"{}")
    with served(scheme, proxied, answer, certificates) as (url, proxy):
        used = settings(certificates, proxy)
        contexts = TlsContexts(used)
        for error in ERRORS:
            for number in itertools.count():
                transport = Transport(used, Connections(used, contexts, lambda _: False))
                steps.begin(number, error)
                failure = failure_of(partial(transport.attempt, asks(url, b"body")))
                assert steps.open() == [] or not failure, f"step {number}, {failure!r}"
                del transport
                assert steps.open() == [], "what was kept ends with who kept it"
                if steps.done <= number:
                    assert failure is None
                    break
            assert number >= 5


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_step_that_fails_while_a_challenge_is_answered(error: BaseException, steps: Steps) -> None:
    """The first answer waits to be read, while a token server is asked on another connection."""

    def answer(asked: Asked) -> Answered:
        if asked.path.startswith("/token"):
            return Answered(body=b'{"token": "t"}')
        if "Authorization" not in asked.headers:
            realm = f'Bearer realm="http://{registry.host}/token",service="x"'
            return Answered(status=401, headers={"WWW-Authenticate": realm}, body=b"x" * 100_000)
        return Answered(status=404)

    with fake_registry(answer) as registry:
        for number in itertools.count():
            client = client_of(registry.host, attempts=1)
            steps.begin(number, error)
            failure = failure_of(partial(client.resolve, "1.0"))
            idle = client.api._connections._idle  # type: ignore[attr-defined]
            kept = [each.sock for route in idle.values() for each in route]
            assert [each for each in steps.open() if each not in kept] == [], f"step {number}, {failure!r}"
            if steps.done <= number:
                break
        assert number >= 5


HEAD = b"HTTP/1.1 200 OK\r\n"
ANSWERS = {
    "none": b"",
    "no status": b"hello\r\n",
    "half a status": b"HTTP/1.1 2",
    "half a head": HEAD + b"Content-Le",
    "a malformed field": HEAD + b"a b: c\r\n\r\n",
    "a malformed length": HEAD + b"Content-Length: x\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "a long head": HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
    "half a body": HEAD + b"Content-Length: 10\r\n\r\nbody",
    "half a body, at the end": HEAD + b"Connection: close\r\nContent-Length: 10\r\n\r\nbody",
    "a malformed chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nbody",
    "too much": HEAD + b"Content-Length: 2000000\r\n\r\n" + b"x" * 2_000_000,
    "too much, without a length": HEAD + b"\r\n" + b"x" * 5000,
    "passing trouble": b"HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\nbusy",
}


@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_none(
    answer: bytes, proxied: bool, steps: Steps, certificates: Certificates
) -> None:
    """From a server, and from a proxy that is asked for a tunnel."""

    def serve() -> None:
        accepted, _ = listening.accept()
        with accepted, suppress(OSError):
            accepted.recv(65536)
            accepted.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        used = settings(certificates, f"http://{host}" if proxied else "")
        url = "https://tunnelled.invalid" if proxied else f"http://{host}"
        with pytest.raises((PushError, TransientError)) as caught:
            Transport(used).attempt(asks(url))
        assert steps.open() == [], caught.value
        thread.join(10)
    assert steps.made


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "a..invalid"])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("proxied", [False, True])
def test_a_host_that_can_be_none(
    host: str, scheme: str, proxied: bool, steps: Steps, certificates: Certificates
) -> None:
    """A tunnel to it would be there before ssl finds out, which on Debian's 3.11.2 leaves the socket open."""
    with connect_proxy("127.0.0.1:1", refusal=b"HTTP/1.1 200 OK\r\n\r\n") as proxy:
        used = settings(certificates, f"http://{proxy.host}" if proxied else "")
        with pytest.raises(PushError, match="can be no host") as caught:
            Transport(used).attempt(asks(f"{scheme}://{host}"))
        assert steps.open() == [], caught.value
    assert steps.made == []


def test_an_answer_that_is_left(steps: Steps, certificates: Certificates) -> None:
    with served("http", "", Answered(body=b"x" * 5_000_000), certificates) as (url, _):
        transport = Transport(settings(certificates))
        with transport.stream(asks(url)) as (_, chunks):
            assert next(chunks)
            assert steps.open()
        assert steps.open() == []

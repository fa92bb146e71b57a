"""A registry that runs: where it is, what was asked of it, and its process."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.certificates import Certificates
from tests.token_server import TokenServer

Auth = Literal["basic", "token"]

USERNAME = "ci"
# Who may read and not write, where a registry has such users; the password is the same.
READER = "reader"
PASSWORD = "ci-password-for-tests"
# bcrypt of PASSWORD at the lowest cost: the registries verify it on each request.
PASSWORD_BCRYPT = "$2b$04$abcdefghijklmnopqrstuu29OZFFqKj4hyv/nVg/cnVuzjCAZ5np2"
WRITES = frozenset({"PUT", "POST", "PATCH", "DELETE"})
START_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of the access log; `path` has its query string."""

    method: str
    path: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A running registry.

    Attributes:
        kind: what it is, as in the table of `tests.registry_kinds`.
        host: address with port, as it stands in an image reference.
        storage: the folder that holds what was pushed; empty when it is kept in memory.
        ca_file: the authority that signed its certificate; None over plain http.
        tokens: the token server that it trusts; None unless distribution with auth="token".
        certificates: the files behind its TLS, a client's among them; None over plain http.
    """

    kind: str
    host: str
    log: Path
    storage: Path
    server: Server
    ca_file: Path | None = None
    username: str | None = None
    password: str | None = None
    tokens: TokenServer | None = None
    certificates: Certificates | None = None

    @property
    def url(self) -> str:
        """The address with its scheme."""
        return f"{'https' if self.ca_file else 'http'}://{self.host}"

    def requests(self) -> list[Request]:
        """Every request answered so far, oldest first."""
        return [
            Request(method=found["method"], path=found["path"], status=int(found["status"]))
            for found in map(_LOGGED.search, self.log.read_text(errors="replace").splitlines())
            if found
        ]

    def writes(self) -> list[Request]:
        """The requests that could have changed something."""
        return [request for request in self.requests() if request.method in WRITES]


# The combined log format; the text handler of Go's slog, which quotes a URL with an equals sign; our own.
_LOGGED = re.compile(
    r'(?:\] "|msg=ServeHTTP .*?method=|^)(?P<method>[A-Z]+) (?:url=)?"?(?P<path>[^\s"]+)"? '
    r'(?:HTTP/[\d.]+" |status=)?(?P<status>\d{3})\b'
)


@dataclass(slots=True)
class Server:
    """A process that listens on a port of loopback, and can be ended and started again."""

    argv: Sequence[str]
    log: Path
    port: int
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it, and wait until it listens.

        Raises:
            RuntimeError: when it ends or does not listen in time.
        """
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"OTEL_TRACES_EXPORTER": "none"},
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        said = self.log.read_text(errors="replace")
        raise RuntimeError(f"{self.argv!r} does not answer on port {self.port}: {said}")

    def stop(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """End it and start it again, on what it stored."""
        self.stop()
        self.start()


@contextmanager
def serving(argv: Sequence[str], log: Path, port: int) -> Iterator[Server]:
    """Run a program that listens on this port; what it prints is appended to the log."""
    server = Server(argv, log, port)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def made_storage(folder: Path) -> Path:
    """The folder for what is pushed, below that of the registry."""
    storage = folder / "storage"
    storage.mkdir(parents=True)
    return storage

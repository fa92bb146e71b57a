"""Real registries as subprocesses on loopback: distribution v3 (no referrers API) and olareg (with it).

Both keep an access log, so that a test can say what was, and what was not, asked of them.
"""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.certificates import Certificates, make_certificates
from tests.programs import tool
from tests.token_server import ISSUER, SERVICE, TokenServer, token_server, write_jwks

Auth = Literal["basic", "token"]

USERNAME = "ci"
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
        kind: "distribution" or "olareg".
        host: address with port, as it stands in an image reference.
        storage: the folder that holds what was pushed; empty when it is kept in memory.
        ca_file: the authority that signed its certificate; None over plain http.
        tokens: the token server that it trusts; None unless distribution with auth="token".
        certificates: the files behind its TLS, a client's among them; None over plain http.
    """

    kind: Literal["distribution", "olareg"]
    host: str
    log: Path
    storage: Path
    process: subprocess.Popen[bytes]
    ca_file: Path | None
    username: str | None
    password: str | None
    tokens: TokenServer | None
    certificates: Certificates | None = None

    @property
    def url(self) -> str:
        """The address with its scheme."""
        return f"{'https' if self.ca_file else 'http'}://{self.host}"

    def requests(self) -> list[Request]:
        """Every request answered so far, oldest first."""
        pattern = _DISTRIBUTION_LOG if self.kind == "distribution" else _OLAREG_LOG
        return [
            Request(method=found["method"], path=found["path"], status=int(found["status"]))
            for found in map(pattern.search, self.log.read_text(errors="replace").splitlines())
            if found
        ]

    def writes(self) -> list[Request]:
        """The requests that could have changed something."""
        return [request for request in self.requests() if request.method in WRITES]


# The combined log format, and the text handler of Go's slog (which quotes a URL with an equals sign).
_DISTRIBUTION_LOG = re.compile(r'\] "(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[\d.]+" (?P<status>\d{3}) ')
_OLAREG_LOG = re.compile(
    r'msg=ServeHTTP .*?method=(?P<method>[A-Z]+) url="?(?P<path>[^\s"]+)"? status=(?P<status>\d{3})'
)


def distribution_registry(
    folder: Path, *, auth: Auth | None = None, tls: bool = False, memory: bool = False
) -> AbstractContextManager[Registry]:
    """Run github.com/distribution/distribution v3, whose files are kept below `folder`.

    Args:
        folder: an empty or absent folder for configuration, log and storage.
        auth: "basic" (htpasswd) or "token" (a token server, see `Registry.tokens`).
        tls: whether it speaks https, with a certificate of `Registry.ca_file`.
        memory: keep what is pushed in memory instead of in a folder.
    """
    return _distribution(folder, auth, make_certificates(_made(folder)) if tls else None, memory)


def mutual_tls_registry(folder: Path) -> AbstractContextManager[Registry]:
    """Run it so that it speaks https only with those who show `Certificates.client`."""
    return _distribution(folder, None, make_certificates(_made(folder)), False, clients=True)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _distribution(
    folder: Path,
    auth: Auth | None,
    certificates: Certificates | None,
    memory: bool,
    *,
    clients: bool = False,
) -> Iterator[Registry]:
    program = tool("registry")
    storage = _storage(folder)
    tls_part = _distribution_tls(certificates, clients)
    with _tokens(auth, certificates) as tokens:
        port = _free_port()
        config = folder / "config.yml"
        config.write_text(
            "\n".join(
                [
                    "version: 0.1",
                    "log: {level: warn}",
                    f"storage: {{{_distribution_storage(storage, memory)}, delete: {{enabled: true}}}}",
                    f"http: {{addr: '127.0.0.1:{port}', secret: test, {tls_part}}}",
                    *_distribution_auth(folder, auth, tokens),
                ]
            )
        )
        argv = [str(program), "serve", str(config)]
        with _serving(argv, folder / "registry.log", port) as process:
            yield Registry(
                kind="distribution",
                # A name, as the realm has: crane takes no realm at another loopback address, and oras none
                # on another host. (Over TLS, oras then needs --plain-http=false.)
                host=f"localhost:{port}" if tokens else f"127.0.0.1:{port}",
                log=folder / "registry.log",
                storage=storage,
                process=process,
                ca_file=certificates.authority if certificates else None,
                username=USERNAME if auth else None,
                password=PASSWORD if auth else None,
                tokens=tokens,
                certificates=certificates,
            )


@contextmanager
def olareg_registry(
    folder: Path,
    *,
    auth: Auth | None = None,
    tls: bool = False,
    memory: bool = False,
    rate_limit: int | None = None,
    options: Sequence[str] = (),
) -> Iterator[Registry]:
    """Run github.com/olareg/olareg: the referrers API, OCI-Subject, auth, TLS and rate limits.

    Args:
        folder: an empty or absent folder for configuration, log and storage.
        auth: "basic", or "token" (opaque tokens that olareg gives out at /token itself).
        tls: whether it speaks https, with a certificate of `Registry.ca_file`.
        memory: keep what is pushed in memory instead of in a folder.
        rate_limit: requests per second that one client may send before it gets 429.
        options: more options of `olareg serve`, such as "--api-referrer=false".
    """
    program = tool("olareg")
    storage = _storage(folder)
    certificates = make_certificates(folder) if tls else None
    port = _free_port()
    host = f"127.0.0.1:{port}"
    argv = [str(program), "serve", "--verbosity", "trace", "--addr", "127.0.0.1", "--port", str(port)]
    argv += ["--store-type", "mem"] if memory else ["--dir", str(storage)]
    if certificates:
        argv += ["--tls-cert", str(certificates.server), "--tls-key", str(certificates.key)]
    if auth:
        argv += [{"basic": "--auth-basic", "token": "--auth-token-opaque"}[auth], str(_olareg_users(folder))]
        argv += ["--external-url", f"{'https' if tls else 'http'}://{host}"]
    if rate_limit is not None:
        argv += ["--rate-limit", str(rate_limit)]
    with _serving([*argv, *options], folder / "registry.log", port) as process:
        yield Registry(
            kind="olareg",
            host=host,
            log=folder / "registry.log",
            storage=storage,
            process=process,
            ca_file=certificates.authority if certificates else None,
            username=USERNAME if auth else None,
            password=PASSWORD if auth else None,
            tokens=None,
            certificates=certificates,
        )


def _storage(folder: Path) -> Path:
    storage = folder / "storage"
    storage.mkdir(parents=True)
    return storage


def _tokens(
    auth: Auth | None, certificates: Certificates | None
) -> AbstractContextManager[TokenServer | None]:
    return token_server(USERNAME, PASSWORD, certificates) if auth == "token" else nullcontext()


def _distribution_storage(storage: Path, memory: bool) -> str:
    return "inmemory: {}" if memory else f"filesystem: {{rootdirectory: '{storage}'}}"


def _distribution_tls(certificates: Certificates | None, clients: bool) -> str:
    if not certificates:
        return ""
    shown = f", clientcas: ['{certificates.authority}']" if clients else ""
    return f"tls: {{certificate: '{certificates.server}', key: '{certificates.key}'{shown}}}"


def _distribution_auth(folder: Path, auth: Auth | None, tokens: TokenServer | None) -> list[str]:
    if tokens:
        jwks = write_jwks(tokens, folder)
        keys = f"realm: '{tokens.realm}', service: {SERVICE}, issuer: {ISSUER}, jwks: '{jwks}'"
        return [f"auth: {{token: {{{keys}}}}}"]
    if auth:
        (folder / "htpasswd").write_text(f"{USERNAME}:{PASSWORD_BCRYPT}\n")
        return [f"auth: {{htpasswd: {{realm: tests, path: '{folder / 'htpasswd'}'}}}}"]
    return []


def _olareg_users(folder: Path) -> Path:
    users = folder / "users.yaml"
    users.write_text(
        f"users: {{{USERNAME}: {{cred: '{PASSWORD_BCRYPT}'}}}}\n"
        f"acls: [{{repo: '*', members: [{USERNAME}], access: ['*']}}]\n"
    )
    return users


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _serving(argv: list[str], log: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={"OTEL_TRACES_EXPORTER": "none"}
        )
    try:
        _await_port(process, log, port)
        yield process
    finally:
        process.kill()
        process.wait()


def _await_port(process: subprocess.Popen[bytes], log: Path, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} does not answer on port {port}: {log.read_text(errors='replace')}")

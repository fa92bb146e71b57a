"""distribution, v3 and 2.8: no referrers API; users, a token server, TLS, client certificates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Literal

from tests.certificates import Certificates, make_certificates
from tests.programs import installed, tool
from tests.registries.running import (
    PASSWORD,
    PASSWORD_BCRYPT,
    USERNAME,
    Auth,
    Registry,
    free_port,
    made_storage,
    serving,
)
from tests.token_server import ISSUER, SERVICE, TokenServer, token_server, write_jwks


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
    certificates = make_certificates(_made(folder)) if tls else None
    return _distribution(tool("registry"), folder, auth, certificates, memory)


def distribution_2_registry(
    folder: Path, *, auth: Literal["basic"] | None = None, memory: bool = False
) -> AbstractContextManager[Registry]:
    """Run Debian's docker-registry, which is distribution 2.8: what most private registries still are.

    The arguments are those of `distribution_registry`.
    """
    program = Path(installed("docker-registry", "docker-registry"))
    return _distribution(program, folder, auth, None, memory, kind="distribution-2.8")


def mutual_tls_registry(folder: Path) -> AbstractContextManager[Registry]:
    """Run it so that it speaks https only with those who show `Certificates.client`."""
    certificates = make_certificates(_made(folder))
    return _distribution(tool("registry"), folder, None, certificates, False, clients=True)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _distribution(
    program: Path,
    folder: Path,
    auth: Auth | None,
    certificates: Certificates | None,
    memory: bool,
    *,
    clients: bool = False,
    kind: str = "distribution",
) -> Iterator[Registry]:
    storage = made_storage(folder)
    tls_part = _distribution_tls(certificates, clients)
    with _tokens(auth, certificates) as tokens:
        port = free_port()
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
        with serving(argv, folder / "registry.log", port) as server:
            yield Registry(
                kind=kind,
                # A name, as the realm has: crane takes no realm at another loopback address, and oras none
                # on another host. (Over TLS, oras then needs --plain-http=false.)
                host=f"localhost:{port}" if tokens else f"127.0.0.1:{port}",
                log=folder / "registry.log",
                storage=storage,
                server=server,
                ca_file=certificates.authority if certificates else None,
                username=USERNAME if auth else None,
                password=PASSWORD if auth else None,
                tokens=tokens,
                certificates=certificates,
            )


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

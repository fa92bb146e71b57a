"""olareg: the referrers API, OCI-Subject, several tags in one request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.certificates import make_certificates
from tests.programs import tool
from tests.registries.running import (
    PASSWORD,
    PASSWORD_BCRYPT,
    READER,
    USERNAME,
    Auth,
    Registry,
    free_port,
    made_storage,
    serving,
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
    storage = made_storage(folder)
    certificates = make_certificates(folder) if tls else None
    port = free_port()
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
    with serving([*argv, *options], folder / "registry.log", port) as server:
        yield Registry(
            kind="olareg",
            host=host,
            log=folder / "registry.log",
            storage=storage,
            server=server,
            ca_file=certificates.authority if certificates else None,
            username=USERNAME if auth else None,
            password=PASSWORD if auth else None,
            certificates=certificates,
        )


def _olareg_users(folder: Path) -> Path:
    users = folder / "users.yaml"
    users.write_text(
        f"users: {{{USERNAME}: {{cred: '{PASSWORD_BCRYPT}'}}, {READER}: {{cred: '{PASSWORD_BCRYPT}'}}}}\n"
        f"acls: [{{repo: '*', members: [{USERNAME}], access: ['*']}}, "
        f"{{repo: '*', members: [{READER}], access: [read]}}]\n"
    )
    return users

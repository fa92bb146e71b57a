"""OPA as a server, started from the pinned program on a port of loopback: with a bundle, TLS, a token."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import Certificates, make_certificates
from tests.policies import ROOT
from tests.registries.running import Server, free_port, serving

TOKEN = "a-token-for-tests-9f2c"
# Whoever shows the token may ask for decisions, and nobody anything else.
_AUTHZ = re.compile("```rego\n(package system.authz\n.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpaServer:
    """A running one.

    Attributes:
        bundle: the file that it loads when it starts, and again whenever that is replaced.
        certificates: the files behind its TLS; None over plain http.
    """

    url: str
    bundle: Path
    server: Server
    certificates: Certificates | None = None

    def swap(self, bundle: bytes) -> None:
        """Have it run another bundle, after a restart."""
        self.bundle.write_bytes(bundle)
        self.server.restart()


@contextmanager
def opa_server(
    opa: Path, folder: Path, bundle: bytes, *, tls: bool = False, token: bool = False, client: bool = False
) -> Iterator[OpaServer]:
    """Run one until the context ends; `token`: it takes TOKEN, and refuses whoever does not show it.

    `client`: it speaks TLS with who shows a certificate of its authority.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (path := folder / "bundle.tar.gz").write_bytes(bundle)
    certificates = make_certificates(folder) if tls else None
    port = free_port()
    argv = [str(opa), "run", "--server", "--addr", f"127.0.0.1:{port}", "--bundle", str(path)]
    argv += ["--log-level", "error", "--skip-version-check"]
    if certificates:
        argv += ["--tls-cert-file", str(certificates.server), "--tls-private-key-file", str(certificates.key)]
    if certificates and client:
        argv += ["--authentication", "tls", "--tls-ca-cert-file", str(certificates.authority)]
    if token:
        _write_authz(folder / "authz")
        argv += ["--authentication", "token", "--authorization", "basic"]
        argv += ["--bundle", str(folder / "authz")]
    with serving(argv, folder / "opa.log", port) as server:
        scheme = "https" if tls else "http"
        url = f"{scheme}://127.0.0.1:{port}"
        yield OpaServer(url=url, bundle=path, server=server, certificates=certificates)


def _write_authz(folder: Path) -> None:
    """As docs/engine.md has it."""
    documented = _AUTHZ.search((ROOT / "docs" / "engine.md").read_text(encoding="utf-8"))
    assert documented
    (data := folder / "system" / "authz").mkdir(parents=True)
    (folder / "authz.rego").write_text(documented[1])
    (folder / ".manifest").write_text('{"roots": ["system/authz"]}')
    (data / "data.json").write_text(json.dumps({"token": TOKEN}))

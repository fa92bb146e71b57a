"""What decides, from ``--engine`` and what it is reached with: an OPA of this machine, or a server."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from pushpolicy.cli import environment
from pushpolicy.cli.checkout import Checkout
from pushpolicy.cli.options import ServerOptions
from pushpolicy.cli.report import hide, say
from pushpolicy.engines import Engine, LocalOpa, Problem, Program, find_engine, is_address
from pushpolicy.errors import EngineError, UsageError
from pushpolicy.evaluate.authority import lies_in
from pushpolicy.files import read_file
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from pushpolicy.http.settings import Settings
    from pushpolicy.registry.credentials import Credential

TOKEN = "PUSHPOLICY_OPA_TOKEN"  # noqa: S105 (its name)
_MAX_TOKEN = 64 * 1024
_ADDRESS_HINT = f"write https://HOST[:PORT][/PATH], without a login; a token is in {TOKEN}"


class Judge(NamedTuple):
    """What decides; and, as a `Compiler`, what reads rules.

    Attributes:
        local: the OPA of this machine, which alone reads rules and tries others; None beside a server only.
        credential: the token that a server is shown.
    """

    engine: Engine
    local: LocalOpa | None
    credential: Credential | None = None

    def parse(
        self, modules: Sequence[bytes], *, v0: bool = False
    ) -> list[dict[str, Any] | tuple[Problem, ...]]:
        """As a `Compiler`: only rules that are not the pack's need it."""
        return self.program("rules that are not the pack's cannot be read").parse(modules, v0=v0)

    def check(self, program: Program, *, strict: bool = True) -> tuple[Problem, ...]:
        """As a `Compiler`."""
        return self.program("rules cannot be checked").check(program, strict=strict)

    def program(self, what: str) -> LocalOpa:
        """The OPA of this machine.

        Args:
            what: what needs it, as a message says it.

        Raises:
            EngineError: when there is none.
        """
        if self.local is None:
            raise EngineError(
                f"{what}: a server only decides, and this machine has no OPA",
                "install the companion wheel (pip install ./packages/opa)",
            )
        return self.local


def judging_engine(option: str | None) -> LocalOpa:
    """The OPA of the companion wheel, or the program of ``--engine``.

    Raises:
        UsageError: when a server is named.
        EngineError: when there is none, or it lies in the checkout, which never brings what judges it.
    """
    if option is not None and not is_address(option):
        _check_outside(option, "the OPA program", "or use that of the companion wheel")
    return find_engine(option)


def judge(option: str | None, server: ServerOptions) -> Judge:
    """What ``--engine`` names: a program, or a server, beside which an OPA of this machine evaluates too.

    Raises:
        UsageError: when the address or what the server is reached with is wrong.
        EngineError: as `judging_engine`.
    """
    if option is None or not is_address(option):
        if given := server.named():
            raise UsageError(f"{given[0]} is for an OPA server, and --engine names none", "add --engine URL")
        return Judge(opa := judging_engine(option), opa)
    from pushpolicy.engines.rest import Address
    from pushpolicy.engines.server import OpaServer

    url = _url(option, server.engine_plain_http)
    credential = _credential(server.engine_token_file)
    if credential:
        hide(credential)
    # Without the wheel it is delegated, which is said; a wheel that is broken is an error.
    local = find_engine() if find_spec("pushpolicy_opa") else None
    token = credential.registry_token if credential else None
    address = Address(url=url, token=token, settings=_settings(url, server))
    return Judge(OpaServer(address, local), local, credential)


def _url(text: str, reason: str | None) -> str:
    from pushpolicy.http.addresses import origin

    try:
        scheme, host, _ = origin(text)
        parts = urlsplit(text)
        if parts.query or parts.fragment:
            raise ValueError
    except ValueError as error:
        shown = printable(f"…@{text.rpartition('@')[2]}" if "@" in text else text)
        raise UsageError(f"--engine {shown} is no address of a server", _ADDRESS_HINT) from error
    url = f"{scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
    if reason is not None and scheme == "https":
        raise UsageError(
            "--engine-plain-http is the reason why an http:// address is used", "leave it out for https://"
        )
    if scheme == "http" and not _is_loopback(host):
        if reason is None:
            raise UsageError(
                f"--engine {printable(url)}: over plain http anybody on the way reads along and can answer",
                "use https://, or say what protects the way: --engine-plain-http REASON",
            )
        say(f"warning: {printable(url)} is spoken to over plain http: {printable(reason)}", color="yellow")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _credential(file: str | None) -> Credential | None:
    """The token of a file, or of the variable; None where there is neither."""
    from pushpolicy.registry.credentials import Credential
    from pushpolicy.registry.credentials.credential import SourceKind

    if file is not None:
        where = f"--engine-token-file {printable(file)}"
        try:
            token = read_file(Path(file), _MAX_TOKEN).decode().strip()
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not text"
            raise UsageError(f"{where}: cannot be read: {why}") from error
    else:
        where, token = TOKEN, environment.environment().get(TOKEN, "")
        if not token:
            return None
    if not (token.isascii() and token.isprintable() and token and " " not in token):
        raise UsageError(f"{where} holds what no token holds", "look for a space or a line end in it")
    if file is None:
        return Credential(source_kind=SourceKind.VARIABLE, registry_token=token, variable=TOKEN)
    return Credential(source_kind=SourceKind.FILE, registry_token=token, path=Path(file))


def _settings(url: str, server: ServerOptions) -> Settings:
    """How it is reached: by authorities that no variable names, and by no proxy that could itself answer."""
    from pushpolicy.http.certificates import NO_CERTIFICATES, cert_dir
    from pushpolicy.http.proxies import DIRECT, Proxies
    from pushpolicy.http.settings import Settings

    named = server.engine_cert_dir
    certificates = cert_dir(Path(named), "--engine-cert-dir") if named else NO_CERTIFICATES
    # A folder that lies outside may hold links that lead inside.
    for each in (server.engine_ca_file, named, *map(str, certificates.authorities)):
        if each is not None:
            _check_outside(each, "what the OPA server is verified by", "where no commit can change it")
    plain = url.startswith("http:")
    return Settings(
        plain_http=plain,
        ca_file=Path(server.engine_ca_file) if server.engine_ca_file else None,
        variables=False,
        certificates=certificates,
        proxies=DIRECT if plain else Proxies.from_environ(environment.environment()),
    )


def _check_outside(path: str, what: str, elsewhere: str) -> None:
    if lies_in(path, Checkout()):
        raise EngineError(
            f"{what}, {printable(path)}, lies inside the checkout that is judged",
            f"keep it elsewhere, {elsewhere}",
        )

"""Where a registry is reached, and which addresses its answers may lead to."""

from __future__ import annotations

import functools
import re
import socket
import ssl
import time
from urllib.parse import unquote_plus, urlencode, urljoin, urlsplit, urlunsplit

from pushpolicy.errors import PushError
from pushpolicy.http.addresses import Origin, is_address, origin
from pushpolicy.http.proxies import DEFAULT_PORTS
from pushpolicy.model.reference import HUB, HUB_API, Repository
from pushpolicy.model.text import printable

# How long TLS has to begin at a loopback address: usually; where plain http is answered there; at most.
_USUAL_SECONDS = 0.2
_BESIDE_HTTP_SECONDS = 0.5
_PROBE_SECONDS = 5.0
# Docker Hub's API has another name than its images (distribution/reference, "docker.io").
_API_HOSTS = {HUB: HUB_API}


class Endpoint:
    """The API of one registry.

    Args:
        repository: a repository of it.
        plain_http: speak http. Without it only a registry on a loopback address is spoken to in
            plain http, and only when it does not speak TLS.
    """

    def __init__(self, repository: Repository, *, plain_http: bool) -> None:
        self.host = _API_HOSTS.get(repository.registry, repository.registry)
        self._is_loopback = repository.is_loopback
        self._plain_http = plain_http

    @functools.cached_property
    def scheme(self) -> str:
        """``https`` or ``http``; a loopback registry is asked once whether it speaks TLS."""
        if self._plain_http or (self._is_loopback and not _speaks_tls(self.host)):
            return "http"
        return "https"

    @functools.cached_property
    def _own(self) -> Origin:
        return origin(f"{self.scheme}://{self.host}")

    def url(self, path: str) -> str:
        """The address of an API path."""
        return f"{self.scheme}://{self.host}/v2/{path}"

    def is_own(self, url: str) -> bool:
        """Whether an address is the registry's own, and may see its credential."""
        try:
            return origin(url) == self._own
        except ValueError:
            return False

    def is_safe(self, url: str) -> bool:
        """Whether what is sent there is no less protected than what the registry is sent."""
        return self.scheme == "http" or urlsplit(url).scheme == "https"

    def follow(self, base: str, location: str, action: str) -> str:
        """The address that an answer of `base` leads to.

        Raises:
            PushError: when it is no http address, or would leave TLS.
        """
        try:
            url = urljoin(base, location)
        except ValueError:
            url = location
        if not is_address(url):
            raise PushError(
                f"{action}: the registry leads to {printable(url)}, which is not an address to follow"
            )
        if not self.is_safe(url):
            where = printable(urlsplit(url).netloc)
            raise PushError(
                f"{action}: the registry leads from https to {where} over plain http",
                "a proxy before the registry may not tell it about https (X-Forwarded-Proto)",
            )
        return url


def with_query(url: str, **values: str) -> str:
    """The address with these parameters added to its own, which stay as they are."""
    parts = urlsplit(url)
    # Names alone: registries keep long states in their addresses, which nobody here reads.
    taken = {unquote_plus(item.partition("=")[0]) for item in parts.query.split("&")}
    added = urlencode({name: value for name, value in values.items() if name not in taken})
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, added)))))


def _speaks_tls(host: str) -> bool:
    """Whether TLS is spoken at a loopback address; whom it belongs to is verified later.

    Most that do not speak it say so at once. One that waits for more of what it takes for a request is asked
    in plain http meanwhile, without a credential; what it answers counts once TLS has had its time.
    """
    parts = urlsplit(f"//{host}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    address = (parts.hostname or "", parts.port or DEFAULT_PORTS["https"])
    try:
        with (
            socket.create_connection(address, _PROBE_SECONDS) as plain,
            context.wrap_socket(
                plain, server_hostname=parts.hostname, do_handshake_on_connect=False
            ) as connection,
        ):
            started = time.monotonic()
            if _shakes_hands(connection, _USUAL_SECONDS):
                return True
            most = _BESIDE_HTTP_SECONDS if _speaks_http(address, host) else _PROBE_SECONDS
            return _shakes_hands(connection, started + most - time.monotonic())
    except OSError:
        return False


def _shakes_hands(connection: ssl.SSLSocket, seconds: float) -> bool:
    """Whether TLS has begun within the time; raises OSError when it never will."""
    connection.settimeout(max(seconds, 0.001))
    try:
        connection.do_handshake()
    except TimeoutError:
        return False
    return True


def _speaks_http(address: tuple[str, int], host: str) -> bool:
    """Whether a request in plain http gets an answer that one of TLS would not get.

    Servers of TLS say 400 to it (Go, nginx), or nothing.
    """
    request = f"GET /v2/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(address, 1.0) as plain:
            plain.sendall(request.encode("ascii"))
            return re.match(rb"HTTP/1\.[01] (?!400)\d{3} ", plain.recv(64)) is not None
    except OSError:
        return False

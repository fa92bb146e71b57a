"""Where a registry is reached, and which addresses its answers may lead to."""

from __future__ import annotations

import functools
import socket
import ssl
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from pushpolicy.errors import PushError
from pushpolicy.http.addresses import Origin, is_address, origin
from pushpolicy.http.proxies import DEFAULT_PORTS
from pushpolicy.model.reference import HUB, HUB_API, Repository
from pushpolicy.model.text import printable

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
    taken = parse_qsl(parts.query, keep_blank_values=True)
    added = urlencode({name: value for name, value in values.items() if name not in dict(taken)})
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, added)))))


def _speaks_tls(host: str) -> bool:
    """Whether TLS is spoken at a loopback address; whom it belongs to is verified later."""
    parts = urlsplit(f"//{host}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        address = (parts.hostname or "", parts.port or DEFAULT_PORTS["https"])
        with (
            socket.create_connection(address, _PROBE_SECONDS) as plain,
            context.wrap_socket(
                plain, server_hostname=parts.hostname, do_handshake_on_connect=False
            ) as connection,
        ):
            connection.do_handshake()
            return True
    except OSError:
        return False

"""Which HTTP proxy an address is reached through.

The variables are curl's; no_proxy is read as golang.org/x/net/http/httpproxy reads it, and thereby docker,
crane, skopeo and oras.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

import msgspec

from pushpolicy.errors import UsageError

DEFAULT_PORTS = {"http": 80, "https": 443}
# An address of IPv6 has its port only in brackets.
_WITH_PORT = re.compile(r"(?:\[([^]]*)\]|([^:]*)):([^:]*)")


class Proxies(msgspec.Struct, frozen=True, kw_only=True):
    """HTTP proxies as the environment names them.

    Attributes:
        https: URL of the proxy for https, if any; it may hold a credential, so it is not shown.
        http: URL of the proxy for plain http, if any.
        bypass: what is reached directly: ``corp.example`` with its subdomains, ``.corp.example`` or
            ``*.corp.example`` for these alone, addresses, each with or without a port, networks, or ``*``.
    """

    https: str | None = None
    http: str | None = None
    bypass: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Proxies(https={self.https is not None}, http={self.http is not None}, bypass={self.bypass})"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read https_proxy, http_proxy, all_proxy and no_proxy; lower case wins over upper case."""

        def value(name: str) -> str:
            return environ.get(name) or environ.get(name.upper()) or ""

        every = value("all_proxy")
        return cls(
            https=value("https_proxy") or every or None,
            http=value("http_proxy") or every or None,
            bypass=tuple(filter(None, (item.strip() for item in value("no_proxy").split(",")))),
        )

    def for_url(self, url: str) -> str | None:
        """The URL of the proxy for an address, with its scheme; None when it is reached directly.

        Raises:
            UsageError: when the proxy is none that HTTP is spoken to.
        """
        parts = urlsplit(url)
        proxy = self.https if parts.scheme == "https" else self.http
        port = parts.port or DEFAULT_PORTS[parts.scheme]
        if proxy is None or self._is_direct(parts.hostname or "", str(port)):
            return None
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        if not _is_http(proxy):
            raise UsageError(
                f"the proxy that the environment names for {parts.scheme} is not one for HTTP",
                "write http://HOST:PORT or https://HOST:PORT; SOCKS is not spoken",
            )
        return proxy

    def _is_direct(self, host: str, port: str) -> bool:
        # A proxy's localhost is another one.
        if host == "localhost" or _is_within(host, "127.0.0.0/8") or _is_within(host, "::1"):
            return True
        return any(_matches(item.lower(), host, port) for item in self.bypass)


DIRECT = Proxies()


def _is_http(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:
        return False


def _matches(item: str, host: str, port: str) -> bool:
    """Whether one item of no_proxy, in lower case, is about the host."""
    if item == "*" or "/" in item:
        return item == "*" or _is_within(host, item)
    found = _WITH_PORT.fullmatch(item)
    name, wanted = (found[1] or found[2], found[3]) if found else (item, "")
    if not name or wanted not in ("", port):
        return False
    name = name.removeprefix("*") if name.startswith("*.") else name
    below = name if name.startswith(".") else f".{name}"
    return host.endswith(below) or host == name or _is_within(host, name)


def _is_within(host: str, network: str) -> bool:
    """Whether a host is that address, or one of that network (ADDRESS/LENGTH)."""
    name, slash, length = network.partition("/")
    try:
        if not slash:
            return _address(host) == _address(name)
        return length.isdecimal() and _address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address; one of IPv4 in the form of IPv6 is that of IPv4, as it is to Go."""
    address = ipaddress.ip_address(text)
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address

"""Which HTTP proxy an address is reached through, by curl's conventions."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

import msgspec

from pushpolicy.errors import UsageError


class Proxies(msgspec.Struct, frozen=True, kw_only=True):
    """HTTP proxies as the environment names them.

    Attributes:
        https: URL of the proxy for https, if any; it may hold a credential, so it is not shown.
        http: URL of the proxy for plain http, if any.
        bypass: what is reached directly: host names with their subdomains, addresses, networks, or ``*``.
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
        if proxy is None or self._is_direct(parts.hostname or "", parts.netloc):
            return None
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        if not _is_http(proxy):
            raise UsageError(
                f"the proxy that the environment names for {parts.scheme} is not one for HTTP",
                "write http://HOST:PORT or https://HOST:PORT; SOCKS is not spoken",
            )
        return proxy

    def _is_direct(self, host: str, netloc: str) -> bool:
        # A proxy's localhost is another one.
        if host == "localhost" or _is_within(host, "127.0.0.0/8") or _is_within(host, "::1"):
            return True
        return any(
            item in ("*", netloc) or host == item.lstrip(".") or host.endswith("." + item.lstrip("."))
            or _is_within(host, item)
            for item in self.bypass
        )  # fmt: skip


DIRECT = Proxies()


def _is_http(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_within(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False

"""Connections to a registry: kept and shared by all threads, verified by our own TLS context.

urllib3 by itself, not through requests, which takes five times its processor time for each request: a push
of many small layers is made of little else.
"""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import unquote, urlsplit

import urllib3

from pushpolicy.registry.access import Access
from pushpolicy.registry.punctual import punctual_pools
from pushpolicy.registry.tls import tls_context

# As many as there are threads in a push: none of them opens a connection that is then thrown away.
POOL_SIZE = 24
_POOLS = 8


class Pools:
    """The connection pools of one registry and of what it leads to, direct or through a proxy.

    The client's certificate is for the registry's own address: a token server or a storage elsewhere is
    reached without it.

    Nothing of the process's environment is read: proxies, certificates and credentials were given.
    """

    def __init__(self, access: Access, is_own: Callable[[str], bool]) -> None:
        self._access = access
        self._is_own = is_own
        self._timeout = urllib3.Timeout(connect=access.connect_timeout, read=access.read_timeout)
        self._classes = punctual_pools(access.total_timeout, access.minimum_rate)
        self._managers: dict[tuple[bool, bool, str | None], urllib3.PoolManager] = {}

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Iterable[memoryview] | None
    ) -> urllib3.BaseHTTPResponse:
        """Send a request once, follow nothing; the answer's body is still to be read.

        Raises:
            UsageError: when a certificate is needed and not readable.
            urllib3.exceptions.HTTPError: when there is no answer.
        """
        return self._manager(url).urlopen(
            method,
            url,
            body=body,
            headers=headers,
            timeout=self._timeout,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
        )

    def _manager(self, url: str) -> urllib3.PoolManager:
        proxy = self._access.proxies.for_url(url)
        secure = "https" in (urlsplit(url).scheme, urlsplit(proxy or "").scheme)
        key = (secure, secure and self._is_own(url), proxy)
        if key not in self._managers:
            # Two threads may make one at once; the one that is kept serves both.
            self._managers.setdefault(key, self._make(*key))
        return self._managers[key]

    def _make(self, secure: bool, own: bool, proxy: str | None) -> urllib3.PoolManager:
        # Only where it is used: reading the system's authorities takes some hundredths of a second.
        context = tls_context(self._access, own=own) if secure else None
        made = (
            _through(proxy, context)
            if proxy
            else urllib3.PoolManager(_POOLS, maxsize=POOL_SIZE, ssl_context=context)
        )
        made.pool_classes_by_scheme = self._classes
        return made


def _through(proxy: str, context: ssl.SSLContext | None) -> urllib3.ProxyManager:
    parts = urlsplit(proxy)
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    basic = f"Basic {b64encode(login.encode()).decode()}"
    return urllib3.ProxyManager(
        proxy if parts.scheme and parts.netloc else f"http://{proxy}",
        _POOLS,
        proxy_headers={"Proxy-Authorization": basic} if parts.username else None,
        maxsize=POOL_SIZE,
        ssl_context=context,
    )

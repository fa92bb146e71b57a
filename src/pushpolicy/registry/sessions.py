"""The HTTP session: certificates, proxies, connection pool; nothing that the environment slips in."""

from __future__ import annotations

import ssl
from typing import Any

import certifi
import requests
from requests.adapters import HTTPAdapter

from pushpolicy.errors import UsageError
from pushpolicy.registry.access import Access
from pushpolicy.registry.proxies import Proxies

_POOL_SIZE = 8


def prepare_session(session: requests.Session, access: Access) -> None:
    """Set up the session that oras made.

    Raises:
        UsageError: when the CA file is not readable.
    """
    # trust_env would read proxies and CA bundles from this process's environment, and credentials
    # from ~/.netrc, which nobody classified.
    session.trust_env = False
    session.mount("https://", _Adapter(access.proxies, _tls_context(access)))
    session.mount("http://", _Adapter(access.proxies, None))


class _Adapter(HTTPAdapter):
    """Keeps connections, repeats nothing by itself, and verifies by our context."""

    def __init__(self, proxies: Proxies, context: ssl.SSLContext | None) -> None:
        self._proxies = proxies
        self._context = context
        super().__init__(pool_connections=_POOL_SIZE, pool_maxsize=_POOL_SIZE, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> Any:
        """Give new connections the context."""
        return super().init_poolmanager(*args, **options, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Give connections through a proxy the context too."""
        return super().proxy_manager_for(proxy, **options, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the pool as it is: requests would put its own bundle in place of the context's."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send a request, through the proxy that its address asks for."""
        options["proxies"] = self._proxies.for_url(request.url or "")
        return super().send(request, *args, **options)


def _tls_context(access: Access) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    if access.ca_file is not None:
        try:
            context.load_verify_locations(access.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"CA file {access.ca_file}: not readable as PEM certificates ({error})"
            ) from error
    return context

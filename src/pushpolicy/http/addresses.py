"""What counts as an address to send a request to, and which addresses are one server's."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from pushpolicy.http.proxies import DEFAULT_PORTS

# RFC 3986: an address is of visible ASCII; what is not has to be percent-encoded.
_VISIBLE = re.compile("[!-~]+")

# Scheme, host in lower case, port (RFC 6454, section 4).
Origin = tuple[str, str, int]


@lru_cache(64)  # each is looked at when it is given, when it is asked and when it answers
def origin(url: str) -> Origin:
    """Whose address this is.

    Raises:
        ValueError: when it is no http or https address, or holds a user name.
    """
    parts = urlsplit(url)
    if (
        parts.scheme not in DEFAULT_PORTS
        or not parts.hostname
        or parts.port == 0
        or parts.username is not None
        or not _VISIBLE.fullmatch(url)
    ):
        raise ValueError("not an address to ask")
    return parts.scheme, parts.hostname.lower(), parts.port or DEFAULT_PORTS[parts.scheme]


def is_address(url: str) -> bool:
    """Whether a request can be sent there: http or https, a host, a port that there is, and no login."""
    try:
        origin(url)
    except ValueError:
        return False
    return True

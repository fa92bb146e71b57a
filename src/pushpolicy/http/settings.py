"""How servers are reached: certificates, proxies, and how long to wait."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pushpolicy.http.certificates import NO_CERTIFICATES, Certificates
from pushpolicy.http.proxies import DIRECT, Proxies


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach a server, and what it leads to.

    Attributes:
        plain_http: speak http to a server that is not on this machine.
        ca_file: certificates (PEM) to trust beside the system's.
        variables: whether SSL_CERT_FILE and SSL_CERT_DIR may stand in the place of the system's authorities.
        certificates: further ones for this server, and the client's, which only this server is shown.
        connect_timeout: seconds to wait for a connection.
        read_timeout: seconds without a byte that is sent, taken or received.
        total_timeout: seconds for one piece of work with all its repetitions, and for each answer the time
            that its bytes need at `minimum_rate` added. Content that is sent or received has no total.
        minimum_rate: bytes a second that an answer other than content must reach on the whole.
        attempts: how often one request is tried.
        first_pause: seconds before the first repetition; each later one waits twice as long.
    """

    plain_http: bool = False
    ca_file: Path | None = None
    variables: bool = True
    certificates: Certificates = NO_CERTIFICATES
    proxies: Proxies = DIRECT
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    total_timeout: float = 300.0
    minimum_rate: float = 65536.0
    attempts: int = 6
    first_pause: float = 0.2

"""Where a scheduler is, and how it and this client know one another."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import msgspec

from pushpolicy.errors import UsageError
from pushpolicy.files import is_file
from pushpolicy.model.text import printable

# As Kubernetes names them in a secret of the type kubernetes.io/tls.
AUTHORITY, CERTIFICATE, KEY = "ca.crt", "tls.crt", "tls.key"


class SchedulerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """The address of a scheduler, over TLS with certificates of both sides, or on this machine.

    Attributes:
        url: tls://HOST:PORT, or tcp://HOST:PORT of this machine.
        folder: that of our certificate and its key, and of the authority that the scheduler's is from.
    """

    url: str
    folder: Path | None

    def __str__(self) -> str:
        return self.url

    @classmethod
    def parse(cls, text: str, folder: str | None) -> Self:
        """Read --scheduler and --scheduler-tls.

        Raises:
            UsageError: when the address is none, when what it names could be read or changed on its way, and
                when a certificate is missing.
        """
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        whole = f"{parts.scheme}://{parts.netloc}" if host else ""
        if not host or not port or text != whole or parts.username is not None:
            raise UsageError(
                f"--scheduler {printable(text)} is no address of a scheduler",
                "tls://HOST:PORT, or tcp://127.0.0.1:PORT of this machine",
            )
        if parts.scheme == "tcp" and _is_loopback(host):
            return cls(url=text, folder=None)
        if parts.scheme != "tls":
            raise UsageError(
                f"--scheduler {printable(text)}: whoever is on the way could read and change what is decided",
                "tls://HOST:PORT and --scheduler-tls DIR; tcp:// is for a scheduler of this machine",
            )
        return cls(url=text, folder=_folder(folder))


def _folder(name: str | None) -> Path:
    if name is None:
        raise UsageError(
            "--scheduler tls://... needs certificates",
            f"--scheduler-tls DIR with {AUTHORITY}, {CERTIFICATE} and {KEY}",
        )
    for part in (AUTHORITY, CERTIFICATE, KEY):
        if not is_file(Path(name) / part):
            raise UsageError(
                f"--scheduler-tls {printable(name)} has no file {part}",
                f"it holds {AUTHORITY} (whose certificates count), {CERTIFICATE} and {KEY} (our own)",
            )
    return Path(name)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Whom a registry's certificate is verified against."""

from __future__ import annotations

import ssl

import certifi

from pushpolicy.errors import UsageError
from pushpolicy.registry.access import Access
from pushpolicy.registry.certificates import Certificates


def tls_context(access: Access, *, own: bool = False) -> ssl.SSLContext:
    """The system's authorities (certifi's where it has none) and those of the access.

    Args:
        access: which further authorities to trust, and what the client shows.
        own: whether it is for the registry itself, the only one that the client's certificate is shown to.

    Raises:
        UsageError: when a file is not readable.
    """
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    for path in filter(None, (access.ca_file, *access.certificates.authorities)):
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"CA file {path}: not readable as PEM certificates ({error})") from error
    if own and access.certificates.client:
        _show(context, access.certificates)
    return context


def _show(context: ssl.SSLContext, certificates: Certificates) -> None:
    assert certificates.client is not None
    try:
        # A password would be asked for on the terminal, where there is nobody.
        context.load_cert_chain(certificates.client, certificates.key, password=lambda: b"")
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"client certificate {certificates.client}: not readable with its key ({error})",
            "both in PEM, the key without a password",
        ) from error

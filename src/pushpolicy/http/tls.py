"""Whom a server's certificate is verified against, and how: the same on every Python.

Releases and distributors of Python differ in what a context is made with. Here a certificate counts if it
does with Go's crypto/tls, on which docker, crane and oras stand, as far as OpenSSL lets it, and none does
that Go refuses (tests/integration/test_tls_certificates.py holds the two against each other).
"""

from __future__ import annotations

import re
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from pushpolicy.errors import UsageError
from pushpolicy.http import chains
from pushpolicy.http.certificates import Certificates
from pushpolicy.http.settings import Settings

# Python's own, as it is released; Debian's takes OpenSSL's, among which are weaker ones.
_CIPHERS = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"


_DER = 2  # _ssl.ENCODING_DER


class _Socket(ssl.SSLSocket):
    """A connection that is none before its chain was looked at; nothing has been sent by then."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
            _check_chain(self)
        except BaseException:
            self.close()  # Python 3.11 closes it after errors only, not after an interrupt
            raise


class _Object(ssl.SSLObject):
    """As `_Socket`, where TLS is spoken within TLS."""

    def do_handshake(self) -> None:
        super().do_handshake()
        _check_chain(self)


class TlsContexts:
    """The TLS contexts of one server: for itself, and for what it leads to.

    Made at once, beside other work: to read the system's authorities takes some hundredths of a second, and
    OpenSSL does it without Python.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[bool, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        if not settings.plain_http:
            # No daemon: an interpreter that ends while OpenSSL reads certificates would crash.
            with suppress(RuntimeError):  # the system gives no more: it is made when it is needed
                threading.Thread(target=self._prepare).start()

    def context(self, *, own: bool = False) -> ssl.SSLContext:
        """What to verify a server with, and for the server itself (`own`) what the client shows.

        Raises:
            UsageError: when a file is not readable.
        """
        # Without a client certificate one context serves every host.
        own = own and self._settings.certificates.client is not None
        with self._lock:
            if own not in self._made:
                self._made[own] = _context(self._settings, own=own)
            return self._made[own]

    def _prepare(self) -> None:
        # It is raised again where the context is needed.
        with suppress(UsageError):
            self.context(own=True)


def authorities(settings: Settings) -> str:
    """Whose word is taken for who a server is: that of the ``system``, of a ``file``, or of a ``variable``.

    SSL_CERT_FILE and SSL_CERT_DIR stand in the place of the system's authorities, here as in every program on
    OpenSSL, and an earlier step of the job can set them. A file is one of the settings, beside the system's.
    """
    used = ssl.get_default_verify_paths()
    built_in = (None, used.openssl_cafile, used.openssl_capath)
    if used.cafile not in built_in or used.capath not in built_in:
        return "variable"
    return "file" if settings.ca_file or settings.certificates.authorities else "system"


def _context(settings: Settings, *, own: bool) -> ssl.SSLContext:
    """The system's authorities (certifi's where it has none) and those of the settings."""
    context = _strict_context()
    file, folder = _system_authorities(settings)
    try:
        if file or folder:
            context.load_verify_locations(file, folder)
        elif settings.variables:
            context.load_default_certs()  # which looks at the variables once more
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"CA file {file}: not readable as PEM certificates ({error})") from error
    if not context.cert_store_stats()["x509_ca"] and not _has_authorities(folder):
        import certifi

        context.load_verify_locations(certifi.where())
    for path in filter(None, (settings.ca_file, *settings.certificates.authorities)):
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"CA file {path}: not readable as PEM certificates ({error})") from error
    if own:
        _show(context, settings.certificates)
    return context


def _system_authorities(settings: Settings) -> tuple[str | None, str | None]:
    """The file and the folder of the system's authorities, or those that variables name instead, if there."""
    used = ssl.get_default_verify_paths()
    if settings.variables:
        return used.cafile, used.capath
    file, folder = used.openssl_cafile, used.openssl_capath
    return file if Path(file).is_file() else None, folder if Path(folder).is_dir() else None


def _has_authorities(folder: str | None) -> bool:
    """Whether OpenSSL finds some in a folder when it looks for one: it loads none before, and counts none.

    They are named by a hash of their subject (c_rehash(1)).
    """
    try:
        paths = list(Path(folder).iterdir()) if folder else []
    except OSError:
        return False
    return any(re.fullmatch(r"[0-9a-f]{8}\.\d+", path.name) for path in paths)


def _strict_context() -> ssl.SSLContext:
    """A context without authorities, in which nothing is left to how this Python was built."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which verifies the certificate, and the host's name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.set_ciphers(_CIPHERS)
    # Debian's sets it: where somebody cut the connection, the answer would have ended (RFC 9112, 9.8).
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    # Python 3.13 sets both. The first refuses what private authorities have issued for years (no Authority
    # Key Identifier, basicConstraints that are not critical); without the second only a root can be trusted.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # Whoever begins TLS with this context begins it so: our connections, tunnels, and urllib3's TLS in TLS.
    context.sslsocket_class = _Socket
    context.sslobject_class = _Object
    return context


def _check_chain(connection: ssl.SSLSocket | ssl.SSLObject) -> None:
    # Python 3.13 has `get_verified_chain` for everybody; before it, only the object below does.
    verified = cast("Any", connection)._sslobj.get_verified_chain() or ()
    chains.check([each.public_bytes(_DER) for each in verified], connection.server_hostname or "")


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

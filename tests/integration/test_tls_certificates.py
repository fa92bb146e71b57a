"""Which certificates count: the same ones on every Python, and none that Go does not take.

Every row is a server, and what its clients trust. The answers stand in the table, so that a Python which
gives another one fails here; Go's crypto/tls, on which docker, crane and oras stand, is asked beside it.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from pushpolicy.http.settings import Settings
from pushpolicy.http.tls import TlsContexts
from tests.authorities import ANY, AUTHORITY, CLIENT, DAY, NOW, SERVER, Issued, issue
from tests.programs import tool

HOST = "registry.corp.example"
SIGNS = "key_cert_sign crl_sign"
LOOSER = "a root that has a key usage and no basicConstraints"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A server's certificates, the first one its own; what is trusted; and what comes of it.

    Attributes:
        name: the server's name as the client knows it.
        counts: whether the certificate is taken.
        differs: why the answer of Go is another one.
    """

    chain: tuple[Issued, ...]
    trusted: tuple[Issued, ...]
    counts: bool
    name: str = HOST
    differs: str = ""


def root(**options: object) -> Issued:
    return issue("root", **{"authority": AUTHORITY, "key_usage": SIGNS, **options})  # type: ignore[arg-type]


def below(signer: Issued, **options: object) -> Issued:
    """An authority of which that one is the authority."""
    usual = {"authority": AUTHORITY, "key_usage": SIGNS}
    return issue("intermediate", signer, **{**usual, **options})  # type: ignore[arg-type]


def server(signer: Issued | None, **options: object) -> Issued:
    return issue("server", signer, **{"dns": [HOST], **options})  # type: ignore[arg-type]


def good(leaf: Callable[[Issued], Issued], **row: object) -> Row:
    """A row whose authority is in order."""
    authority = root()
    return Row(chain=(leaf(authority),), trusted=(authority,), **{"counts": True, **row})  # type: ignore[arg-type]


def bad(leaf: Callable[[Issued], Issued], **row: object) -> Row:
    return good(leaf, counts=False, **row)


def of(authority: Issued, *, counts: bool, differs: str = "") -> Row:
    """A row whose server is in order."""
    return Row(chain=(server(authority),), trusted=(authority,), counts=counts, differs=differs)


def through(authority: Issued, between: Issued, *, counts: bool) -> Row:
    return Row(chain=(server(between), between), trusted=(authority,), counts=counts)


def small() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def limited(name: str, *, to: bool) -> Issued:
    tree = [x509.DNSName(name)]
    limits = x509.NameConstraints(tree, None) if to else x509.NameConstraints(None, tree)
    return root(more=[limits])


def rows() -> Iterator[tuple[str, Row]]:
    plain = root()
    between = below(plain)
    yield "in order", good(server)
    yield "with its root", Row(chain=(server(between), between, plain), trusted=(plain,), counts=True)
    yield "no key identifiers", of(root(identifiers=False), counts=True)
    yield "no key identifiers at all", good(lambda a: server(a, identifiers=False))
    yield "no key usage of the authority", of(root(key_usage=""), counts=True)
    yield "basicConstraints that are not critical", of(root(is_critical=False), counts=True)
    yield "RSA 2048", good(lambda a: server(a, key=rsa.generate_private_key(65537, 2048)))
    yield "P-384", good(lambda a: server(a, key=ec.generate_private_key(ec.SECP384R1())))
    yield "Ed25519", good(lambda a: server(a, key=ed25519.Ed25519PrivateKey.generate()))
    yield "for servers", good(lambda a: server(a, use=[SERVER]))
    yield "for servers and clients", good(lambda a: server(a, use=[CLIENT, SERVER]))
    yield "an address", good(lambda a: server(a, dns=[], ip=["127.0.0.1"]), name="127.0.0.1")
    yield "an address of IPv6", good(lambda a: server(a, dns=[], ip=["::1"]), name="::1")
    yield "a wildcard", good(lambda a: server(a, dns=["*.corp.example"]))
    yield "another common name", good(lambda a: issue("elsewhere.example", a, dns=[HOST]))
    yield "through an intermediate", through(plain, between, counts=True)
    yield "the intermediate alone is trusted", Row(chain=(server(between),), trusted=(between,), counts=True)
    yield (
        "the intermediate alone is trusted, and the root is sent",
        Row(chain=(server(between), between, plain), trusted=(between,), counts=True),
    )
    alone = server(plain)
    yield "the certificate itself is trusted", Row(chain=(alone,), trusted=(alone,), counts=True)
    own = server(None)
    yield "signed by itself, and trusted", Row(chain=(own,), trusted=(own,), counts=True)
    yield "a root that SHA-1 signs", of(plain.by_sha1(plain), counts=True)
    yield "a name within the constraints", of(limited("example", to=True), counts=True)
    old = root(key_usage="", identifiers=False)
    yield "a root of version 1", of(old.as_version_1(old), counts=True)

    yield "SHA-1", bad(lambda a: server(a).by_sha1(a))
    yield "an intermediate that SHA-1 signs", through(plain, below(plain).by_sha1(plain), counts=False)
    yield "no subjectAltName", bad(lambda a: issue(HOST, a))
    yield "the name is the common name alone", bad(lambda a: issue(HOST, a, dns=["elsewhere.example"]))
    yield "an address as common name", bad(lambda a: issue("127.0.0.1", a), name="127.0.0.1")
    yield "an address among the names", bad(lambda a: server(a, dns=["127.0.0.1"]), name="127.0.0.1")
    yield "another address", bad(lambda a: server(a, dns=[], ip=["127.0.0.2"]), name="127.0.0.1")
    yield "another name", bad(lambda a: server(a, dns=["elsewhere.example"]))
    yield "a wildcard for one label", bad(lambda a: server(a, dns=["*.example"]))
    yield "a wildcard for none", bad(lambda a: server(a, dns=[f"*.{HOST}"]))
    yield "a wildcard within a label", bad(lambda a: server(a, dns=["reg*.corp.example"]))
    yield "for clients", bad(lambda a: server(a, use=[CLIENT]))
    yield "through an intermediate for clients", through(plain, below(plain, use=[CLIENT]), counts=False)
    yield "expired", bad(lambda a: server(a, begins=NOW - 2 * DAY, ends=NOW - DAY))
    yield "not yet valid", bad(lambda a: server(a, begins=NOW + DAY, ends=NOW + 2 * DAY))
    yield "an expired root", of(root(begins=NOW - 2 * DAY, ends=NOW - DAY), counts=False)
    late = below(plain, begins=NOW - 2 * DAY, ends=NOW - DAY)
    yield "an expired intermediate", through(plain, late, counts=False)
    yield "an expired intermediate alone", Row(chain=(server(late),), trusted=(late,), counts=False)
    yield "an unknown critical extension", bad(lambda a: server(a, more=[unknown()]))
    yield "signed by itself", Row(chain=(own,), trusted=(plain,), counts=False)
    yield "signed by another of the same name", Row(chain=(server(root()),), trusted=(plain,), counts=False)
    yield "the intermediate is not sent", Row(chain=(server(between),), trusted=(plain,), counts=False)
    yield "signed by a server", through(plain, server(plain), counts=False)
    no_authority = x509.BasicConstraints(ca=False, path_length=None)
    yield "an authority that says it is none", of(root(authority=no_authority), counts=False)
    yield "an authority that may not sign", of(root(key_usage="crl_sign"), counts=False)
    short = x509.BasicConstraints(ca=True, path_length=0)
    yield "a path that is too long", through(root(authority=short), below(plain), counts=False)
    yield "a name that the constraints leave out", of(limited("elsewhere", to=True), counts=False)
    yield "a name that the constraints exclude", of(limited("example", to=False), counts=False)
    unsaid = below(plain, authority=None)
    yield "an intermediate without basicConstraints", through(plain, unsaid, counts=False)
    silent = root(authority=None, key_usage="")
    yield "an authority that does not say that it is one", of(silent, counts=False)
    yield "an intermediate of version 1", through(plain, below(plain).as_version_1(plain), counts=False)

    weak = "112 bits of security are the least (OpenSSL's level 2); Go asks for 1024 bits of RSA"
    yield "RSA 1024", bad(lambda a: server(a, key=small()), differs=weak)
    yield "a root of RSA 1024", of(root(key=small()), counts=False, differs=weak)
    label = "OpenSSL wants two labels after the wildcard"
    yield (
        "a wildcard below a top-level name",
        bad(lambda a: server(a, dns=["*.example"]), name="registry.example", differs=label),
    )
    named = "OpenSSL wants the use for servers to be named"
    yield "for any use", bad(lambda a: server(a, use=[ANY]), differs=named)
    usage = "OpenSSL looks at the key usage of a server too"
    yield "a key for signing certificates", bad(lambda a: server(a, key_usage=SIGNS), differs=usage)
    old_between = below(plain).as_version_1(plain)
    yield (
        "an intermediate of version 1 alone is trusted",
        Row(
            chain=(server(old_between),),
            trusted=(old_between,),
            counts=False,
            differs="to OpenSSL only a root may be of version 1",
        ),
    )
    twins = [root(identifiers=False) for _ in range(2)]
    yield (
        "two roots of one name without key identifiers",
        Row(
            chain=(server(twins[1], identifiers=False),),
            trusted=tuple(twins),
            counts=False,
            differs="OpenSSL tries the first issuer that it finds",
        ),
    )

    yield (
        LOOSER,
        of(root(authority=None), counts=True, differs="to OpenSSL the key usage of a root is enough"),
    )


def unknown() -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")


TABLE = dict(rows())


@contextmanager
def serving(row: Row, folder: Path) -> Iterator[int]:
    """A server that shakes hands with whoever comes; the port."""
    (folder / "chain.pem").write_bytes(b"".join(issued.pem for issued in row.chain))
    (folder / "key.pem").write_bytes(row.chain[0].key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # it may show anything
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    plain, _ = listening.accept()
                    with plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as connection:
                        connection.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def refusal_of_ours(port: int, name: str, trusted: Path) -> str:
    """Why the certificate is not taken; empty where it is."""
    context = TlsContexts(Settings(ca_file=trusted)).context()
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=name):
                return ""
        except ssl.SSLCertVerificationError as error:
            return str(error)


def refusal_of_go(port: int, name: str, trusted: Path) -> str:
    argv = [str(tool("tlsclient")), f"127.0.0.1:{port}", name, str(trusted)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert ended.stderr == ""
    return ended.stdout


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_a_certificate_counts_here_as_with_go(row: Row, tmp_path: Path) -> None:
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(b"".join(issued.pem for issued in row.trusted))
    with serving(row, tmp_path) as port:
        ours = refusal_of_ours(port, row.name, trusted)
        gos = refusal_of_go(port, row.name, trusted)
    assert (ours == "") is row.counts, ours
    assert (gos == "") is (row.counts != bool(row.differs)), gos
    assert "connection" not in gos, "it is about the certificate"


def test_nothing_counts_that_does_not_with_go_but_a_root_that_was_named() -> None:
    """Such a root is trusted because somebody gave it as CA file; no authority signs one like it."""
    assert [name for name, row in TABLE.items() if row.counts and row.differs] == [LOOSER]

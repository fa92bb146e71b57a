"""Which certificates count: the same ones on every Python, and none that Go does not take.

Every row is a server, and what its clients trust. The answers stand in the table, so that a Python which
gives another one fails here; Go's crypto/tls, on which docker, crane and oras stand, is asked beside it.
Where they differ, Go takes what is refused here, and the row says why. (Of what no verification looks at,
such as a policy's number or where revocations are published, the form is not looked at here.)
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from pushpolicy.errors import PushError
from pushpolicy.http.call import Call
from pushpolicy.http.fetch import StatusError, fetch_json
from pushpolicy.http.proxies import Proxies
from pushpolicy.http.settings import Settings
from pushpolicy.http.tls import TlsContexts
from pushpolicy.http.transport import Transport
from tests.authorities import ANY, AUTHORITY, CLIENT, DAY, NOW, SERVER, Issued, extension, issue
from tests.certificates import Certificates
from tests.clients import client_of
from tests.connect_proxy import connect_proxy
from tests.fake_registry import Answered, fake_registry
from tests.programs import tool

HOST = "registry.corp.example"
SIGNS = "key_cert_sign crl_sign"


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


def chained(chain: Sequence[Issued], authority: Issued, *, counts: bool) -> Row:
    return Row(chain=tuple(chain), trusted=(authority,), counts=counts)


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
    yield "a root of version 1", of(plain.as_version(1, plain), counts=True)

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
    yield "an intermediate of version 1", through(plain, below(plain).as_version(1, plain), counts=False)

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
    old_between = below(plain).as_version(1, plain)
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


def rows_of_authorities() -> Iterator[tuple[str, Row]]:
    """Who may sign whom: of much of this OpenSSL has another opinion."""
    plain = root()
    netscape = extension("6086480186f8420101", b"\x03\x02\x00\x07", critical=False)  # any authority's
    silent = root(authority=None)
    yield "a root without basicConstraints", of(silent, counts=False)
    quiet = root(authority=None, key_usage="")
    yield "a root by Netscape's type", of(quiet.extended(quiet, netscape), counts=False)
    silent = below(plain, authority=None)
    yield "an intermediate without basicConstraints alone", of(silent, counts=False)
    quiet = below(plain, authority=None, key_usage="").extended(plain, netscape)
    yield "an intermediate by Netscape's type", through(plain, quiet, counts=False)
    yield "an intermediate by Netscape's type alone", of(quiet, counts=False)
    no_signer = below(plain, key_usage="crl_sign")
    yield "an intermediate that may not sign", through(plain, no_signer, counts=False)
    yield "an intermediate that may not sign alone", of(no_signer, counts=False)
    loose = below(plain, authority=None).extended(plain, extension("551d13", b"\x30\x03\x01\x01\x01"))
    yield "an authority whose word is not in DER", through(plain, loose, counts=False)

    short = x509.BasicConstraints(ca=True, path_length=0)
    last = below(plain, authority=short)
    beyond = issue("beyond", last, authority=AUTHORITY, key_usage=SIGNS)
    yield "a path as long as it may be", through(plain, last, counts=True)
    too_long = server(beyond)
    yield "a path longer than an intermediate allows", chained([too_long, beyond, last], plain, counts=False)
    yield "a path longer than the intermediate that is trusted allows", through(last, beyond, counts=False)
    root_of_one = root(authority=short)
    renewed = issue("root", root_of_one, authority=AUTHORITY, key_usage=SIGNS)
    yield "a path that a renewed root makes too long", through(root_of_one, renewed, counts=False)

    names = limited("example", to=True)
    yield "a renewed root", through(names, issue("root", names, authority=AUTHORITY), counts=True)
    renewed = issue("root", names, authority=AUTHORITY, dns=["elsewhere.test"])
    yield "a renewed root that has a name beyond the constraints", through(names, renewed, counts=False)
    excluded = limited(HOST, to=False)
    wild = server(excluded, dns=["*.corp.example"])
    yield "a wildcard for a name that is excluded", chained([wild], excluded, counts=False)
    permitted = limited(HOST, to=True)
    wild = server(permitted, dns=["*.corp.example"])
    yield "a wildcard for more than is permitted", chained([wild], permitted, counts=False)
    folder = root(more=[x509.NameConstraints([x509.DirectoryName(server(plain).subject)], None)])
    yield "a constraint of the subject's name", of(folder, counts=False)

    yield "a root for clients", of(root(use=[CLIENT]), counts=False)
    yield "an intermediate for clients alone", of(below(plain, use=[CLIENT]), counts=False)
    for step_up in ("1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1"):
        old = x509.ObjectIdentifier(step_up)
        yield f"for step-up {step_up}", chained([server(plain, use=[old])], plain, counts=False)
        yield f"an intermediate for step-up {step_up}", through(plain, below(plain, use=[old]), counts=False)
        yield f"a root for step-up {step_up}", of(root(use=[old]), counts=False)


def rows_of_one_alone() -> Iterator[tuple[str, Row]]:
    """A server's certificate that is trusted itself: nothing is above it, all the rest is asked of it."""
    plain = root()
    late = server(plain, begins=NOW - 2 * DAY, ends=NOW - DAY)
    for name, alone, counts in (
        ("by SHA-1", server(plain).by_sha1(plain), True),
        ("as an authority", server(plain, authority=AUTHORITY), True),
        ("as no authority", server(plain, authority=x509.BasicConstraints(ca=False, path_length=None)), True),
        ("expired", late, False),
        ("for another name", server(plain, dns=["elsewhere.example"]), False),
        ("for clients", server(plain, use=[CLIENT]), False),
        ("with an unknown critical extension", server(plain, more=[unknown()]), False),
        ("of version 1 with extensions", server(plain).as_version(1, plain, extended=True), False),
    ):
        yield f"trusted itself, {name}", Row(chain=(alone,), trusted=(alone,), counts=counts)
    own = server(plain)
    yield "trusted itself, its root is sent", Row(chain=(own, plain), trusted=(own,), counts=True)
    yield "trusted itself, and signs another", through(own, server(own), counts=False)


def rows_of_forms() -> Iterator[tuple[str, Row]]:
    """Versions, numbers, extensions and keys."""
    plain = root()
    for version in (1, 2):
        leaf = server(plain).as_version(version, plain, extended=True)
        yield f"version {version} with extensions", chained([leaf], plain, counts=False)
        between = below(plain).as_version(version, plain, extended=True)
        yield f"an intermediate of version {version} with extensions", through(plain, between, counts=False)
        ignored = "Go reads no extensions of such a version, and here they are refused"
        old = plain.as_version(version, plain, extended=True)
        yield f"a root of version {version} with extensions", of(old, counts=False, differs=ignored)
    yield (
        "a root of version 2",
        of(plain.as_version(2, plain), counts=False, differs="to OpenSSL a root of version 2 is none"),
    )

    for name, oid, value, counts in (
        ("Netscape's type", "6086480186f8420101", b"\x03\x02\x06\x40", False),
        ("no check of revocation", "2b0601050507300105", b"\x05\x00", False),
        ("addresses of the holder", "2b06010505070107", bytes.fromhex("300830060402000105 00"), False),
        ("an authority's other names", "551d12", b"\x30\x03\x82\x01x", False),
        ("where it is found", "2b06010505070101", bytes.fromhex("300d300b06072b0601050507018600"), False),
        ("policies", "551d20", bytes.fromhex("3008300606 04551d2000"), True),
        ("no further policies", "551d36", b"\x02\x01\x05", True),
    ):
        critical = extension(oid, value)
        leaf = server(plain).extended(plain, critical)
        yield f"critical: {name}", chained([leaf], plain, counts=counts)
        between = below(plain).extended(plain, critical)
        yield f"an intermediate, critical: {name}", through(plain, between, counts=counts)
    yield "an unknown critical extension of a root", of(root(more=[unknown()]), counts=False)
    marked = below(plain, more=[unknown()])
    yield "an unknown critical extension of an intermediate", through(plain, marked, counts=False)
    yield "an unknown critical extension of an intermediate alone", of(marked, counts=False)
    again = extension("2a030405", b"\x05\x00", critical=False)
    twice = server(plain).extended(plain, again, again)
    yield "an extension that comes twice", chained([twice], plain, counts=False)
    for name, other in (
        ("a short address", b"\x87\x03\x01\x02\x03"),
        ("a name not in ASCII", b"\x82\x01\xff"),
    ):
        names = b"\x82" + bytes([len(HOST)]) + HOST.encode() + other
        value = b"\x30" + bytes([len(names)]) + names
        leaf = issue("server", plain).extended(plain, extension("551d11", value, critical=False))
        yield f"{name} beside", chained([leaf], plain, counts=False)

    yield "a negative number", chained([server(plain).numbered(plain, b"\xff")], plain, counts=False)
    yield "a number of 30 bytes", chained([server(plain).numbered(plain, b"\1" * 30)], plain, counts=True)
    yield "a name with a hyphen before it", bad(lambda a: server(a, dns=["*.example"]), name="-x.example")

    for curve, counts in ((ec.SECP224R1, True), (ec.SECP521R1, True), (ec.SECP256K1, False)):
        yield f"a root of {curve.name}", of(root(key=ec.generate_private_key(curve())), counts=counts)
    brainpool = root(key=ec.generate_private_key(ec.BrainpoolP256R1()))
    yield "a root of Brainpool", of(brainpool, counts=False)
    yield "a root of Ed25519", of(root(key=ed25519.Ed25519PrivateKey.generate()), counts=True)
    yield "a root of Ed448", of(root(key=ed448.Ed448PrivateKey.generate()), counts=False)
    yield "a root whose point is compressed", of(plain.with_compressed_key(plain), counts=False)
    large = of_mersenne(4423, 4253)
    yield "an intermediate of RSA with 8676 bits", through(plain, below(plain, key=large), counts=False)
    sent = "Go limits the keys that are sent, and here one limit is for all"
    yield "a root of RSA with 8676 bits", of(root(key=large), counts=False, differs=sent)
    yield (
        "a root of RSA with an exponent of 33 bits",
        of(root(key=of_mersenne(2203, 1279, 2**32 + 1)), counts=False),
    )


def rows_of_signatures() -> Iterator[tuple[str, Row]]:
    plain = root()
    yield "ECDSA with SHA-224", chained([server(plain, digest=hashes.SHA224())], plain, counts=False)
    yield "ECDSA with SHA-512", chained([server(plain, digest=hashes.SHA512())], plain, counts=True)
    by_rsa = root(key=rsa.generate_private_key(65537, 2048))
    for digest, salt, counts in (
        (hashes.SHA256(), None, True),
        (hashes.SHA384(), None, True),
        (hashes.SHA512(), None, True),
        (hashes.SHA224(), None, False),
        (hashes.SHA3_256(), None, False),
        (hashes.SHA256(), 32, True),
        (hashes.SHA384(), 48, True),
        (hashes.SHA512(), 64, True),
        (hashes.SHA224(), 28, False),
        (hashes.SHA256(), 20, False),
    ):
        way = "RSA" if salt is None else f"RSASSA-PSS with {salt} bytes of salt"
        leaf = server(by_rsa, digest=digest, salt=salt)
        yield f"{way} and {digest.name}", chained([leaf], by_rsa, counts=counts)


def of_mersenne(first: int, second: int, e: int = 65537) -> rsa.RSAPrivateKey:
    """A key of RSA whose primes need no search: 2^first - 1 and 2^second - 1."""
    p, q = 2**first - 1, 2**second - 1
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def unknown() -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")


TABLE = dict([*rows(), *rows_of_authorities(), *rows_of_one_alone(), *rows_of_forms(), *rows_of_signatures()])


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


def test_nothing_counts_that_does_not_with_go() -> None:
    assert [name for name, row in TABLE.items() if row.counts and row.differs] == []


def files_of(folder: Path, authority: Issued) -> Certificates:
    """A server of this machine and of tunnelled.invalid, which that authority has signed."""
    own = issue("server", authority, dns=["tunnelled.invalid"], ip=["127.0.0.1"])
    folder.mkdir()
    for name, content in {"ca.pem": authority.pem, "own.pem": own.pem, "own.key": own.key_pem}.items():
        (folder / name).write_bytes(content)
    shown, key = folder / "own.pem", folder / "own.key"
    return Certificates(authority=folder / "ca.pem", server=shown, key=key, client=shown, client_key=key)


@pytest.mark.parametrize("asks", ["client", "fetch_json"])
@pytest.mark.parametrize(
    ("through", "untrusted"),
    [
        *((through, untrusted) for through in ("", "http", "https") for untrusted in ("", "server")),
        ("https", "proxy"),
    ],
)
def test_nothing_is_sent_to_whom_go_would_not_trust(
    through: str, untrusted: str, asks: str, tmp_path: Path
) -> None:
    """Wherever TLS begins: at once, in a tunnel, with a proxy, and within the TLS of a proxy."""
    ends = {
        name: files_of(tmp_path / name, root(authority=None if name == untrusted else AUTHORITY))
        for name in ("server", "proxy")
    }
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(b"".join(files.authority.read_bytes() for files in ends.values()))
    with (
        fake_registry(lambda _: Answered(status=404), ends["server"]) as server,
        connect_proxy(server.host, ends["proxy"] if through == "https" else None) as proxy,
    ):
        host = "tunnelled.invalid" if through else server.host
        proxies = Proxies(https=f"{through}://{proxy.host}" if through else None)

        def ask() -> None:
            if asks == "client":
                assert client_of(host, ca_file=trusted, proxies=proxies).resolve("1.0") is None
                return
            call = Call(action="keys", method="GET", url=f"https://{host}/keys")
            with pytest.raises(StatusError):
                fetch_json(Transport(Settings(ca_file=trusted, proxies=proxies)), call, allows=lambda _: True)

        if untrusted:
            with pytest.raises(PushError, match="an authority has no basicConstraints") as caught:
                ask()
            assert "programs in Go" in str(caught.value.hint)
        else:
            ask()
        assert bool(server.asked) is not bool(untrusted)
        assert any(proxy.heads) is (bool(through) and untrusted != "proxy")

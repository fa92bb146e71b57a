"""Which chains of certificates count, after OpenSSL has verified them: none that Go would refuse.

OpenSSL knows algorithms, uses and critical extensions that Go's crypto/x509 does not, reads extensions of a
certificate whose version has none, and takes for an authority what nowhere says that it is one; Python's ssl
has a switch for nothing of that. So a chain is read once more here. Signatures, dates and names remain
OpenSSL's: this only refuses.

Sources: X.690 (DER); RFC 5280, section 4; crypto/x509 (parser.go, verify.go, constraints.go) and crypto/tls
of Go 1.26. tests/integration/test_tls_certificates.py asks Go itself.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import msgspec

_BOOLEAN, _INTEGER, _OID, _SEQUENCE = 0x01, 0x02, 0x06, 0x30
# Fields by their number, where a type says `[n]`, and the kinds of names.
_0, _1, _2, _3 = 0xA0, 0xA1, 0xA2, 0xA3
_EMAIL, _DNS, _URI, _IP = 0x81, 0x82, 0x86, 0x87

_USE = b"\x55\x1d\x25"
_NAMES = b"\x55\x1d\x11"
_AUTHORITY = b"\x55\x1d\x13"
_CONSTRAINTS = b"\x55\x1d\x1e"
# The extensions that may be critical: members of 2.5.29.
_HANDLED = frozenset(b"\x55\x1d" + bytes([number]) for number in (15, 17, 19, 30, 31, 32, 33, 36, 37, 54))
_FOR_SERVERS = (_OID, bytes.fromhex("2b06010505070301"))
_RSA_BITS = 8192
_EXPONENT_BITS = 31


def _der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return bytes([tag, len(content)]) + content


def _named(oid: str, *parameters: bytes) -> bytes:
    """The content of an AlgorithmIdentifier."""
    return b"".join((_der(_OID, bytes.fromhex(oid)), *parameters))


def _pss(number: int, size: int, null: bytes, masks_null: bytes) -> bytes:
    """RSASSA-PSS with the same SHA-2 throughout, and a salt of its size (RFC 4055, section 3.1)."""
    digest = f"6086480165030402{number:02x}"
    mask = _named("2a864886f70d010108", _der(_SEQUENCE, _named(digest, masks_null)))
    fields = (
        _der(_0, _der(_SEQUENCE, _named(digest, null))),
        _der(_1, _der(_SEQUENCE, mask)),
        _der(_2, _der(_INTEGER, bytes([size]))),
    )
    return _named("2a864886f70d01010a", _der(_SEQUENCE, *fields))


_NULL = b"\x05\x00"
_RSA = _named("2a864886f70d010101", _NULL)
_ED25519 = _named("2b6570")
_CURVES = frozenset(
    _named("2a8648ce3d0201", _named(curve))
    for curve in ("2b81040021", "2a8648ce3d030107", "2b81040022", "2b81040023")  # P-224 to P-521
)
_SIGNATURES = frozenset(
    {
        _ED25519,
        *(_named(f"2a864886f70d01010{end}", null) for end in "bcd" for null in (_NULL, b"")),  # RSA
        *(_named(f"2a8648ce3d04030{end}", null) for end in "234" for null in (_NULL, b"")),  # ECDSA
        *(
            _pss(number, size, *nulls)
            for number, size in ((1, 32), (2, 48), (3, 64))
            for nulls in product((_NULL, b""), repeat=2)
        ),
    }
)


class ChainError(ssl.SSLCertVerificationError):
    """A chain of certificates does not count; `verify_message` says why, as that of OpenSSL's refusals."""

    def __init__(self, reason: str) -> None:
        super().__init__(ssl.SSL_ERROR_SSL, reason)
        self.verify_message = reason


class _Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at of a certificate.

    Attributes:
        signed_by: the content of its signature's AlgorithmIdentifier.
        extensions: value and whether it is critical, by object identifier.
    """

    version: int
    signed_by: bytes
    issuer: bytes
    subject: bytes
    extensions: Mapping[bytes, tuple[bytes, bool]]

    def names(self) -> list[tuple[int, bytes]]:
        """Its alternative names: kind and content of each."""
        return self._sequence(_NAMES)

    def constraints(self) -> Iterator[tuple[int, int, bytes]]:
        """Its name constraints: permitted or excluded, kind and content of each."""
        for side, subtrees in self._sequence(_CONSTRAINTS):
            for _, subtree in _items(subtrees):
                yield side, *_items(subtree)[0]

    def _sequence(self, extension: bytes) -> list[tuple[int, bytes]]:
        return _inside(self.extensions[extension][0]) if extension in self.extensions else []


def check(chain: Sequence[bytes], host: str) -> None:
    """Refuse a chain that OpenSSL has verified for a host, and Go would not.

    Args:
        chain: the certificates in DER: the server's, each one's issuer after it, and at last the one that is
            trusted whoever signed it. That can be the server's own.
        host: the name or address that the server was asked for.

    Raises:
        ChainError: when it does not count.
    """
    if not chain:
        raise ChainError("no certificate was verified")
    # OpenSSL lets a wildcard stand for such a label.
    if any(label.startswith("-") for label in host.split(".")):
        raise ChainError("no name of a host begins with a hyphen")
    try:
        certificates = [_read(der) for der in chain]
        trusted = len(certificates) - 1
        for number, certificate in enumerate(certificates):
            _check_itself(certificate)
            if number < trusted and certificate.signed_by not in _SIGNATURES:
                raise ChainError("a signature's algorithm is not known")
            if number:
                _check_authority(certificate, number - 1, is_last=number == trusted)
            _check_names_below(certificate, certificates[:number])
    except ChainError:
        raise
    except (ValueError, IndexError) as error:
        raise ChainError("a certificate is not encoded as it must be") from error


def _check_itself(certificate: _Certificate) -> None:
    if certificate.version < 3 and certificate.extensions:
        raise ChainError("a certificate has extensions, and a version that knows none")
    for oid, (_, is_critical) in certificate.extensions.items():
        if is_critical and oid not in _HANDLED:
            raise ChainError("unhandled critical extension")
    if _USE in certificate.extensions and _FOR_SERVERS not in _inside(certificate.extensions[_USE][0]):
        raise ChainError("unsuitable certificate purpose")
    for kind, name in certificate.names():
        is_text = kind in (_EMAIL, _DNS, _URI)
        if (is_text and not name.isascii()) or (kind == _IP and len(name) not in (4, 16)):
            raise ChainError("a subjectAltName is malformed")


def _check_authority(certificate: _Certificate, between: int, *, is_last: bool) -> None:
    """Whether a certificate can have signed another, with so many between it and the server's.

    OpenSSL does not count among these the ones that have their issuer's name.
    """
    if _AUTHORITY not in certificate.extensions:
        # Before version 3 there was no place to say it.
        if certificate.version < 3 and is_last:
            return
        raise ChainError("an authority has no basicConstraints")
    said = _inside(certificate.extensions[_AUTHORITY][0])
    if said[:1] != [(_BOOLEAN, b"\xff")]:
        raise ChainError("what signed a certificate is no authority")
    if said[1:] and int.from_bytes(said[1][1], signed=True) < between:
        raise ChainError("path length constraint exceeded")


def _check_names_below(certificate: _Certificate, below: Sequence[_Certificate]) -> None:
    """The rest of an authority's name constraints: what OpenSSL takes no notice of."""
    if _CONSTRAINTS not in certificate.extensions:
        return
    wildcards = {
        name[2:].lower()
        for each in below
        for kind, name in each.names()
        if kind == _DNS and name[:2] == b"*."
    }
    for side, kind, name in certificate.constraints():
        if kind not in (_EMAIL, _DNS, _URI, _IP) and certificate.extensions[_CONSTRAINTS][1]:
            raise ChainError("a name constraint is of an unknown kind")
        if side == _1 and kind == _DNS and name.lower().partition(b".")[2] in wildcards:
            raise ChainError("excluded subtree violation")
    if any(each.subject == each.issuer and each.names() for each in below[1:]):
        raise ChainError("an authority with its issuer's name has names beside, which constraints are for")


def _read(der: bytes) -> _Certificate:
    (_, content), outer, _ = _inside(der)
    fields = _items(content)
    version = 1
    if fields[0][0] == _0:
        version += int.from_bytes(_items(fields.pop(0)[1])[0][1])
    (_, serial), algorithm, (_, issuer), _, (_, subject), (_, key), *rest = fields
    if algorithm != outer or serial[0] & 0x80:
        raise ValueError
    _check_key(key)
    return _Certificate(
        version=version,
        signed_by=algorithm[1],
        issuer=issuer,
        subject=subject,
        extensions=_read_extensions(dict(rest).get(_3, _der(_SEQUENCE))),
    )


def _check_key(content: bytes) -> None:
    """Whether a SubjectPublicKeyInfo holds a key of which Go can verify signatures."""
    (_, algorithm), (_, bits) = _items(content)
    if algorithm == _RSA:
        (_, modulus), (_, exponent) = _inside(bits[1:])
        if int.from_bytes(modulus).bit_length() > _RSA_BITS or int.from_bytes(exponent) >> _EXPONENT_BITS:
            raise ChainError("a key of RSA is too large")
    elif algorithm in _CURVES:
        if bits[:2] != b"\0\x04":
            raise ChainError("a key's point is compressed")
    elif algorithm != _ED25519:
        raise ChainError("a key's algorithm is not known")


def _read_extensions(der: bytes) -> dict[bytes, tuple[bytes, bool]]:
    found: dict[bytes, tuple[bytes, bool]] = {}
    for _, content in _inside(der):
        (_, oid), *flag, (_, value) = _items(content)
        if oid in found:
            raise ChainError("an extension comes twice")
        found[oid] = value, bool(flag) and flag[0][1] != b"\0"
    return found


def _inside(der: bytes) -> list[tuple[int, bytes]]:
    """The items of the one sequence that this is."""
    ((tag, content),) = _items(der)
    if tag != _SEQUENCE:
        raise ValueError
    return _items(content)


def _items(content: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of the values that stand one after the other.

    Raises:
        ValueError, IndexError: when they are not in DER.
    """
    found = []
    start = 0
    while start < len(content):
        tag, size = content[start], content[start + 1]
        start += 2
        if size >= 0x80:
            width = size & 0x7F
            size = int.from_bytes(content[start : start + width])
            start += width
            if size < 0x80 or size.bit_length() <= 8 * (width - 1):
                raise ValueError
        if start + size > len(content):
            raise ValueError
        found.append((tag, content[start : start + size]))
        start += size
    return found

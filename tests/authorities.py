"""Certificates of every kind, good and bad: an authority signs what it is told to."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
Digest = hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | hashes.SHA3_256
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
_ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")  # ecdsa-with-SHA1 (RFC 3279, 2.2.3)
# BasicConstraints of an authority.
AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate with its private key.

    Attributes:
        der: the certificate; cryptography itself would not read each of them.
        subject: whose it is.
    """

    der: bytes
    subject: x509.Name
    key: Key

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return ssl.DER_cert_to_PEM_cert(self.der).encode()

    @property
    def key_pem(self) -> bytes:
        """The key, without a password."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def as_version(self, number: int, signer: Self, *, extended: bool = False) -> Self:
        """The same certificate in an older form, which has no extensions, or should not have (`extended`)."""
        version, *fields = self._fields()
        assert version[0] == 0xA0
        fields = fields if extended else fields[:-1]
        head = [_tagged(0xA0, _tagged(0x02, bytes([number - 1])))] if number > 1 else []
        return self._signed(signer, [*head, *fields])

    def by_sha1(self, signer: Self) -> Self:
        """The same certificate, signed with what is broken; cryptography itself no longer does it."""
        version, serial, _, *fields = self._fields()
        return self._signed(signer, [version, serial, _ECDSA_SHA1, *fields], hashes.SHA1())

    def numbered(self, signer: Self, serial: bytes) -> Self:
        """The same certificate with another serial number, an integer of these bytes."""
        version, _, *fields = self._fields()
        return self._signed(signer, [version, _tagged(0x02, serial), *fields])

    def extended(self, signer: Self, *extensions: bytes) -> Self:
        """The same certificate with more extensions, whatever it has."""
        *fields, last = self._fields()
        assert last[0] == 0xA3
        (present,) = _children(last)
        return self._signed(signer, [*fields, _tagged(0xA3, _sequence(*_children(present), *extensions))])

    def with_compressed_key(self, signer: Self) -> Self:
        """The same certificate; the point of its key (of P-256) is written in the short form."""
        *fields, _, last = self._fields()
        public = self.key.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
        algorithm = _sequence(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06082a8648ce3d030107"))
        return self._signed(signer, [*fields, _sequence(algorithm, _tagged(0x03, b"\0" + point)), last])

    def _fields(self) -> list[bytes]:
        return _children(_children(self.der)[0])

    def _signed(
        self, signer: Self, fields: Sequence[bytes], digest: hashes.HashAlgorithm | None = None
    ) -> Self:
        content = _sequence(*fields)
        algorithm = next(field for field in fields if field[0] == 0x30)  # the first sequence is it
        assert isinstance(signer.key, ec.EllipticCurvePrivateKey)
        signature = signer.key.sign(content, ec.ECDSA(digest or hashes.SHA256()))
        return replace(self, der=_sequence(content, algorithm, _tagged(0x03, b"\0" + signature)))


def extension(oid: str, value: bytes, *, critical: bool = True) -> bytes:
    """An extension of any kind.

    Args:
        oid: the content of its object identifier, in hex.
        value: what is in it, in DER.
        critical: whether who does not know it must refuse the certificate.
    """
    flag = [_tagged(0x01, b"\xff")] if critical else []
    return _sequence(_tagged(0x06, bytes.fromhex(oid)), *flag, _tagged(0x04, value))


def issue(
    name: str,
    signer: Issued | None = None,
    *,
    key: Key | None = None,
    dns: Sequence[str] = (),
    ip: Sequence[str] = (),
    authority: x509.BasicConstraints | None = None,
    is_critical: bool = True,
    use: Sequence[x509.ObjectIdentifier] = (),
    key_usage: str = "",
    begins: datetime = NOW - DAY,
    ends: datetime = NOW + DAY,
    identifiers: bool = True,
    more: Sequence[x509.ExtensionType] = (),
    digest: Digest | None = None,
    salt: int | None = None,
) -> Issued:
    """A certificate, of an authority or of a server.

    Args:
        name: the common name of its subject.
        signer: who signs it; itself when there is nobody.
        key: a new one of P-256 when there is none.
        dns: the names of its subjectAltName.
        ip: the addresses of its subjectAltName.
        authority: its basicConstraints.
        is_critical: whether these are critical.
        use: its extended key usage.
        key_usage: the names of its key usage, with spaces between.
        begins: from when it is valid.
        ends: until when.
        identifiers: whether it has subject and authority key identifiers, as the signer is expected to.
        more: further extensions, all of them critical.
        digest: what it is signed with; SHA-256 when there is none.
        salt: bytes of salt with which RSA signs as RSASSA-PSS, if it does.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    signs = signer.key if signer else key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    extensions = [*_extensions(dns, ip, use, key_usage), *((extension, True) for extension in more)]
    if authority:
        extensions.append((authority, is_critical))
    if identifiers:
        public = signs.public_key()
        extensions.append((x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
        extensions.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False))
    for extension, critical in extensions:
        made = made.add_extension(extension, critical=critical)
    digest = digest or hashes.SHA256()
    issued = made.sign(
        signs,
        None if isinstance(signs, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else digest,
        rsa_padding=None if salt is None else padding.PSS(padding.MGF1(digest), salt),
    )
    return Issued(der=issued.public_bytes(serialization.Encoding.DER), subject=subject, key=key)


def _extensions(
    dns: Sequence[str], ip: Sequence[str], use: Sequence[x509.ObjectIdentifier], key_usage: str
) -> Iterator[tuple[x509.ExtensionType, bool]]:
    if dns or ip:
        names = [x509.DNSName(name) for name in dns]
        addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in ip]
        yield x509.SubjectAlternativeName([*names, *addresses]), False
    if use:
        yield x509.ExtendedKeyUsage(use), False
    if key_usage:
        yield x509.KeyUsage(**{name: name in key_usage.split() for name in _USAGES}), True


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _tagged(tag: int, content: bytes) -> bytes:
    """A value in DER (X.690, 8.1)."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _sequence(*values: bytes) -> bytes:
    return _tagged(0x30, b"".join(values))


def _children(value: bytes) -> list[bytes]:
    """The values that a sequence is made of, each with its head."""
    start, end = _bounds(value)
    found = []
    while start < end:
        _, size = _bounds(value[start:])
        found.append(value[start : start + size])
        start += size
    return found


def _bounds(value: bytes) -> tuple[int, int]:
    """Where the content of the first value begins and ends."""
    size, start = value[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(value[2:start], "big")
    return start, start + size

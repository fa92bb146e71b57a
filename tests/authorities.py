"""Certificates of every kind, good and bad: an authority signs what it is told to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
_ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")  # ecdsa-with-SHA1 (RFC 3279, 2.2.3)
# BasicConstraints of an authority.
AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key, without a password."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def as_version_1(self, signer: Self) -> Self:
        """The same certificate in the form of 1988, which has no extensions, signed anew."""
        version, *fields, _ = _children(self.certificate.tbs_certificate_bytes)
        assert version[0] == 0xA0
        return self._signed(signer, fields, fields[1], hashes.SHA256())

    def by_sha1(self, signer: Self) -> Self:
        """The same certificate, signed with what is broken; cryptography itself no longer does it."""
        version, serial, _, *fields = _children(self.certificate.tbs_certificate_bytes)
        return self._signed(signer, [version, serial, _ECDSA_SHA1, *fields], _ECDSA_SHA1, hashes.SHA1())

    def _signed(
        self, signer: Self, fields: Sequence[bytes], algorithm: bytes, digest: hashes.HashAlgorithm
    ) -> Self:
        content = _sequence(*fields)
        assert isinstance(signer.key, ec.EllipticCurvePrivateKey)
        signature = signer.key.sign(content, ec.ECDSA(digest))
        der = _sequence(content, algorithm, _tagged(0x03, b"\0" + signature))
        return replace(self, certificate=x509.load_der_x509_certificate(der))


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
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    signs = signer.key if signer else key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
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
    return Issued(certificate=made.sign(signs, hashes.SHA256()), key=key)


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

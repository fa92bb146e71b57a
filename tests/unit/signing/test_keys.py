from __future__ import annotations

import subprocess
from base64 import b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from pushpolicy.signing.keys import SigningError, read_private, read_public
from tests.keys import key
from tests.programs import installed

PUBLIC, PRIVATE = key().public.pem.encode(), key().private_pem()


def private(of: Any, form: PrivateFormat = PrivateFormat.PKCS8, passphrase: bytes | None = None) -> bytes:
    hidden = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    pem: bytes = of.private_bytes(Encoding.PEM, form, hidden)
    return pem


def public(of: Any) -> bytes:
    pem: bytes = of.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


P256, P384 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
K1 = ec.generate_private_key(ec.SECP256K1())
RSA, ED = rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()
# SubjectPublicKeyInfo with 1.3.101.121 as its algorithm, which nobody has.
UNKNOWN = b64encode(bytes.fromhex("302a300506032b6579032100") + bytes(32)).decode()
DAMAGED = PRIVATE.replace(b"MIGH", b"MIGG")
WRONG_PUBLIC = [
    (public(P384), "curve secp384r1"),
    (public(K1), "curve secp256k1"),
    (public(RSA), "RSA"),
    (public(ED), "Ed25519"),
    (f"-----BEGIN PUBLIC KEY-----\n{UNKNOWN}\n-----END PUBLIC KEY-----\n".encode(), "kind that is not known"),
    (PRIVATE, "a private key, where a public one belongs"),
    (private(P256, PrivateFormat.TraditionalOpenSSL), "SEC 1"),
    (private(P256, passphrase=b"x"), "encrypted"),
    (PUBLIC + PUBLIC, "holds 2 keys"),
    (PUBLIC + PRIVATE, "a private key"),
    (PUBLIC + b"# ours", "more than a key"),
    (b"key:\n" + PUBLIC, "more than a key"),
    (PUBLIC.replace(b"MFkw", b"MFkx"), "damaged"),
    (PUBLIC.replace(b"BEGIN PUBLIC KEY", b"BEGIN CERTIFICATE"), "certificate"),
    (PUBLIC.replace(b"PUBLIC KEY", b"PGP MESSAGE"), "PGP MESSAGE"),
    (b"", "not a key in PEM"),
    ("schlüssel".encode(), "not a key in PEM"),
    (PUBLIC + b" " * 20_000, "larger than"),
]
WRONG_PRIVATE = [
    (private(P384), "curve secp384r1"),
    (private(RSA), "RSA"),
    (private(RSA, PrivateFormat.TraditionalOpenSSL), "RSA"),
    (private(ED), "Ed25519"),
    (private(ED, PrivateFormat.OpenSSH), "OpenSSH"),
    (PUBLIC, "a public key, where the private one belongs"),
    (private(P256, PrivateFormat.TraditionalOpenSSL), "SEC 1"),
    (private(P256, passphrase=b"x"), "encrypted"),
    (PRIVATE.replace(b"PRIVATE KEY", b"ENCRYPTED SIGSTORE PRIVATE KEY"), "not in cosign's format"),
    (PRIVATE + PRIVATE, "holds 2 keys"),
    (DAMAGED, "damaged"),
]


@pytest.mark.parametrize(("pem", "why"), WRONG_PUBLIC, ids=[why for _, why in WRONG_PUBLIC])
def test_what_is_no_public_key_is_refused_by_name(pem: bytes, why: str) -> None:
    with pytest.raises(SigningError, match=why):
        read_public(pem)


@pytest.mark.parametrize(("pem", "why"), WRONG_PRIVATE, ids=[why for _, why in WRONG_PRIVATE])
def test_what_is_no_private_key_is_refused_by_name(pem: bytes, why: str) -> None:
    with pytest.raises(SigningError, match=why) as refused:
        read_private(pem)
    shown = f"{refused.value}{refused.value.hint}"
    assert not any(line in shown for line in pem.decode().splitlines()[1:-1])


def test_a_key_comes_back_and_is_never_shown() -> None:
    again = read_private(PRIVATE)
    assert again.public.pem == key().public.pem == read_public(PUBLIC).pem
    assert (
        again.public.fingerprint
        == read_public(PUBLIC.decode()).fingerprint
        != key("other").public.fingerprint
    )
    assert "BEGIN" not in repr(again)


def test_a_signature_is_about_its_bytes_by_its_key() -> None:
    signature = key().sign(b"content")
    assert key().public.verifies(signature, b"content")
    assert not key().public.verifies(signature, b"Content")
    assert not key("other").public.verifies(signature, b"content")
    for broken in (b"", b"x", signature[:-1], signature + b"\0", signature[::-1]):
        assert not key().public.verifies(broken, b"content")


def test_openssl_verifies_it(tmp_path: Any) -> None:
    openssl = installed("openssl", "openssl")
    for name, content in (("pub", PUBLIC), ("sig", key().sign(b"content")), ("content", b"content")):
        (tmp_path / name).write_bytes(content)
    argv = [openssl, "dgst", "-sha256", "-verify", "pub", "-signature", "sig", "content"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert "Verified OK" in done.stdout

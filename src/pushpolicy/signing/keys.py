"""Keys that sign: ECDSA on P-256 with SHA-256 (FIPS 186-5), each alone in a PEM file (RFC 7468).

A private key is PKCS #8 (RFC 5958), a public one SubjectPublicKeyInfo (RFC 5480). It is the one kind that
cosign, Kyverno and in-toto's own tools take alike, so every other is refused by its name. A private key may
be in cosign's encrypted format (`encrypted`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pushpolicy.model.expressions import expression
from pushpolicy.model.text import printable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

MAX_PEM = 16 * 1024
PASSPHRASE_VARIABLE = "PUSHPOLICY_KEY_PASSPHRASE"  # noqa: S105 (its name)
_CURVE = "secp256r1"
_BEGIN = expression(r"-----BEGIN ([A-Z0-9 ]{1,64})-----")
_ALONE = expression(r"\s*-----BEGIN (?P<label>[A-Z0-9 ]+)-----[A-Za-z0-9+/=\s]+-----END (?P=label)-----\s*")
_PUBLIC, _PRIVATE = "PUBLIC KEY", "PRIVATE KEY"
_SEALED = ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")
_IMPORT = "`cosign import-key-pair` writes it in that, `openssl pkcs8 -topk8 -nocrypt` without a passphrase"
_KEYGEN = "`pushpolicy keygen NAME` makes a key"
# What else is found in PEM files: what to say of it, and what to do.
_OTHERS = {
    "ENCRYPTED PRIVATE KEY": ("is encrypted in another format than cosign's", _IMPORT),
    "EC PRIVATE KEY": ("is in SEC 1 form, not in PKCS #8", "`openssl pkcs8 -topk8 -nocrypt` converts it"),
    "EC PARAMETERS": ("begins with the parameters of a curve", "`openssl pkcs8 -topk8 -nocrypt` converts it"),
    "RSA PRIVATE KEY": ("is of the kind RSA, not ECDSA on P-256", _KEYGEN),
    "RSA PUBLIC KEY": ("is of the kind RSA, not ECDSA on P-256", _KEYGEN),
    "OPENSSH PRIVATE KEY": ("is in the form of OpenSSH, not in PKCS #8", _KEYGEN),
    "CERTIFICATE": ("is a certificate, not a key", "`openssl x509 -pubkey -noout` prints its public key"),
}


class SigningError(ValueError):
    """A key or a signature is not what it has to be; the message reads on after the name of what holds it.

    Args:
        message: as in ``holds an RSA key``.
        hint: what to do about it.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class PublicKey:
    """A public key on P-256.

    Attributes:
        pem: SubjectPublicKeyInfo, as this program writes it.
    """

    def __init__(self, key: EllipticCurvePublicKey) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._key = key
        self._der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo in DER, in hex: equal for equal keys only."""
        import hashlib

        return hashlib.sha256(self._der).hexdigest()

    @property
    def hint(self) -> str:
        """What cosign writes into a bundle for whoever has several keys to try: nothing vouches for it."""
        import base64

        return base64.b64encode(bytes.fromhex(self.fingerprint)).decode()

    def verifies(self, signature: bytes, content: bytes) -> bool:
        """Whether it is this key's signature (ASN.1 DER) of these bytes."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            self._key.verify(signature, content, ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


class Signer(Protocol):
    """Whatever signs with a private key, which may be elsewhere."""

    @property
    def public(self) -> PublicKey:
        """The key that verifies its signatures."""

    def sign(self, content: bytes) -> bytes:
        """Its signature of these bytes, in ASN.1 DER.

        Raises:
            SigningError: when there is none.
        """


class SigningKey:
    """A private key on P-256. It is never shown: not by `repr`, not in a message."""

    def __init__(self, key: EllipticCurvePrivateKey) -> None:
        self._key = key

    @property
    def public(self) -> PublicKey:
        """The key that verifies its signatures."""
        return PublicKey(self._key.public_key())

    def sign(self, content: bytes) -> bytes:
        """Its signature of these bytes, in ASN.1 DER."""
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        return self._key.sign(content, ECDSA(SHA256()))

    def private_pem(self) -> bytes:
        """PKCS #8 without a passphrase: for the one file that `keygen` writes."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sealed_pem(self, passphrase: bytes) -> bytes:
        """The key in cosign's encrypted format: for the same file.

        Raises:
            SigningError: without PyNaCl.
        """
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        from pushpolicy.signing.encrypted import seal

        der = self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return seal(_SEALED[0], der, passphrase)


def generate() -> SigningKey:
    """A new key."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    return SigningKey(generate_private_key(SECP256R1()))


def read_public(pem: str | bytes) -> PublicKey:
    """The key of a PEM file with one public key.

    Raises:
        SigningError: when it holds anything else, or another kind of key.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = _load(_alone(pem, _PUBLIC)[1], load_pem_public_key)
    if not isinstance(key, EllipticCurvePublicKey):
        raise _other_kind(key)
    _check_curve(key.curve.name)
    return PublicKey(key)


def read_private(pem: str | bytes, passphrase: bytes | None = None) -> SigningKey:
    """The key of a PEM file with one private key; the passphrase is for one in cosign's encrypted format.

    Raises:
        SigningError: when it holds anything else, or another kind of key, or the passphrase does not open it.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    label, content = _alone(pem, _PRIVATE, *_SEALED)
    if label == _PRIVATE:
        key = _load(content, lambda content: load_pem_private_key(content, None))
    else:
        from pushpolicy.signing.encrypted import unseal

        key = _load(unseal(content, passphrase), lambda content: load_der_private_key(content, None))
    if not isinstance(key, EllipticCurvePrivateKey):
        raise _other_kind(key)
    _check_curve(key.curve.name)
    return SigningKey(key)


def _alone(pem: str | bytes, *wanted: str) -> tuple[str, bytes]:
    """Its label and the PEM, if it is one block of a wanted kind, alone: readers differ on the rest."""
    if len(pem) > MAX_PEM:
        raise SigningError(f"is larger than {MAX_PEM} bytes: no file with one key", _KEYGEN)
    try:
        text = pem if isinstance(pem, str) else pem.decode("ascii")
        content = text.encode("ascii")
    except UnicodeError as error:
        raise SigningError("is not a key in PEM", _KEYGEN) from error
    labels = _BEGIN.findall(text)
    if not labels:
        raise SigningError("is not a key in PEM", _KEYGEN)
    for label in labels:
        if label in _OTHERS:
            raise SigningError(*_OTHERS[label])
        if label not in wanted:
            raise _other_part(label, wanted[0])
    if len(labels) > 1:
        raise SigningError(f"holds {len(labels)} keys", "one file, one key: split it")
    if not _ALONE.fullmatch(text):
        raise SigningError("holds more than a key in PEM", "leave nothing before and after its block")
    return labels[0], content


def _other_part(label: str, wanted: str) -> SigningError:
    if label in (_PRIVATE, *_SEALED):
        return SigningError(
            "is a private key, where a public one belongs",
            "its NAME.pub is for others; make a new key if this file has been given away",
        )
    if label == _PUBLIC:
        return SigningError("is a public key, where the private one belongs", "NAME.key of `keygen` signs")
    return SigningError(f"holds a {printable(label, 64)}, not a {wanted}", _KEYGEN)


def _load(content: bytes, load: Any) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return load(content)
    except UnsupportedAlgorithm as error:
        raise SigningError("is of a kind that is not known, not ECDSA on P-256", _KEYGEN) from error
    except (ValueError, TypeError) as error:  # damaged, or a point that is not on the curve
        raise SigningError("is damaged: it is no key", _KEYGEN) from error


def _check_curve(name: str) -> None:
    if name != _CURVE:
        raise SigningError(f"is on the curve {name}, not on P-256 ({_CURVE})", _KEYGEN)


def _other_kind(key: object) -> SigningError:
    kind = type(key).__name__.removesuffix("PublicKey").removesuffix("PrivateKey").lstrip("_")
    return SigningError(f"is of the kind {kind}, not ECDSA on P-256", _KEYGEN)

"""SSH keys and signatures of the tests, made by hand: also those that no program would write."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NAMESPACE = "waiver@pushpolicy"
ALGORITHMS = {"ed25519": "ssh-ed25519", "ecdsa": "ecdsa-sha2-nistp256", "rsa": "rsa-sha2-512"}


@cache
def key(name: str, kind: str = "ed25519", bits: int = 2048) -> Any:
    """The private key of this name, the same in a whole run."""
    assert name
    if kind == "rsa":
        return rsa.generate_private_key(65537, bits)
    return (
        ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())
    )


def line(private: Any) -> str:
    """Its public key, as in a `.pub` file."""
    return str(private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())


def blob(private: Any) -> bytes:
    """Its public key, in wire form."""
    return base64.b64decode(line(private).split()[1])


def string(content: bytes | str) -> bytes:
    """RFC 4251, section 5."""
    content = content.encode() if isinstance(content, str) else content
    return len(content).to_bytes(4, "big") + content


def mpint(number: int) -> bytes:
    """RFC 4251, section 5."""
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def armored(content: bytes, width: int = 70) -> str:
    """As `ssh-keygen -Y sign` wraps it."""
    text = base64.b64encode(content).decode()
    lines = [text[start : start + width] for start in range(0, len(text), width)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def dearmored(armor: str) -> bytes:
    """What `armored` wraps."""
    return base64.b64decode("".join(armor.splitlines()[1:-1]))


def signed(private: Any, content: bytes, **changes: Any) -> str:
    """A signature of these bytes, with parts of it as they should not be.

    Args:
        private: what signs.
        content: what is signed.
        changes: magic, version, public (the wire form), namespace, reserved, hash, algorithm, raw (what the
            key's own signature becomes), after (what follows).
    """
    name = changes.get("hash", "sha512")
    digest = hashlib.new(name if name in hashlib.algorithms_available else "sha512", content).digest()
    middle = b"".join(
        string(part) for part in (changes.get("namespace", NAMESPACE), changes.get("reserved", b""), name)
    )
    algorithm = changes.get("algorithm", ALGORITHMS[_kind(private)])
    raw = changes.get("raw", lambda made: made)(
        _made(private, b"SSHSIG" + middle + string(digest), algorithm)
    )
    return armored(
        changes.get("magic", b"SSHSIG")
        + changes.get("version", 1).to_bytes(4, "big")
        + string(changes.get("public", blob(private)))
        + middle
        + string(string(algorithm) + string(raw) + changes.get("within", b""))
        + changes.get("after", b"")
    )


def _kind(private: Any) -> str:
    kinds = {
        ed25519.Ed25519PrivateKey: "ed25519",
        ec.EllipticCurvePrivateKey: "ecdsa",
        rsa.RSAPrivateKey: "rsa",
    }
    return next(name for kind, name in kinds.items() if isinstance(private, kind))


def _made(private: Any, content: bytes, algorithm: str) -> bytes:
    if _kind(private) == "ed25519":
        return bytes(private.sign(content))
    if _kind(private) == "ecdsa":
        first, second = decode_dss_signature(private.sign(content, ec.ECDSA(SHA256())))
        return mpint(first) + mpint(second)
    digest = {"ssh-rsa": SHA1(), "rsa-sha2-256": SHA256()}.get(algorithm, SHA512())
    return bytes(private.sign(content, padding.PKCS1v15(), digest))

"""SSH signatures over messages (OpenSSH, PROTOCOL.sshsig), as `ssh-keygen -Y sign` writes them.

Read here, and strictly: of every form that OpenSSH takes, the one that it writes. `ssh-keygen -Y verify` is
not asked, since it takes patterns for principals, authorities for keys, and any time that it is told.

Three kinds of keys count: ssh-ed25519 (RFC 8709), ecdsa-sha2-nistp256 (RFC 5656) and ssh-rsa of 2048 bits or
more with rsa-sha2-512 (RFC 8332). Certificates, keys of hardware (sk-...) and signatures with SHA-1 do not.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

import msgspec

from pushpolicy.model.expressions import expression
from pushpolicy.model.text import printable
from pushpolicy.signing.keys import SigningError

MAX_ARMOR = 16 * 1024
MIN_BITS, MAX_BITS = 2048, 8192
_MAGIC, _VERSION = b"SSHSIG", 1
# The algorithm of the signature, by the kind of key.
_ALGORITHMS = {
    "ssh-ed25519": "ssh-ed25519",
    "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
    "ssh-rsa": "rsa-sha2-512",
}
# How long the one string is that such a key has after its kind, and its curve.
_POINTS = {"ssh-ed25519": 32, "ecdsa-sha2-nistp256": 65}
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_ARMOR = expression(
    r"-----BEGIN SSH SIGNATURE-----\n(?P<body>([A-Za-z0-9+/=]{1,76}\n)+)-----END SSH SIGNATURE-----\n?"
)
_LINE = expression(r"(?P<kind>[a-z0-9@.-]{1,64}) (?P<blob>[A-Za-z0-9+/=]+)( [^\r\n]*)?")
_NEW_KEY = "`ssh-keygen -t ed25519` makes a key that counts"
_SIGN_AGAIN = "let it be signed again, as docs/quorum.md says"


class SshKey(msgspec.Struct, frozen=True):
    """A public key, as SSH writes it.

    Attributes:
        kind: ssh-ed25519, ecdsa-sha2-nistp256 or ssh-rsa.
        blob: its wire form (RFC 4253 section 6.6), of which there is one for each key.
    """

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` shows it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode()
        return f"SHA256:{digest.rstrip('=')}"


class SshSignature(msgspec.Struct, frozen=True, kw_only=True):
    """A signature that was not verified yet.

    Attributes:
        key: the key that it says made it.
        namespace: what it was made for.
        hash: sha256 or sha512, of the message.
        raw: the signature itself, in its key's form.
    """

    key: SshKey
    namespace: str
    hash: str
    raw: bytes

    def verifies(self, content: bytes) -> bool:
        """Whether it is its key's signature of these bytes, in its namespace."""
        digest = _HASHES[self.hash](content).digest()
        parts = (self.namespace.encode(), b"", self.hash.encode(), digest)
        return _is_made(self.key, self.raw, _MAGIC + b"".join(map(_string, parts)))


def read_key(line: str) -> SshKey:
    """The key of one line, as a `.pub` file holds it: kind, base64, and perhaps a comment.

    Raises:
        SigningError: when it is anything else, or a key that does not count.
    """
    parts = _LINE.fullmatch(line.strip())
    try:
        blob = _base64(parts["blob"]) if parts else b""
    except SigningError:
        blob = b""
    if parts is None or not blob:
        raise SigningError("is not one public key of SSH", "write what NAME.pub holds: ssh-ed25519 AAAA...")
    key = _key(blob)
    if parts["kind"] != key.kind:
        raise SigningError(f"says {parts['kind']} and holds a key of the kind {key.kind}", _NEW_KEY)
    _loaded(key)
    return key


def read_signature(armor: str) -> SshSignature:
    """What `ssh-keygen -Y sign` writes, one signature and nothing beside it.

    Raises:
        SigningError: when it is anything else, or was made in a way that does not count.
    """
    if len(armor) > MAX_ARMOR:
        raise SigningError(f"is larger than {MAX_ARMOR} bytes: no signature", _SIGN_AGAIN)
    if armor.count("-----BEGIN") > 1:
        raise SigningError("holds more than one signature", "one approval, one signature")
    parts = _ARMOR.fullmatch(armor)
    if parts is None:
        raise SigningError("is not an SSH signature as ssh-keygen writes it", _SIGN_AGAIN)
    reader = _Reader(_base64(parts["body"].replace("\n", "")))
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise SigningError("does not begin with SSHSIG", _SIGN_AGAIN)
    if (version := reader.number()) != _VERSION:
        raise SigningError(f"is of version {version}, not {_VERSION}", _SIGN_AGAIN)
    key = _key(reader.string())
    namespace, reserved, name = reader.text(), reader.string(), reader.text()
    signature = _Reader(reader.string())
    reader.end()
    if reserved:
        raise SigningError("uses what its format reserves", _SIGN_AGAIN)
    if name not in _HASHES:
        raise SigningError(
            f"is over a hash of the kind {printable(name, 40)}, not sha256 or sha512", _SIGN_AGAIN
        )
    algorithm, raw = signature.text(), signature.string()
    signature.end()
    if algorithm != (wanted := _ALGORITHMS[key.kind]):
        raise SigningError(f"was made with {printable(algorithm, 40)}, not with {wanted}", _SIGN_AGAIN)
    return SshSignature(key=key, namespace=namespace, hash=name, raw=raw)


class _Reader:
    """Reads the types of RFC 4251 section 5, each in its one form."""

    def __init__(self, content: bytes) -> None:
        self._rest = content

    def take(self, size: int) -> bytes:
        if size > len(self._rest):
            raise SigningError("is cut short", _SIGN_AGAIN)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def number(self) -> int:
        return int.from_bytes(self.take(4))

    def string(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        try:
            return self.string().decode("ascii")
        except UnicodeDecodeError as error:
            raise SigningError("holds a name that is not ASCII", _SIGN_AGAIN) from error

    def positive(self) -> int:
        """An mpint above zero, without a byte more than it needs."""
        content = self.string()
        if not content or content[0] >= 0x80 or not any(content):
            raise SigningError("holds a number that is not positive", _SIGN_AGAIN)
        if content[0] == 0 and content[1] < 0x80:
            raise SigningError("holds a number that is longer than it has to be", _SIGN_AGAIN)
        return int.from_bytes(content)

    def end(self) -> None:
        if self._rest:
            raise SigningError(f"has {len(self._rest)} bytes more than belong to it", _SIGN_AGAIN)


def _string(content: bytes) -> bytes:
    return len(content).to_bytes(4) + content


def _base64(text: str) -> bytes:
    """Of all texts that decode to the same bytes only the one that is written for them."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SigningError("is not base64", _SIGN_AGAIN) from error
    if base64.b64encode(content).decode() != text:
        raise SigningError("is not base64 in its one form", _SIGN_AGAIN)
    return content


def _key(blob: bytes) -> SshKey:
    """A key that counts, of its wire form.

    Raises:
        SigningError: when it is none, or of a kind or size that does not count.
    """
    reader = _Reader(blob)
    kind = reader.text()
    if "-cert-v0" in kind:
        raise SigningError(f"is of a certificate ({printable(kind, 64)}): only listed keys count", _NEW_KEY)
    if kind.startswith("sk-"):
        raise SigningError(f"is of a hardware key ({printable(kind, 64)}), which is not supported", _NEW_KEY)
    if kind not in _ALGORITHMS:
        kinds = ", ".join(_ALGORITHMS)
        raise SigningError(f"is of a key of the kind {printable(kind, 64)}, not one of {kinds}", _NEW_KEY)
    if kind == "ssh-rsa":
        _check_modulus(reader)
    elif kind == "ecdsa-sha2-nistp256" and reader.text() != "nistp256":
        raise SigningError("is of a key on another curve than it says", _NEW_KEY)
    elif len(reader.string()) != _POINTS[kind]:
        raise SigningError("is of a key of another length than its kind has", _NEW_KEY)
    reader.end()
    return SshKey(kind, blob)


def _check_modulus(reader: _Reader) -> None:
    reader.positive()  # the exponent
    bits = reader.positive().bit_length()
    if not MIN_BITS <= bits <= MAX_BITS:
        raise SigningError(f"is of an RSA key of {bits} bits, not {MIN_BITS} to {MAX_BITS}", _NEW_KEY)


def _is_made(key: SshKey, raw: bytes, content: bytes) -> bool:
    """Whether these bytes were signed by this key.

    Raises:
        SigningError: when the key is no point of its curve, or the signature has another form.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256, SHA512

    public = _loaded(key)
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(raw, content)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            reader = _Reader(raw)
            pair = encode_dss_signature(reader.positive(), reader.positive())
            reader.end()
            public.verify(pair, content, ec.ECDSA(SHA256()))
        elif isinstance(public, rsa.RSAPublicKey):
            public.verify(raw, content, padding.PKCS1v15(), SHA512())
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _loaded(key: SshKey) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        return load_ssh_public_key(f"{key.kind} {base64.b64encode(key.blob).decode()}".encode())
    except (ValueError, UnsupportedAlgorithm) as error:  # a point that is not on the curve
        raise SigningError("is of a damaged key", _NEW_KEY) from error

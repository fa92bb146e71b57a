"""Private keys under a passphrase, as cosign writes them: scrypt and NaCl's secretbox, in JSON, in PEM.

Source: go-securesystemslib, encrypted/encrypted.go; the labels are cosign's (pkg/cosign/keys.go). PyNaCl is
imported where it is used: most keys are in no such file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from pushpolicy.model import strict_json
from pushpolicy.model.text import printable
from pushpolicy.signing.keys import PASSPHRASE_VARIABLE, SigningError

if TYPE_CHECKING:
    from nacl.secret import SecretBox

# N, r, p: what cosign takes, and so no file can ask for more than these 128 MiB and their time.
_COSTS = ((2**15, 8, 1), (2**16, 8, 1), (2**17, 8, 1))
_WRITTEN = _COSTS[1]  # what cosign writes
_KEY, _SALT, _NONCE = 32, 32, 24
_MEMORY = 160 * 1024 * 1024
_COLUMNS = 64
_OTHER = "`cosign import-key-pair` writes one, `pushpolicy keygen NAME --encrypted` a new one"


class _Parameters(msgspec.Struct, forbid_unknown_fields=True):
    N: int
    r: int
    p: int


class _Scrypt(msgspec.Struct, forbid_unknown_fields=True):
    name: Literal["scrypt"]
    params: _Parameters
    salt: Annotated[bytes, msgspec.Meta(min_length=16, max_length=64)]


class _Secretbox(msgspec.Struct, forbid_unknown_fields=True):
    name: Literal["nacl/secretbox"]
    nonce: Annotated[bytes, msgspec.Meta(min_length=_NONCE, max_length=_NONCE)]


class _Sealed(msgspec.Struct, forbid_unknown_fields=True):
    kdf: _Scrypt
    cipher: _Secretbox
    ciphertext: bytes


def unseal(pem: bytes, passphrase: bytes | None) -> bytes:
    """The key (PKCS #8 in DER) in a PEM block.

    Raises:
        SigningError: when it is damaged or of another form, or the passphrase is absent or another one.
    """
    sealed = _read(pem)
    if passphrase is None:
        raise SigningError(
            "is encrypted, and there is no passphrase",
            f"set {PASSPHRASE_VARIABLE} from the CI's secret store",
        )
    parameters = sealed.kdf.params
    costs = (parameters.N, parameters.r, parameters.p)
    if costs not in _COSTS:
        raise SigningError("asks for parameters of scrypt that cosign never does", _OTHER)
    box = _box(passphrase, sealed.kdf.salt, costs)
    from nacl.exceptions import CryptoError

    try:
        return box.decrypt(sealed.ciphertext, sealed.cipher.nonce)
    except CryptoError as error:
        hint = f"give the passphrase of this key in {PASSPHRASE_VARIABLE}"
        if not passphrase:
            hint += ", which is empty"
        elif passphrase.endswith(b"\n"):
            hint += ", which ends with a line break"
        raise SigningError("is not opened by this passphrase, or is damaged", hint) from error


def seal(label: str, der: bytes, passphrase: bytes) -> bytes:
    """A PEM block with this key, as cosign writes it.

    Raises:
        SigningError: without PyNaCl.
    """
    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    sealed = _Sealed(
        kdf=_Scrypt(name="scrypt", params=_Parameters(*_WRITTEN), salt=salt),
        cipher=_Secretbox(name="nacl/secretbox", nonce=nonce),
        ciphertext=_box(passphrase, salt, _WRITTEN).encrypt(der, nonce).ciphertext,
    )
    text = base64.b64encode(msgspec.json.encode(sealed)).decode()
    lines = [text[at : at + _COLUMNS] for at in range(0, len(text), _COLUMNS)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def _read(pem: bytes) -> _Sealed:
    try:
        body = base64.b64decode(b"".join(pem.strip().splitlines()[1:-1]), validate=True)
        return msgspec.convert(strict_json.read(body), _Sealed)
    except (binascii.Error, ValueError) as error:  # msgspec's own is a ValueError
        why = printable(str(error), 120)
        raise SigningError(f"is damaged, or not in cosign's format: {why}", _OTHER) from error


def _box(passphrase: bytes, salt: bytes, costs: tuple[int, int, int]) -> SecretBox:
    try:
        from nacl.secret import SecretBox
    except ImportError as error:
        raise SigningError(
            "needs the Python module PyNaCl, for cosign's encrypted format",
            "pip install 'pushpolicy[cosign]'",
        ) from error
    n, r, p = costs
    return SecretBox(hashlib.scrypt(passphrase, salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=_KEY))

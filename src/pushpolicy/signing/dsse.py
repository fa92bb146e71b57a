"""Signed envelopes: DSSE v1.0.2 (secure-systems-lab/dsse, envelope.md and protocol.md), with one signature.

A key is found by trying those that are trusted, so an envelope names none: cosign and go-securesystemslib
skip a signature whose `keyid` they would compute otherwise.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from pushpolicy.model import canonical, strict_json
from pushpolicy.model.expressions import expression
from pushpolicy.model.strict_json import Shape
from pushpolicy.model.text import printable
from pushpolicy.signing.keys import PublicKey, Signer, SigningError

MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"
MAX_ENVELOPE = 16 * 1024 * 1024
_SIGNATURE_SHAPE = Shape(dict.fromkeys(("keyid", "sig")))
SHAPE = Shape({"payload": None, "payloadType": None, "signatures": _SIGNATURE_SHAPE})
_TYPE = expression(r"[!-~]{1,255}")


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What was signed, and by a signature that was not verified yet.

    Attributes:
        payload: the very bytes that the signature is about; they are parsed, and no others.
        payload_type: what they are, as a media type; the signature is about it, too.
    """

    payload: bytes
    payload_type: str
    signature: bytes

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether the signature is this key's."""
        return key.verifies(self.signature, pae(self.payload_type, self.payload))


def pae(payload_type: str, payload: bytes) -> bytes:
    """What is signed (protocol.md, "Pre-Authentication Encoding"); lengths are in bytes."""
    name = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def sign(payload_type: str, payload: bytes, key: Signer) -> bytes:
    """An envelope, in canonical JSON; its signature was verified.

    Raises:
        SigningError: when the signer gave none, or one that is not its key's.
    """
    content = pae(payload_type, payload)
    signature = key.sign(content)
    if not key.public.verifies(signature, content):
        raise SigningError("gave a signature that its own public key does not verify")
    return canonical.encode(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": payload_type,
            "signatures": [{"sig": base64.b64encode(signature).decode()}],
        }
    )


def read_envelope(content: bytes) -> Envelope:
    """Read an envelope strictly; nothing is verified.

    Raises:
        SigningError: when there are two ways to read it, or it holds anything but one signature.
    """
    if len(content) > MAX_ENVELOPE:
        raise SigningError(f"is larger than {MAX_ENVELOPE} bytes")
    try:
        value = strict_json.read(content, SHAPE)
    except ValueError as error:
        raise SigningError(printable(str(error), 300)) from error
    return envelope_of(value)


def envelope_of(value: Any) -> Envelope:
    """The envelope in a document that was read strictly with `SHAPE` where it stands.

    Raises:
        SigningError: as `read_envelope`.
    """
    if not isinstance(value, dict) or value.keys() != SHAPE.fields.keys():
        raise SigningError("is no envelope: it has payload, payloadType and signatures, and nothing else")
    kind, signatures = value["payloadType"], value["signatures"]
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise SigningError("has a payloadType that is no media type")
    if not isinstance(signatures, list) or len(signatures) != 1:
        found = len(signatures) if isinstance(signatures, list) else "no list of"
        raise SigningError(f"has {found} signatures, where exactly one belongs")
    return Envelope(
        payload=_base64(value["payload"], "payload"),
        payload_type=kind,
        signature=_base64(_signature(signatures[0]), "signature"),
    )


def _signature(value: Any) -> Any:
    if (
        not isinstance(value, dict)
        or "sig" not in value
        or not value.keys() <= _SIGNATURE_SHAPE.fields.keys()
    ):
        raise SigningError("has a signature of another form: it has sig, and nothing else")
    if value.get("keyid", "") != "":  # that of go-securesystemslib, which cosign uses, is empty
        raise SigningError("names a key (keyid), which nothing vouches for")
    return value["sig"]


def _base64(value: Any, name: str) -> bytes:
    """Standard alphabet, with padding, and the only text for these bytes (RFC 4648 section 3.5)."""
    try:
        content = base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except (binascii.Error, ValueError):
        content = None
    if not content or base64.b64encode(content).decode() != value:
        raise SigningError(f"has a {name} that is not in standard base64")
    return content

"""Sigstore bundles v0.3 around one envelope, as cosign keeps them (protobuf-specs, sigstore_bundle.proto).

Only the envelope counts: a key is found by trying those that are trusted, so what a bundle says of its key,
and what a transparency log says of it, is not believed.
"""

from __future__ import annotations

from pushpolicy.model import canonical, strict_json
from pushpolicy.model.strict_json import Shape
from pushpolicy.model.text import printable
from pushpolicy.signing import dsse
from pushpolicy.signing.dsse import Envelope
from pushpolicy.signing.keys import PublicKey, SigningError

TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
# cosign's, of a referrer's manifest (BUNDLE_SPEC.md).
CONTENT, PREDICATE = "dev.sigstore.bundle.content", "dev.sigstore.bundle.predicateType"
DSSE_CONTENT = "dsse-envelope"
# The other spelling of the same version (sigstore_bundle.proto, "media_type").
_TYPES = (TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.3")
_SHAPE = Shape(
    {"mediaType": None, "verificationMaterial": None, "dsseEnvelope": dsse.SHAPE, "messageSignature": None}
)


def write(envelope: bytes, public: PublicKey) -> bytes:
    """A bundle that `cosign verify-attestation --key` verifies offline.

    Args:
        envelope: as `dsse.sign` writes it.
        public: the key that verifies it.
    """
    material = {"publicKey": {"hint": public.hint}, "tlogEntries": []}
    # The envelope is canonical JSON as it is, and its name is the first of the three.
    rest = canonical.encode({"mediaType": TYPE, "verificationMaterial": material})
    return b'{"dsseEnvelope":%b,%b' % (envelope, rest.removeprefix(b"{"))


def read(content: bytes) -> Envelope:
    """The envelope of a bundle; nothing is verified.

    Raises:
        SigningError: when it is no bundle of this version, holds no envelope, or can be read in two ways.
    """
    if len(content) > dsse.MAX_ENVELOPE:
        raise SigningError(f"is larger than {dsse.MAX_ENVELOPE} bytes")
    try:
        value = strict_json.read(content, _SHAPE)
    except ValueError as error:
        raise SigningError(printable(str(error), 300)) from error
    if not isinstance(value, dict) or value.get("mediaType") not in _TYPES:
        raise SigningError("is no Sigstore bundle v0.3")
    if value.keys() != {"mediaType", "verificationMaterial", "dsseEnvelope"}:
        raise SigningError("is a bundle that holds more or less than an envelope and what it is verified by")
    return dsse.envelope_of(value["dsseEnvelope"])

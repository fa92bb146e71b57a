"""What the layers of a referrer state: in-toto statements, plain, in an envelope (DSSE) or a Sigstore bundle.

Sources: in-toto attestation framework v1; DSSE protocol.md; sigstore protobuf-specs, sigstore_bundle.proto.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from pushpolicy.images.store import Store
from pushpolicy.model import strict_json
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.statement import STATEMENT_SHAPE
from pushpolicy.model.strict_json import Shape

# By how the types of such layers begin; readers go by them.
STATEMENTS = (
    "application/vnd.dev.sigstore.bundle",
    "application/vnd.dsse.envelope",
    "application/vnd.in-toto",
)
# As for the attestations of an index (`facts`).
_MAX_SIZE = 128 * 1024 * 1024
# ProtoJSON takes a field under its name in the .proto file, too.
_ENVELOPES = ("dsseEnvelope", "dsse_envelope")
_PREDICATES = ("predicateType", "predicate_type")
_SHAPE = Shape(
    {**dict.fromkeys((*_ENVELOPES, "payload", *_PREDICATES)), **STATEMENT_SHAPE.fields, "subject": None}
)


def predicate_types(store: Store, manifest: Manifest) -> Iterator[str]:
    """The predicate type of each layer that is a statement and is there.

    Raises:
        ValueError: when one is too large, or not readable in one way only.
    """
    for layer in manifest.layers:
        if layer.media_type.lower().startswith(STATEMENTS) and store.size(layer) == layer.size:
            if layer.size > _MAX_SIZE:
                raise ValueError(f"{layer.digest} has {layer.size} bytes")
            yield from _stated(store.blob(layer))


def _stated(content: bytes) -> Iterator[str]:
    fields = strict_json.outline(content, _SHAPE)
    for name in _ENVELOPES:
        if name in fields:
            yield from _stated(fields[name])
    if "payload" in fields:
        yield from _stated(_decoded(strict_json.read(fields["payload"])))
    yield from (str(strict_json.read(fields[name])) for name in _PREDICATES if name in fields)


def _decoded(payload: object) -> bytes:
    """Base64 of either alphabet, padded or not, as ProtoJSON takes it."""
    text = str(payload).translate(str.maketrans("-_", "+/", "\r\n")).rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)

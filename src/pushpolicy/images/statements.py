"""What the layers of a referrer state: in-toto statements, plain, in an envelope (DSSE) or a Sigstore bundle.

Sources: in-toto attestation framework v1; DSSE protocol.md; sigstore protobuf-specs, sigstore_bundle.proto.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping

import msgspec

from pushpolicy.images.store import Store
from pushpolicy.model import strict_json
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.statement import STATEMENT_SHAPE, STATEMENT_TYPE
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


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement says, and of what; the content is the statement alone, without what it came in."""

    predicate_type: str
    subjects: tuple[Mapping[str, str], ...]
    content: bytes

    def is_about(self, digest: Digest) -> bool:
        """Whether one of its subjects is the manifest of this digest."""
        return any(subject.get(digest.algorithm) == digest.hex for subject in self.subjects)


def said(content: bytes) -> Said:
    """Read the one statement that is here: plain, in an envelope, or in a bundle; no signature is looked at.

    Raises:
        ValueError: when there is none, or it is not readable in one way only.
    """
    for name in (*_ENVELOPES, "payload"):
        fields = strict_json.outline(content, _SHAPE)
        if name in fields:
            content = _decoded(strict_json.read(fields[name])) if name == "payload" else fields[name]
    fields = strict_json.outline(content, STATEMENT_SHAPE)
    if missing := [name for name in ("_type", "predicateType", "subject") if name not in fields]:
        raise ValueError(f"is no in-toto statement: it has no {missing[0]}")
    kind, predicate_type, subjects = (
        strict_json.read(fields[name]) for name in ("_type", "predicateType", "subject")
    )
    if (
        not isinstance(kind, str)
        or not kind.startswith(STATEMENT_TYPE)
        or not isinstance(predicate_type, str)
    ):
        raise ValueError("is no in-toto statement")
    try:
        named = msgspec.convert(subjects, tuple[_Subject, ...])
    except msgspec.ValidationError as error:
        raise ValueError(f"is no in-toto statement: its subject: {error}") from error
    digests = tuple(subject.digest for subject in named)
    return Said(predicate_type=predicate_type, subjects=digests, content=content)


class _Subject(msgspec.Struct, frozen=True):
    digest: Mapping[str, str] = {}


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

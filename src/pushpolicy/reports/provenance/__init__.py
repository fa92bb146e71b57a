"""How the image was built, and from what, as in-toto attestations say it.

Here are the statements, plain or as they travel: in a DSSE envelope, a Sigstore bundle, or JSON Lines of
these. Signatures are not verified, since no key is given; only that there is one is recorded.
Sources: in-toto attestation v0.1 and v1 (statement.md), DSSE 1.0.2 (envelope.md), Sigstore bundle v0.1-0.3.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator

import msgspec

from pushpolicy.model import strict_json
from pushpolicy.model.statement import STATEMENT_SHAPE, STATEMENT_TYPE
from pushpolicy.model.strict_json import Shape
from pushpolicy.model.text import printable
from pushpolicy.reports.format import Identity, ReportError
from pushpolicy.reports.parsing import jsondoc

PAYLOAD = "application/vnd.in-toto"
_ABSENT = msgspec.Raw()
_STANDARD_ALPHABET = str.maketrans("-_", "+/")
_ENVELOPE_SHAPE = Shape(dict.fromkeys(("payload", "payloadType", "signatures")))
_BUNDLE_SHAPE = Shape(
    dict.fromkeys(("mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature"))
)


class _Subject(msgspec.Struct, gc=False):
    name: str | None = None
    digest: dict[str, str] | None = None


class _Statement(msgspec.Struct, rename="camel", gc=False):
    type: str = msgspec.field(name="_type")
    predicate_type: str
    subject: list[_Subject] | None = None
    predicate: msgspec.Raw = msgspec.Raw(b"{}")


class _Envelope(msgspec.Struct, rename="camel", gc=False):
    payload: str
    payload_type: str
    signatures: list[msgspec.Raw] | None = None


class _Carrier(msgspec.Struct, rename="camel", gc=False):
    """Any of the three forms, told apart by the key that only it has."""

    type: str | None = msgspec.field(name="_type", default=None)
    payload: msgspec.Raw = _ABSENT
    dsse_envelope: msgspec.Raw = _ABSENT


class Attested(msgspec.Struct, frozen=True, kw_only=True):
    """One statement.

    Attributes:
        subject: the digests of what it is about.
        predicate: the undecoded JSON of what it says.
        signed: whether a signature came with it; it was not verified.
    """

    predicate_type: str
    predicate: bytes
    subject: Identity
    signed: bool


def statements(content: bytes) -> Iterator[Attested]:
    """Every statement of a file.

    Args:
        content: UTF-8.

    Raises:
        ReportError: when one is malformed.
    """
    text = content.lstrip()
    documents = text.splitlines() if jsondoc.is_lines(text) else [text]
    for document in documents:
        if document.strip():
            yield _unwrap(document)


def statement(content: bytes, *, signed: bool = False) -> Attested:
    """A plain statement.

    Raises:
        ReportError: when it is malformed.
    """
    _strict(content, STATEMENT_SHAPE)
    found = jsondoc.decode_value(content, _Statement)
    if not found.type.startswith(STATEMENT_TYPE):
        raise ReportError(f"its _type is {printable(repr(found.type), 80)}, not {STATEMENT_TYPE}...")
    digests = [
        f"sha256:{digest['sha256']}"
        for digest in (subject.digest or {} for subject in found.subject or ())
        if "sha256" in digest
    ]
    names = [subject.name for subject in found.subject or () if subject.name]
    return Attested(
        predicate_type=found.predicate_type,
        predicate=memoryview(found.predicate).tobytes(),
        subject=Identity(name=names[0] if names else None, digests=tuple(dict.fromkeys(digests))),
        signed=signed,
    )


def _strict(content: bytes, shape: Shape) -> None:
    """See that every verifier reads this as it is read here."""
    try:
        strict_json.outline(content, shape)
    except ValueError as error:
        raise ReportError(f"it {printable(str(error), 400)}") from error


def _unwrap(content: bytes) -> Attested:
    carrier = jsondoc.decode_value(content, _Carrier)
    if len(memoryview(carrier.dsse_envelope)):
        _strict(content, _BUNDLE_SHAPE)
    enclosed = memoryview(carrier.dsse_envelope).tobytes()
    if enclosed or len(memoryview(carrier.payload)):
        return _open(enclosed or content)
    return statement(content)


def _open(content: bytes) -> Attested:
    _strict(content, _ENVELOPE_SHAPE)
    envelope = jsondoc.decode_value(content, _Envelope)
    if not envelope.payload_type.startswith(PAYLOAD):
        raise ReportError(
            f"its payloadType is {printable(repr(envelope.payload_type), 80)}, not {PAYLOAD}+json"
        )
    try:
        # DSSE allows both alphabets of base64.
        payload = binascii.a2b_base64(envelope.payload.translate(_STANDARD_ALPHABET), strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise ReportError("its payload is not base64") from error
    return statement(jsondoc.utf8(payload), signed=bool(envelope.signatures))

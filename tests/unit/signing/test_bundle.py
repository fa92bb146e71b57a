from __future__ import annotations

import json
from typing import Any

import pytest

from pushpolicy.model import canonical
from pushpolicy.signing import bundle
from pushpolicy.signing.dsse import read_envelope, sign
from pushpolicy.signing.keys import SigningError
from tests.keys import key

TYPE = "application/vnd.in-toto+json"
ENVELOPE = sign(TYPE, b'{"a":1}', key())
BUNDLE = bundle.write(ENVELOPE, key().public)
VALUE: dict[str, Any] = json.loads(BUNDLE)


def without(name: str) -> bytes:
    return json.dumps({each: value for each, value in VALUE.items() if each != name}).encode()


def with_(**fields: Any) -> bytes:
    return json.dumps({**VALUE, **fields}).encode()


WRONG = {
    "no JSON": (b"{", "is not JSON"),
    "a list": (b"[]", "is no Sigstore bundle v0.3"),
    "an envelope alone": (ENVELOPE, "is no Sigstore bundle v0.3"),
    "an older version": (
        with_(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2"),
        "is no Sigstore bundle v0.3",
    ),
    "nothing to verify by": (without("verificationMaterial"), "more or less"),
    "no envelope": (without("dsseEnvelope"), "more or less"),
    "a signature beside it": (with_(messageSignature={}), "more or less"),
    "a field of nobody": (with_(more=1), "more or less"),
    "an envelope twice": (BUNDLE.replace(b"{", b'{"dsseEnvelope":{},', 1), "dsseEnvelope"),
    "an envelope in other case": (BUNDLE.replace(b"{", b'{"DSSEEnvelope":{},', 1), "DSSEEnvelope"),
    "a payload in other case": (BUNDLE.replace(b'"payload":', b'"Payload":'), "Payload"),
    "two signatures": (
        with_(dsseEnvelope={**VALUE["dsseEnvelope"], "signatures": [{"sig": "AA=="}] * 2}),
        "has 2 signatures",
    ),
    "an envelope that is none": (with_(dsseEnvelope="x"), "is no envelope"),
    "too large": (b" " * (16 * 1024 * 1024) + BUNDLE, "is larger than"),
}


def test_what_is_written_is_read() -> None:
    assert bundle.read(BUNDLE) == read_envelope(ENVELOPE)
    assert bundle.read(BUNDLE).is_signed_by(key().public)


def test_what_others_say_of_the_key_is_not_believed() -> None:
    material = {"publicKey": {"hint": key("other").public.hint}, "tlogEntries": [{"logIndex": "1"}]}
    assert bundle.read(with_(verificationMaterial=material)) == read_envelope(ENVELOPE)


def test_the_hint_is_that_of_cosign() -> None:
    """base64 of the SHA-256 of the key's DER, as cosign writes it: 44 characters."""
    hint = VALUE["verificationMaterial"]["publicKey"]["hint"]
    assert hint == key().public.hint
    assert len(hint) == 44


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_each_wrong_bundle_is_refused_for_its_reason(case: str) -> None:
    content, why = WRONG[case]
    with pytest.raises(SigningError, match=why):
        bundle.read(content)


def test_it_is_canonical_json() -> None:
    assert canonical.encode(VALUE) == BUNDLE

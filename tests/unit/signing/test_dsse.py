from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.signing.dsse import Envelope, pae, read_envelope, sign
from pushpolicy.signing.keys import SigningError
from tests.keys import key

TYPE = "application/vnd.pushpolicy.policy+json"
PAYLOAD = b'{"name":"platform"}'
ENVELOPE = sign(TYPE, PAYLOAD, key())
VALUE: dict[str, Any] = json.loads(ENVELOPE)
SIG = VALUE["signatures"][0]["sig"]


def changed(**fields: Any) -> bytes:
    return json.dumps({**VALUE, **fields}).encode()


def signatures(*items: Any) -> bytes:
    return changed(signatures=list(items))


WRONG = {
    "cut": (ENVELOPE[:-1], "is not JSON"),
    "trailing bytes": (ENVELOPE + b"{}", "is not JSON"),
    "byte order mark": (b"\xef\xbb\xbf" + ENVELOPE, "byte order mark"),
    "doubled payload": (ENVELOPE.replace(b'{"payload"', b'{"payload":"e30=","payload"'), "occurs twice"),
    "doubled signature": (ENVELOPE.replace(b'"sig":', b'"sig":"AAAA","sig":'), "occurs twice"),
    "other case": (ENVELOPE.replace(b'"payload":', b'"Payload":'), "ignore case"),
    "other case beside it": (ENVELOPE.replace(b'{"payload"', b'{"PAYLOAD":"e30=","payload"'), "ignore case"),
    "further field": (changed(more=1), "nothing else"),
    "no type": (json.dumps({k: v for k, v in VALUE.items() if k != "payloadType"}).encode(), "nothing else"),
    "a list": (b"[]", "no envelope"),
    "type is no text": (changed(payloadType=1), "no media type"),
    "type with a space": (changed(payloadType="a b"), "no media type"),
    "no signature": (signatures(), "0 signatures"),
    "two signatures": (signatures({"sig": SIG}, {"sig": SIG}), "2 signatures"),
    "signatures are an object": (changed(signatures={"sig": SIG}), "no list of signatures"),
    "signature is a text": (signatures(SIG), "another form"),
    "signature with a certificate": (signatures({"sig": SIG, "cert": "x"}), "another form"),
    "keyid": (signatures({"sig": SIG, "keyid": "ci"}), "keyid"),
    "keyid is null": (signatures({"sig": SIG, "keyid": None}), "keyid"),
    "url-safe base64": (changed(payload=base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode()), "base64"),
    "no padding": (changed(payload="e3s"), "base64"),
    "base64 with a line break": (changed(payload="e3\ns="), "base64"),
    "base64 with bits left over": (changed(payload="e31="), "base64"),
    "base64 after its end": (changed(payload="e30=e30="), "base64"),
    "payload is no text": (changed(payload={}), "base64"),
    "payload is not ASCII": (changed(payload="é"), "base64"),
    "empty payload": (changed(payload=""), "base64"),
    "signature is no base64": (signatures({"sig": "***"}), "base64"),
    "too deep": (b"[" * 100 + b"]" * 100, "nested"),
    "too large": (b" " * (16 * 1024 * 1024) + ENVELOPE, "larger than"),
}


@pytest.mark.parametrize(("content", "why"), WRONG.values(), ids=WRONG)
def test_there_is_one_way_to_read_it(content: bytes, why: str) -> None:
    with pytest.raises(SigningError, match=why):
        read_envelope(content)


def test_what_is_signed_is_what_is_read() -> None:
    envelope = read_envelope(ENVELOPE)
    assert (envelope.payload, envelope.payload_type) == (PAYLOAD, TYPE)
    assert envelope.is_signed_by(key().public)
    assert not envelope.is_signed_by(key("other").public)
    assert read_envelope(signatures({"sig": SIG, "keyid": ""})) == envelope  # as cosign writes it


def test_what_is_signed_has_its_type_and_lengths() -> None:
    """The example of DSSE's protocol.md."""
    text = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == text
    assert pae("é", b"") == "DSSEv1 2 é 0 ".encode()


@given(st.data())
def test_no_change_of_a_bit_is_signed(data: st.DataObject) -> None:
    """It does not read, is another key's, or says the same: ASN.1 and JSON have no second form here."""
    place, bit = data.draw(st.integers(0, len(ENVELOPE) - 1)), data.draw(st.integers(0, 7))
    content = bytearray(ENVELOPE)
    content[place] ^= 1 << bit
    try:
        read: Envelope | None = read_envelope(bytes(content))
    except SigningError:
        read = None
    assert read is None or not read.is_signed_by(key().public)


def test_a_signature_that_its_own_key_does_not_verify_is_none() -> None:
    class Liar:
        public = key().public

        def sign(self, content: bytes) -> bytes:
            return key().sign(content + b" ")

    with pytest.raises(SigningError, match="does not verify"):
        sign(TYPE, PAYLOAD, Liar())

"""The envelope, the bundle around it and the manifest around that, in the hands of whoever has no key."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from pushpolicy.records import format as names
from pushpolicy.signing.verify import DECISION_STATEMENT
from tests.forgeries.scene import Attack, Bytes, Row, Scene, Value

HOSTILE = "\x1b[2J::error::x\nALLOW oci:x\u202e\u200b\x9b31m##[error]x"


def restated(**said: Any) -> Attack:
    """What is signed about the record is replaced by this."""
    return lambda scene: scene.restate(**said)


def put(**fields: Any) -> Value:
    """Fields of a document."""
    return lambda value: value.update(fields)


def replaced(old: bytes, new: bytes) -> Bytes:
    """Bytes instead of others, which are there."""

    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return change


def _flipped(field: str) -> Value:
    def change(envelope: dict[str, Any]) -> None:
        place = envelope if field == "payload" else envelope["signatures"][0]
        content = bytearray(base64.b64decode(place[field]))
        content[len(content) // 2] ^= 1
        place[field] = base64.b64encode(content).decode()

    return change


def _in_signature(**fields: str) -> Value:
    return lambda envelope: envelope["signatures"][0].update(fields)


def _twice(envelope: dict[str, Any]) -> None:
    envelope["signatures"] *= 2


def _url(envelope: dict[str, Any]) -> None:
    # Three bytes more, whose base64 has the letter that the two alphabets write differently.
    content = base64.b64decode(envelope["payload"]) + b"\xff\xff\xff"
    envelope["payload"] = base64.urlsafe_b64encode(content).decode()


def _padded(envelope: dict[str, Any]) -> None:
    place = envelope["signatures"][0]
    bare = place["sig"].rstrip("=")
    place["sig"] = bare if bare != place["sig"] else f"{bare}=="  # where it needs none, two are too many


def _bytes_gone(scene: Scene) -> None:
    for statement in scene.new[2:]:
        scene.blob(statement.layers[0].digest).unlink()


def _two_layers(manifest: dict[str, Any]) -> None:
    manifest["layers"] *= 2


def _material(text: bytes) -> Bytes:
    """Something in the part of a bundle that nobody signed."""
    return replaced(b'"verificationMaterial":{', b'"verificationMaterial":{"x":' + text + b",")


def flipped(part: str) -> Attack:
    """A bit of a stored blob, whose digest stays."""

    def change(scene: Scene) -> None:
        _, record, *statements = scene.new
        layers = zip(("evidence", "decision", "policy", "report"), record.layers, strict=False)
        digests = {name: [layer.digest] for name, layer in layers}
        digests["record"] = [record.digest]
        digests["statement"] = [each.digest for each in statements]
        digests["bundle"] = [each.layers[0].digest for each in statements]
        for digest in digests[part]:
            scene.flip(digest)

    return change


def _without(*path: str) -> Value:
    def change(value: dict[str, Any]) -> None:
        for name in path[:-1]:
            value = value[name]
        del value[path[-1]]

    return change


def _index(field: str, value: Any, *, of: Callable[[Scene], str]) -> Attack:
    def change(scene: Scene) -> None:
        def lie(index: dict[str, Any]) -> None:
            for each in index["manifests"]:
                if each["digest"] == of(scene):
                    each[field] = value

        scene.index(lie)

    return change


ROWS = {
    "a bit of the statement's manifest": Row(
        attack=flipped("statement"), says="list: the records cannot be read: oci:"
    ),
    "a bit of the stored bundle": Row(
        attack=flipped("bundle"), says="has other content than its digest says"
    ),
    "a bit of the payload": Row(
        attack=restated(envelope=_flipped("payload")), says="is signed by no listed key (ci)"
    ),
    "a bit of the signature": Row(
        attack=restated(envelope=_flipped("sig")), says="is signed by no listed key (ci)"
    ),
    "another payload type than was signed": Row(
        attack=restated(envelope=put(payloadType=DECISION_STATEMENT), apart=True),
        says="is signed by no listed key (ci)",
    ),
    "two signatures": Row(attack=restated(envelope=_twice), says="has 2 signatures, where exactly one"),
    "no signature": Row(
        attack=restated(envelope=put(signatures=[])), says="has 0 signatures, where exactly one"
    ),
    "signatures that are no list": Row(
        attack=restated(envelope=put(signatures={})), says="has no list of signatures"
    ),
    "a signature names a key": Row(
        attack=restated(envelope=_in_signature(keyid="ci")), says="names a key (keyid)"
    ),
    "a signature with a certificate": Row(
        attack=restated(envelope=_in_signature(cert="x")), says="has a signature of another form"
    ),
    "a payload in base64url": Row(
        attack=restated(envelope=_url), says="has a payload that is not in standard base64"
    ),
    "a signature with other padding": Row(
        attack=restated(envelope=_padded), says="has a signature that is not in standard base64"
    ),
    "a payload that is a number": Row(
        attack=restated(envelope=put(payload=7)), says="has a payload that is not in standard base64"
    ),
    "an envelope with a field more": Row(
        attack=restated(envelope=put(more=1)), says="is no envelope: it has payload"
    ),
    "a payload type with a command": Row(
        attack=restated(envelope=put(payloadType=HOSTILE)), says="has a payloadType that is no media type"
    ),
    "a bundle of another version": Row(
        attack=restated(whole=put(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1")),
        says="is no Sigstore bundle v0.3",
    ),
    "a bundle with a signed message beside": Row(
        attack=restated(whole=put(messageSignature={})), says="is a bundle that holds more or less"
    ),
    "a bundle with nothing to verify it by": Row(
        attack=restated(whole=_without("verificationMaterial")), says="is a bundle that holds more or less"
    ),
    "a bundle with an envelope twice": Row(
        attack=restated(content=lambda content: b'{"dsseEnvelope":{},' + content[1:]),
        says="has the key 'dsseEnvelope', which occurs twice",
    ),
    "a bundle with an envelope in other case": Row(
        attack=restated(whole=put(DSSEEnvelope={})), says="'DSSEEnvelope', which is 'dsseEnvelope' to"
    ),
    "a long s in the name of the envelope": Row(
        attack=restated(whole=put(**{"d\u017fseEnvelope": {}})),
        says="'d\u017fseEnvelope', which is 'dsseEnvelope' to",
    ),
    "a Kelvin sign in the name of a key": Row(
        attack=restated(envelope=_in_signature(**{"\u212aeyid": "ci"})), says="'\u212aeyid', which is"
    ),
    "bytes behind a bundle": Row(
        attack=restated(content=lambda content: content + b"{}"), says="is not JSON: Extra data"
    ),
    "a byte order mark": Row(
        attack=restated(content=lambda content: b"\xef\xbb\xbf" + content),
        says="begins with a byte order mark",
    ),
    "a bundle that is not UTF-8": Row(
        attack=restated(content=_material(b'"\xff"')), says="is not JSON: it is not UTF-8"
    ),
    "a bundle with a number that is none": Row(
        attack=restated(content=_material(b"NaN")), says="is not JSON: it holds NaN"
    ),
    "a bundle with a number without end": Row(
        attack=restated(content=_material(b"1e999")), says="holds a number that is too large: 1e999"
    ),
    "a bundle with half of a character": Row(
        attack=restated(content=_material(rb'"\ud800"')), says="holds half of a surrogate pair"
    ),
    "a bundle nested deeply": Row(
        attack=restated(content=_material(b"[" * 100_000 + b"]" * 100_000)), says="nested at most 64 deep"
    ),
    "a statement of half a megabyte": Row(
        attack=restated(content=_material(b'"%b"' % (b"x" * (1 << 19)))), says="over the limit of 262144"
    ),
    "a statement whose bytes are gone": Row(
        attack=_bytes_gone,
        says=" is not there",
    ),
    "two layers": Row(attack=restated(manifest=_two_layers), says="does not have one layer of the type"),
    "a bundle said to be no bundle of ours": Row(
        attack=restated(predicate="https://spdx.dev/Document"), says="is unsigned"
    ),
    "a bundle that is said to be an envelope": Row(
        attack=restated(manifest=put(artifactType=names.STATEMENT_TYPE)),
        says="does not have one layer of the type application/vnd.dsse.envelope.v1+json",
    ),
    "what is no approval, in a bundle": Row(
        attack=restated(kind=DECISION_STATEMENT, apart=False),
        says="is a bundle around application/vnd.pushpolicy.decision+json",
    ),
}

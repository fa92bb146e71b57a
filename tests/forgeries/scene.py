"""A signed repository in the hands of whoever can write to it, or has a key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pushpolicy.model import canonical
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.manifest import EMPTY_CONTENT, EMPTY_TYPE, OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.records import format as names
from pushpolicy.records.read import read_decision
from pushpolicy.records.statement import VERIFIER, VSA_PREDICATE, Named, Statement, statement_of
from pushpolicy.registry.interface import Blob
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.signing import bundle, dsse
from pushpolicy.signing.verify import IN_TOTO
from tests.forgery import Change, assemble, parts_of
from tests.keys import entry, key

TAG = "main"
Bytes = Callable[[bytes], bytes]
Value = Callable[[dict[str, Any]], object]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A copy of a layout that two signed pushes of one tag wrote, each of another image.

    Attributes:
        old: the image that the tag named first, its record, and the statement about each of its tags.
        new: the same of the one that the tag names now.
        denials: the layout that a denial of the new image was recorded in.
        decided: what the new record decided.
    """

    folder: Path
    client: LayoutRepository
    old: tuple[Manifest, ...]
    new: tuple[Manifest, ...]
    denials: Path
    decided: Mapping[str, Any]

    @classmethod
    def of(cls, folder: Path, denials: Path) -> Scene:
        """What lies in a folder."""
        client = LayoutRepository(Repository.parse(f"oci:{folder}"))
        now = client.resolve(TAG)
        assert now
        (before,) = set(client.subjects()) - {now.digest}
        old, new = _all_of(client, before), _all_of(client, now.digest)
        decided = parts_of(client, new[1]).decision
        return cls(folder=folder, client=client, old=old, new=new, denials=denials, decided=decided)

    def name(self, tag: str = TAG) -> str:
        """The reference of a tag."""
        return f"oci:{self.folder}:{tag}"

    def index(self, change: Value) -> None:
        """Change index.json."""
        index = json.loads((self.folder / "index.json").read_text())
        change(index)
        (self.folder / "index.json").write_text(json.dumps(index))

    def remove(self, *manifests: Manifest) -> None:
        """Take manifests out of the layout."""
        gone = {str(each.digest) for each in manifests}

        def without(index: dict[str, Any]) -> None:
            index["manifests"] = [each for each in index["manifests"] if each["digest"] not in gone]

        self.index(without)
        for each in manifests:
            self.blob(each.digest).unlink()

    def blob(self, digest: Digest) -> Path:
        """The file of a blob."""
        return self.folder / "blobs" / digest.algorithm / digest.hex

    def flip(self, digest: Digest) -> None:
        """Change one bit of a blob."""
        content = bytearray(self.blob(digest).read_bytes())
        content[len(content) // 2] ^= 1
        self.blob(digest).write_bytes(content)

    def store(self, manifest: Manifest, *blobs: Blob) -> None:
        """Store what refers to an image."""
        for blob in blobs:
            self.client.put_blob(blob.descriptor, blob.open)
        self.client.put_referrer(manifest)

    def forge(
        self, change: Change, *, instead: bool = True, signer: str | None = "ci", **said: Any
    ) -> Manifest:
        """A record of the image that the tag names, changed and, if that is asked for, signed."""
        _, record, *statements = self.new
        parts = parts_of(self.client, record)
        change(parts)
        manifest, blobs = assemble(parts)
        if instead:
            self.remove(record, *statements)
        self.store(manifest, *blobs)
        if signer:
            self.say(Said(record=manifest, decision=parts.decision, signer=signer, **said))
        return manifest

    def say(self, said: Said) -> None:
        """Attach a statement about the image that the tag names."""
        record = said.record or self.new[1]
        about = Named(record=record.digest, tag=said.tag, verifier=said.verifier, version=said.version)
        try:
            statement = statement_of(read_decision(Document.of(said.decision or self.decided)), about)
        except (ValueError, TypeError, AttributeError):  # nothing can be said about it: the honest one's is
            statement = statement_of(read_decision(Document.of(self.decided)), about)
        assert record.subject
        self.store(*said.artifact(record.subject.to_json(), record.digest, statement))

    def restate(self, **said: Any) -> None:
        """Replace what is signed about the image that the tag names."""
        self.remove(*self.new[2:])
        self.say(Said(**said))


@dataclass(frozen=True, kw_only=True)
class Said:
    """A statement, and what is changed of it on the way from what is said to what is attached.

    Attributes:
        record: what it is about; None for the record of the image that the tag names.
        decision: what that decided; None for the honest one.
        kind: the payload type; None for the one that is due.
        predicate: the predicate type that the manifest states; None for what the statement is.
        statement: changes the document.
        payload: changes its bytes, before they are signed.
        envelope: changes what was signed.
        whole: changes the bundle.
        content: changes the bytes of the layer.
        manifest: changes the manifest of the artifact.
        apart: whether it is attached as what is signed about other decisions, without a bundle; None for
            whatever its payload type asks for.
    """

    record: Manifest | None = None
    decision: Mapping[str, Any] | None = None
    signer: str = "ci"
    tag: str = TAG
    verifier: str = VERIFIER
    version: str = "1"
    kind: str | None = None
    predicate: str | None = None
    statement: Value = field(default=lambda _: None)
    payload: Bytes = field(default=lambda content: content)
    envelope: Value = field(default=lambda _: None)
    whole: Value = field(default=lambda _: None)
    content: Bytes = field(default=lambda content: content)
    manifest: Value = field(default=lambda _: None)
    apart: bool | None = None

    def artifact(self, subject: Any, record: Digest, due: Statement) -> tuple[Manifest, Blob, Blob]:
        """What is attached."""
        value = json.loads(due.payload)
        self.statement(value)
        kind = self.kind or due.payload_type
        signed = dsse.sign(kind, self.payload(canonical.encode(value)), key(self.signer))
        apart = kind != IN_TOTO if self.apart is None else self.apart
        content = self._apart(signed) if apart else self._bundle(signed)
        types = (names.STATEMENT_TYPE, dsse.MEDIA_TYPE) if apart else (bundle.TYPE, bundle.TYPE)
        layer, config = Blob.of(self.content(content), types[1]), Blob.of(EMPTY_CONTENT, EMPTY_TYPE)
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": types[0],
            "config": config.descriptor.to_json(),
            "layers": [layer.descriptor.to_json()],
            "subject": subject,
            "annotations": {
                names.RECORD: str(record),
                **({} if apart else {bundle.PREDICATE: self.predicate or VSA_PREDICATE}),
            },
        }
        self.manifest(manifest)
        return Manifest.parse(canonical.encode(manifest), OCI_MANIFEST), layer, config

    def _apart(self, signed: bytes) -> bytes:
        envelope = json.loads(signed)
        self.envelope(envelope)
        return canonical.encode(envelope)

    def _bundle(self, signed: bytes) -> bytes:
        whole = json.loads(bundle.write(signed, key(self.signer).public))
        self.envelope(whole["dsseEnvelope"])
        self.whole(whole)
        return canonical.encode(whole)


def _all_of(client: LayoutRepository, image: Digest) -> tuple[Manifest, ...]:
    listed = client.referrers(image, names.ARTIFACT_TYPE) + client.referrers(image, bundle.TYPE)
    found = [client.manifest(digest) for digest in (image, *(each.digest for each in listed))]
    assert len(found) == 4
    return tuple(each for each in found if each)


# Does it; what it gives back is asked about instead of the tag.
Attack = Callable[[Scene], object]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One forgery.

    Attributes:
        attack: what is done.
        says: the words by which `audit verify` tells this from everything else.
        keys: those that are listed, and what for; by default, the one that signs.
        tag: the one that is asked about.
        shown: whether the other commands, which look at less, show the record all the same: it is what a
            listed key signed for this place, and what is wrong is what verify alone looks at.
    """

    attack: Attack
    says: str
    keys: Mapping[str, Any] = field(default_factory=lambda: {"ci": entry()})
    tag: str = TAG
    shown: bool = False

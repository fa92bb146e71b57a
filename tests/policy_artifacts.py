"""Policy artifacts as whoever can write to the repository forges them, in an OCI layout."""

from __future__ import annotations

import io
import json
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pushpolicy.evaluate.bundle import tarred
from pushpolicy.evaluate.published.artifact import ARTIFACT_TYPE, BUNDLE_TYPE, PREFIX
from pushpolicy.evaluate.published.statement import SCHEMA
from pushpolicy.model import canonical
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import EMPTY_CONTENT, EMPTY_TYPE, OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry.interface import Blob
from pushpolicy.registry.layout.repository import LayoutRepository
from pushpolicy.signing import dsse
from pushpolicy.signing.verify import POLICY_STATEMENT
from tests.keys import key
from tests.policies import rule

NAME, SEQUENCE, TAG = "platform", 5, "prod"
RULE = "image_small"
TEXT = rule(RULE, 'deny contains {"at": {}, "msg": "too large"} if input.image.size > 1000000000')
FILES = {
    ".manifest": canonical.encode({"rego_version": 1, "roots": [f"pushpolicy/rules/{RULE}", "settings"]}),
    f"rules/{RULE}/{RULE}.rego": TEXT.encode(),
    "settings/data.json": b'{"scan_severity":{"max_critical":0}}',
}


def gzipped(plain: bytes) -> bytes:
    """A tar as it is compressed."""
    return zlib.compress(plain, 9, wbits=31)


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A tar of any members."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return plain.getvalue()


@dataclass
class Forged:
    """What an artifact is made of; each part follows from those before it, unless it is given.

    Attributes:
        files: of the bundle.
        bundle: the archive.
        statement: what is signed; `payload` is its bytes.
        signers: the names of the keys that sign.
        envelope: the signed envelope.
        layers: media type and content of each.
        document: the manifest.
        spoil: changes the folder in the end.
    """

    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    bundle: bytes | None = None
    statement: dict[str, Any] = field(default_factory=dict)
    payload: bytes | None = None
    payload_type: str = POLICY_STATEMENT
    signers: tuple[str, ...] = ("ci",)
    envelope: bytes | None = None
    layers: list[tuple[str, bytes]] | None = None
    document: dict[str, Any] = field(default_factory=dict)
    spoil: Callable[[Path, Manifest], None] = lambda folder, manifest: None

    def finish(self) -> None:
        """Make what was not given."""
        if self.bundle is None:
            self.bundle = gzipped(tarred(self.files))
        said = {"schema": SCHEMA, "name": NAME, "sequence": SEQUENCE, "bundle": str(Digest.of(self.bundle))}
        said |= self.statement
        if self.payload is None:
            self.payload = canonical.encode(said)
        if self.envelope is None:
            made = [
                json.loads(dsse.sign(self.payload_type, self.payload, key(name))) for name in self.signers
            ]
            signatures = [each["signatures"][0] for each in made]
            self.envelope = canonical.encode({**made[0], "signatures": signatures})
        if self.layers is None:
            self.layers = [(BUNDLE_TYPE, self.bundle), (dsse.MEDIA_TYPE, self.envelope)]
        shown = {
            f"{PREFIX}{name}": str(said[name]) for name in ("name", "sequence", "expires") if name in said
        }
        self.document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": ARTIFACT_TYPE,
            "config": Blob.of(EMPTY_CONTENT, EMPTY_TYPE).descriptor.to_json(),
            "layers": [Blob.of(content, kind).descriptor.to_json() for kind, content in self.layers],
            "annotations": shown,
            **self.document,
        }

    def store(self, folder: Path, tag: str = TAG) -> Manifest:
        """Write it into an OCI layout, and name it by the tag."""
        self.finish()
        client = LayoutRepository(Repository.parse(f"oci:{folder}"))
        blobs = [(EMPTY_TYPE, EMPTY_CONTENT), *(self.layers or ())]
        for blob in (Blob.of(content, kind) for kind, content in blobs):
            client.put_blob(blob.descriptor, blob.open)
        manifest = Manifest.parse(canonical.encode(self.document), OCI_MANIFEST)
        client.put_manifest(manifest, tag)
        self.spoil(folder, manifest)
        return manifest

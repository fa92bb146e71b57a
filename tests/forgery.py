"""Records as whoever can write to the repository forges them, with digests and annotations put right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pushpolicy.errors import PolicyError
from pushpolicy.evaluate import PolicySet
from pushpolicy.evaluate.bundle import pack, unpack
from pushpolicy.model import canonical
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document, plain
from pushpolicy.model.manifest import OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.records import format as names
from pushpolicy.records.build import summary_annotations
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.records.read import read_decision
from pushpolicy.registry.admitted import verified
from pushpolicy.registry.interface import Blob
from pushpolicy.registry.layout.repository import LayoutRepository

ALLOW_ALL = b"""package pushpolicy.main

import rego.v2

decision := {
	"allow": true, "observed": false, "violations": [], "warnings": [], "waived": [], "waivers": [],
	"rules": [{"name": name, "status": "passed"} | some name, _ in data.pushpolicy.index.rules],
}
"""


@dataclass
class Parts:
    """What a record is made of.

    Attributes:
        manifest: annotations that are not here follow from the decision.
        policy: path to content, of the policy set.
        bundle: the archive itself, where it is not made of `policy`.
        linked: whether the digests that the decision names, and the annotations, are made to fit.
        sealed: whether the manifest names the documents by their digests.
    """

    decision: dict[str, Any]
    evidence: dict[str, Any]
    manifest: dict[str, Any]
    policy: dict[str, bytes]
    bundle: bytes | None = None
    linked: bool = True
    sealed: bool = True
    extra: dict[str, str] = field(default_factory=dict)

    def data(self, path: str) -> dict[str, Any]:
        """A JSON document of the policy."""
        value: dict[str, Any] = json.loads(self.policy[path])
        return value

    def put(self, path: str, value: Any) -> None:
        """Replace a JSON document of the policy."""
        self.policy[path] = canonical.encode(value)


Change = Callable[[Parts], object]


def read(client: LayoutRepository, tag: str) -> Parts:
    """The parts of the first record of a tag's image."""
    image = client.resolve(tag)
    assert image
    listed, *_ = client.referrers(image.digest, ARTIFACT_TYPE)
    manifest = client.manifest(listed.digest)
    assert manifest
    return parts_of(client, manifest)


def parts_of(client: LayoutRepository, manifest: Manifest) -> Parts:
    """The parts of a record."""
    evidence, decision, policy = (b"".join(client.read_blob(layer)) for layer in manifest.layers[:3])
    value = json.loads(manifest.content)
    return Parts(
        decision=json.loads(decision), evidence=json.loads(evidence), manifest=value, policy=unpack(policy)
    )


def forge(source: Path, folder: Path, tag: str, change: Change) -> LayoutRepository:
    """A copy of a layout in which the only record of a tag is another one."""
    shutil.copytree(source, folder)
    client = LayoutRepository(Repository.parse(f"oci:{folder}"))
    image = client.resolve(tag)
    assert image
    (listed,) = client.referrers(image.digest, ARTIFACT_TYPE)
    parts = read(client, tag)
    change(parts)
    index = json.loads((folder / "index.json").read_text())
    index["manifests"] = [each for each in index["manifests"] if each["digest"] != str(listed.digest)]
    (folder / "index.json").write_text(json.dumps(index))
    add(client, parts)
    return client


def add(client: LayoutRepository, parts: Parts) -> None:
    """Attach a record of these parts."""
    manifest, blobs = assemble(parts)
    for blob in blobs:
        client.put_blob(blob.descriptor, blob.open)
    client.put_referrer(manifest)


def assemble(parts: Parts) -> tuple[Manifest, list[Blob]]:
    """The manifest of a record, and its documents.

    Raises:
        ValueError: when it is none that a registry would take.
    """
    blobs = _blobs(parts)
    if parts.sealed and isinstance(parts.manifest.get("layers"), list):
        for layer, blob in zip(parts.manifest["layers"], blobs, strict=False):
            if isinstance(layer, dict):
                layer |= {"digest": str(blob.descriptor.digest), "size": blob.descriptor.size}
    return Manifest.parse(canonical.encode(parts.manifest), OCI_MANIFEST), blobs


class InMemory(LayoutRepository):
    """A layout that lists one other record of a tag's image, which is nowhere on disk."""

    def __init__(self, source: LayoutRepository, tag: str, parts: Parts) -> None:
        super().__init__(source.repository)
        self._forged, blobs = assemble(parts)
        self._blobs = {blob.descriptor.digest: blob for blob in blobs}
        if not parts.sealed:
            # Whoever does not put digests right still has a registry that gives out what it was given.
            named = [layer.digest for layer in self._forged.layers[:3]]
            self._blobs = dict(zip(named, blobs, strict=False))

    def referrers(self, subject: Digest, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        del subject, artifact_type
        return (self._forged.descriptor,)

    def manifest(self, digest: Digest) -> Manifest | None:
        return self._forged if digest == self._forged.digest else super().manifest(digest)

    def read_blob(self, blob: Descriptor) -> Iterator[bytes]:
        if blob.digest not in self._blobs:
            yield from super().read_blob(blob)
            return
        content = self._blobs[blob.digest].open
        with content() as stream:
            yield from verified(blob, iter(lambda: stream.read(1 << 20), b""))


def _blobs(parts: Parts) -> list[Blob]:
    decision = parts.decision
    evidence = Blob.of(canonical.encode(parts.evidence), names.EVIDENCE_TYPE)
    policy = Blob.of(pack(parts.policy) if parts.bundle is None else parts.bundle, names.POLICY_TYPE)
    if parts.linked:
        _link(parts, str(evidence.descriptor.digest))
    return [evidence, Blob.of(canonical.encode(decision), names.DECISION_TYPE), policy]


def _link(parts: Parts, evidence: str) -> None:
    decision = parts.decision
    if "evidence" in decision:
        decision["evidence"] = evidence
    try:
        identity = plain(PolicySet.of(parts.policy, "forged").identity)
        decision["policy"] |= {
            name: identity[name] for name in identity.keys() - {"source", "anchored", "not_anchored"}
        }
    except (PolicyError, TypeError, AttributeError, LookupError):
        pass  # it is malformed: whatever its digests are
    try:
        said = summary_annotations(read_decision(Document.of(decision)))
        parts.manifest["annotations"] = {**said, **parts.extra}
    except (ValueError, TypeError, LookupError):
        pass  # nobody can annotate what is not there

"""An artifact is whole, and about something, before anything of it is sent."""

from __future__ import annotations

import json

import pytest

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import EMPTY_TYPE, OCI_MANIFEST, Manifest
from pushpolicy.registry.interface import Artifact, Blob

CONFIG = Blob.of(b"{}", EMPTY_TYPE)
LAYER = Blob.of(b"text", "text/plain", {"a": "b"})
SUBJECT = Descriptor.of(b"an image", OCI_MANIFEST)


def _manifest(subject: Descriptor | None) -> Manifest:
    fields = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": CONFIG.descriptor.to_json(),
        "layers": [LAYER.descriptor.to_json()],
        **({"subject": subject.to_json()} if subject else {}),
    }
    return Manifest.parse(json.dumps(fields).encode())


def test_what_is_whole() -> None:
    artifact = Artifact(name="note", manifest=_manifest(SUBJECT), blobs=(CONFIG, LAYER))
    assert artifact.subject == SUBJECT
    with artifact.blobs[1].open() as stream:
        assert stream.read() == b"text"


def test_without_a_subject() -> None:
    with pytest.raises(ValueError, match="the note has no subject"):
        Artifact(name="note", manifest=_manifest(None), blobs=(CONFIG, LAYER))


@pytest.mark.parametrize("blobs", [(CONFIG,), (CONFIG, LAYER, Blob.of(b"more", "text/plain"))])
def test_with_other_blobs_than_it_names(blobs: tuple[Blob, ...]) -> None:
    with pytest.raises(ValueError, match="names other blobs"):
        Artifact(name="note", manifest=_manifest(SUBJECT), blobs=blobs)

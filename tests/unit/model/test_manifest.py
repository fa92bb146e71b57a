"""Manifests: exact bytes kept, contradictions refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pushpolicy.model.descriptor import Descriptor, Platform
from pushpolicy.model.manifest import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Manifest

CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + "b" * 64, "size": 2}
EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
EMBEDDED = {**CONFIG, "digest": EMPTY, "data": "e30="}
LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "sha256:" + "c" * 64, "size": 3}


def image(**changes: Any) -> bytes:
    value = {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER], **changes}
    return json.dumps({key: item for key, item in value.items() if item is not None}, indent=3).encode()


def test_bytes_are_kept() -> None:
    content = image()
    manifest = Manifest.parse(content)
    assert manifest.media_type == OCI_MANIFEST
    assert manifest.content == content
    assert manifest.digest.matches(content)
    assert [layer.size for layer in manifest.layers] == [3]
    assert manifest.descriptor.artifact_type == CONFIG["mediaType"]


def test_an_index_has_children_with_platforms() -> None:
    child = {"mediaType": OCI_MANIFEST, "digest": "sha256:" + "d" * 64, "size": 5}
    child["platform"] = {"os": "linux", "architecture": "arm64", "variant": "v8"}
    manifest = Manifest.parse(json.dumps({"schemaVersion": 2, "manifests": [child]}).encode())
    assert manifest.is_index
    assert manifest.media_type == OCI_INDEX
    assert manifest.manifests[0].platform == Platform(os="linux", architecture="arm64", variant="v8")
    assert manifest.manifests[0].to_json() == child


def test_embedded_content_is_what_its_digest_says() -> None:
    config = Manifest.parse(image(config=EMBEDDED)).config
    assert config is not None
    assert str(config.digest) == EMPTY


def test_docker_type_comes_from_the_descriptor() -> None:
    assert Manifest.parse(image(), DOCKER_MANIFEST).media_type == DOCKER_MANIFEST


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "schemaVersion"),
        (b'{"schemaVersion": 1, "fsLayers": []}', "docker's schema 1"),
        (b"[]", "not an object"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b" " * (4 * 1024 * 1024 + 1), "limit"),
        (image(manifests=[]), "do not fit"),
        (image(mediaType=OCI_INDEX), "do not fit"),
        (image(mediaType="application/x"), "unknown manifest type"),
        (image(mediaType=1), "not a string"),
        (image(config=None), "not an object"),
        (image(layers=None), "not a list"),
        (image(layers=[{**LAYER, "size": -1}]), "valid size"),
        (image(layers=[{**LAYER, "data": "eHl6"}]), "other content than that"),
        (image(config={**EMBEDDED, "size": 3}), "other content than that"),
        (image(config={**EMBEDDED, "data": "e30"}), "not base64"),
        (image(config={**EMBEDDED, "data": "e\n30="}), "not base64"),
        (image(config={**EMBEDDED, "data": 1}), "data is not a string"),
        (image(layers=[{**LAYER, "size": True}]), "valid size"),
        (image(layers=[{**LAYER, "digest": "sha256:../../x"}]), "digest"),
        (image(layers=[{**LAYER, "mediaType": ""}]), "mediaType"),
        (image(layers=[{**LAYER, "urls": "http://x"}]), "urls"),
        (image(annotations={"a": 1}), "annotations"),
        (image(artifactType=[]), "artifactType"),
        (image(subject="x"), "not an object"),
    ],
)
def test_contradictions_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Manifest.parse(content)


def test_type_of_the_body_and_of_the_descriptor_must_agree() -> None:
    with pytest.raises(ValueError, match="is not the"):
        Manifest.parse(image(mediaType=OCI_MANIFEST), DOCKER_MANIFEST)


def test_descriptor_round_trip() -> None:
    value = {**LAYER, "urls": ["https://x"], "annotations": {"a": "b"}, "artifactType": "application/y"}
    assert Descriptor.from_json(value).to_json() == value

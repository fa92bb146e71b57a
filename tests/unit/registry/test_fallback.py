"""The referrers tag schema."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import EMPTY_TYPE, OCI_INDEX, Manifest
from pushpolicy.registry.fallback import fallback_tag, is_fallback_tag, lists, of_type, with_referrer
from tests.layouts import LAYER

REFERRER = Descriptor.of(b"r", "application/vnd.oci.image.manifest.v1+json", artifact_type="a/b")


def test_the_tag_of_each_algorithm() -> None:
    sha256, sha512 = Digest.of(b"x"), Digest.of(b"x", "sha512")
    assert fallback_tag(sha256) == f"sha256-{sha256.hex}"
    assert fallback_tag(sha512) == f"sha512-{sha512.hex[:64]}"
    assert is_fallback_tag(fallback_tag(sha256))
    assert is_fallback_tag(fallback_tag(sha512))
    assert not is_fallback_tag(fallback_tag(sha256) + ".sig")
    assert not is_fallback_tag("v1")


def test_others_entries_are_kept_as_they_stand() -> None:
    other = {**Descriptor.of(b"o", LAYER).to_json(), "unknown": {"deep": [1, 2.5]}, "data": "bw=="}
    content = json.dumps({"schemaVersion": 2, "manifests": [other], "annotations": {"a": "b"}}).encode()
    changed = with_referrer(Manifest.parse(content, OCI_INDEX), REFERRER)
    value = json.loads(changed.content)
    assert value["manifests"] == [other, REFERRER.to_json()]
    assert value["annotations"] == {"a": "b"}
    assert lists(changed.manifests, REFERRER.digest)
    assert not lists((), REFERRER.digest)


def test_a_type_that_a_list_does_not_say_may_be_any() -> None:
    """go-containerregistry lists the type of the config, others none; another type is another."""
    unsaid = [replace(REFERRER, artifact_type=each) for each in (None, "", EMPTY_TYPE)]
    other = replace(REFERRER, artifact_type="a/c")
    assert of_type((unsaid[0], other, REFERRER, *unsaid[1:]), "a/b") == (REFERRER, *unsaid)
    assert of_type((other, REFERRER), None) == (other, REFERRER)


def test_a_tag_that_holds_no_index_is_refused() -> None:
    config = Descriptor.of(b"{}", "application/vnd.oci.empty.v1+json").to_json()
    image = json.dumps({"schemaVersion": 2, "config": config, "layers": []}).encode()
    with pytest.raises(ValueError, match="not an index of referrers"):
        with_referrer(Manifest.parse(image), REFERRER)

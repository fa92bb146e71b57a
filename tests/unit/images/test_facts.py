"""Facts of configs, and what is exempt from being an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pushpolicy.errors import InputError
from pushpolicy.images import attestations, open_image, platforms
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.evidence import AttestationEvidence, PlatformEvidence
from pushpolicy.model.manifest import OCI_CONFIG, Manifest
from tests.layouts import LayoutMaker, child

PROVENANCE = "https://slsa.dev/provenance/v1"
IN_TOTO = "application/vnd.in-toto+json"


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "layout")


def facts(maker: LayoutMaker) -> tuple[tuple[PlatformEvidence, ...], tuple[AttestationEvidence, ...]]:
    with open_image(f"oci:{maker.root}") as image:
        return platforms(image), attestations(image)


def refusal(maker: LayoutMaker) -> str:
    with pytest.raises(InputError) as caught:
        facts(maker)
    return caught.value.message


def attestation(maker: LayoutMaker, layer_type: str = IN_TOTO) -> Manifest:
    layer = maker.json({"_type": "x"}, layer_type, annotations={"in-toto.io/predicate-type": PROVENANCE})
    config = maker.json({"os": "unknown", "architecture": "unknown", "rootfs": {"diff_ids": []}}, OCI_CONFIG)
    return maker.manifest(config=config, layers=[layer])


def marked(manifest: Manifest, subject: object) -> Descriptor:
    annotations = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": str(subject),
    }
    return child(manifest, "unknown/unknown", **annotations)


def test_a_single_image(maker: LayoutMaker) -> None:
    manifest = maker.add(maker.image(config={"created": "2026-01-02T03:04:05Z"}))
    ((platform,), nothing) = facts(maker)
    assert manifest.config
    assert platform.platform == "linux/amd64"
    assert platform.digest == manifest.digest
    assert platform.config_digest == manifest.config.digest
    assert len(platform.diff_ids) == 1
    assert platform.labels == {"a": "b"}
    assert platform.env == ("PATH", "TOKEN"), "names only"
    assert platform.user == "app"
    assert platform.created == "2026-01-02T03:04:05Z"
    assert nothing == ()


def test_an_index_with_attestations(maker: LayoutMaker) -> None:
    amd, arm, proof = maker.image(), maker.image(architecture="arm64"), attestation(maker)
    arm_entry = child(arm, "linux/arm64")
    maker.add(maker.nest(child(amd, "linux/amd64"), arm_entry, marked(proof, arm.digest)))
    found, proofs = facts(maker)
    assert [item.platform for item in found] == ["linux/amd64", "linux/arm64"]
    assert proofs == (
        AttestationEvidence(digest=proof.digest, subject=arm.digest, predicate_types=(PROVENANCE,)),
    )


def test_an_attestation_must_speak_of_a_sibling(maker: LayoutMaker) -> None:
    amd, other, proof = maker.image(), maker.image(architecture="arm64"), attestation(maker)
    maker.add(maker.nest(child(amd, "linux/amd64"), marked(proof, other.digest)))
    assert "does not speak of an image of its index" in refusal(maker)


def test_an_attestation_must_not_speak_of_an_attestation(maker: LayoutMaker) -> None:
    amd, proof = maker.image(), attestation(maker)
    maker.add(maker.nest(child(amd, "linux/amd64"), marked(proof, proof.digest)))
    assert "does not speak of an image of its index" in refusal(maker)


def test_an_image_cannot_hide_as_attestation(maker: LayoutMaker) -> None:
    amd, hidden = maker.image(), maker.image(architecture="arm64")
    maker.add(maker.nest(child(amd, "linux/amd64"), marked(hidden, amd.digest)))
    assert "not in-toto statements" in refusal(maker)


def test_an_unmarked_attestation_counts_as_an_image(maker: LayoutMaker) -> None:
    maker.add(maker.nest(child(maker.image(), "linux/amd64"), child(attestation(maker), "unknown/unknown")))
    assert "0 diff_ids for 1 layers" in refusal(maker)


def test_the_config_must_agree_with_the_index(maker: LayoutMaker) -> None:
    maker.add(maker.nest(child(maker.image(architecture="arm64"), "linux/amd64")))
    assert "it is for linux/arm64, the index says linux/amd64" in refusal(maker)


def test_an_index_without_platform_takes_the_configs(maker: LayoutMaker) -> None:
    maker.add(maker.nest(child(maker.image(config={"variant": "v3"}))))
    assert facts(maker)[0][0].platform == "linux/amd64/v3"


def test_an_index_without_images(maker: LayoutMaker) -> None:
    maker.add(maker.nest())
    assert "no image that could run" in refusal(maker)


def test_an_artifact_is_not_an_image(maker: LayoutMaker) -> None:
    config = maker.json({}, "application/vnd.cncf.helm.config.v1+json")
    maker.add(maker.manifest(config=config, layers=[maker.blob(b"chart")]))
    assert "is not a container image" in refusal(maker)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"rootfs": {"diff_ids": []}}, "0 diff_ids for 1 layers"),
        ({"rootfs": None}, "rootfs is not an object"),
        ({"rootfs": {"diff_ids": ["sha256:short"]}}, "malformed sha256 digest"),
        ({"config": {"Labels": {"a": 1}}}, "Labels are not a map of strings"),
        ({"config": {"Env": "PATH=/bin"}}, "Env is not a list of strings"),
        ({"config": {"Entrypoint": ["sh", 1]}}, "Entrypoint is not a list of strings"),
        ({"config": []}, None),
        ({"os": None}, "os is absent"),
        ({"os": 7}, "os is not a string"),
        ({"created": "yesterday"}, "created is not an RFC 3339 time"),
    ],
)
def test_malformed_configs(maker: LayoutMaker, config: dict[str, Any], said: str | None) -> None:
    maker.add(maker.image(config=config))
    if said is None:  # an empty list is what PHP writes for an empty object
        assert facts(maker)[0][0].labels == {}
    else:
        assert said in refusal(maker)


def test_a_config_with_duplicate_keys(maker: LayoutMaker) -> None:
    image = maker.image()
    config = maker.blob(
        b'{"os":"linux","os":"linux","architecture":"amd64","rootfs":{"diff_ids":[]}}', OCI_CONFIG
    )
    maker.add(maker.manifest(config=config, layers=list(image.layers)))
    assert "occurs twice" in refusal(maker)

"""Facts of configs, and what is exempt from being an image."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.errors import InputError
from pushpolicy.images import Limits, Selection, find, open_image
from pushpolicy.images.facts import read_attestation
from pushpolicy.model.descriptor import Descriptor, Platform
from pushpolicy.model.evidence import ArtifactEvidence, AttestationEvidence, PlatformEvidence
from pushpolicy.model.manifest import EMPTY_TYPE, OCI_CONFIG, OCI_INDEX, Manifest
from tests.layouts import LAYER, LayoutMaker, child, pack, tar_layer

PROVENANCE = "https://slsa.dev/provenance/v1"
IN_TOTO = "application/vnd.in-toto+json"


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "layout")


def facts(maker: LayoutMaker) -> tuple[tuple[PlatformEvidence, ...], tuple[AttestationEvidence, ...]]:
    with open_image(f"oci:{maker.root}") as image:
        found = find(image)
        return found.platforms, found.attestations


def refusal(maker: LayoutMaker) -> str:
    with pytest.raises(InputError) as caught:
        facts(maker)
    return caught.value.message


def statement(about: object, **fields: Any) -> dict[str, Any]:
    digests = {"sha256": str(about).rpartition(":")[2]}
    subjects = [
        {"name": "pkg:docker/other", "digest": {"sha256": "0" * 64}},
        {"name": "_", "digest": digests},
    ]
    return {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": PROVENANCE,
        "subject": subjects,
        "predicate": {"Layers": [], "layers": []},
        **fields,
    }


# As BuildKit writes it.
CONFIG = {
    "os": "unknown",
    "architecture": "unknown",
    "config": {},
    "rootfs": {"type": "layers", "diff_ids": []},
}


def attestation(
    maker: LayoutMaker,
    subject: object,
    *,
    config: dict[str, Any] = CONFIG,
    layers: tuple[bytes, ...] | None = None,
    layer_type: str = IN_TOTO,
) -> Manifest:
    contents = (json.dumps(statement(subject)).encode(),) if layers is None else layers
    blobs = [maker.blob(content, layer_type) for content in contents]
    diff_ids = [str(blob.digest) for blob in blobs]
    config = {**config, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    return maker.manifest(config=maker.json(config, OCI_CONFIG), layers=blobs)


def marked(manifest: Manifest, subject: object, platform: str | None = "unknown/unknown") -> Descriptor:
    annotations = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": str(subject),
    }
    return child(manifest, platform, **annotations)


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
    amd, arm = maker.image(), maker.image(architecture="arm64")
    proof = attestation(maker, arm.digest)
    arm_entry = child(arm, "linux/arm64")
    maker.add(maker.nest(child(amd, "linux/amd64"), arm_entry, marked(proof, arm.digest)))
    found, proofs = facts(maker)
    assert [item.platform for item in found] == ["linux/amd64", "linux/arm64"]
    assert proofs == (
        AttestationEvidence(digest=proof.digest, subject=arm.digest, predicate_types=(PROVENANCE,)),
    )


@pytest.mark.parametrize("name", ["unknown/unknown", "linux/arm64", "linux/amd64", None])
def test_an_image_cannot_hide_as_attestation(maker: LayoutMaker, name: str | None) -> None:
    """Whatever marks it: a runtime that chooses by digest or by the config's platform would run it."""
    amd, hidden = maker.image(), maker.image(architecture="arm64", content=b"hidden")
    maker.add(maker.nest(child(amd, "linux/amd64"), marked(hidden, amd.digest, name)))
    if name in ("linux/arm64", None):
        found, proofs = facts(maker)
        assert [item.platform for item in found] == ["linux/amd64", "linux/arm64"]
        assert proofs == ()
    else:
        assert "it is marked as an attestation and is none" in refusal(maker)


TAR = tar_layer("bin/sh", b"evil")
NONE: dict[str, Any] = {
    "a tar": {"layers": (TAR,)},
    "a statement and a tar": {"layers": (b"STATEMENT", TAR)},
    "no layer": {"layers": ()},
    "a statement with a tar behind it": {"layers": (b"STATEMENT" + TAR,)},
    "two statements in one layer": {"layers": (b"STATEMENT STATEMENT",)},
    "no statement": {"layers": (b"{}",)},
    "a list": {"layers": (b"[]",)},
    "a field twice": {"layers": (b'{"_type": "x",' + b"STATEMENT"[1:],)},
    "another type of statement": {"change": {"_type": "https://example.org/Statement/v1"}},
    "no type of what is stated": {"change": {"predicateType": 7}},
    "no subject": {"change": {"subject": None}},
    "a subject without digest": {"change": {"subject": [{"name": "pkg:docker/app"}]}},
    "a subject that is another image": {"change": {"subject": [{"digest": {"sha256": "0" * 64}}]}},
    "a field in two cases": {"change": {"Subject": []}},
    "another media type": {"layer_type": LAYER.removesuffix("+gzip")},
    "a config for a platform": {"config": {**CONFIG, "os": "linux", "architecture": "amd64"}},
    "a config for half a platform": {"config": {**CONFIG, "architecture": "amd64"}},
    "a config that says what is run": {"config": {**CONFIG, "config": {"Entrypoint": ["/bin/sh"]}}},
    "a config that says so in other case": {"config": {**CONFIG, "Config": {"Cmd": ["/bin/sh"]}}},
    "a container's config": {"config": {**CONFIG, "container_config": {"Cmd": ["/bin/sh"]}}},
}


@pytest.mark.parametrize("given", NONE.values(), ids=NONE)
def test_only_content_makes_an_attestation(maker: LayoutMaker, given: dict[str, Any]) -> None:
    """What is none is a platform that no scan covers, or is refused as the image that it is not."""
    amd, given = maker.image(), dict(given)
    true = json.dumps(statement(amd.digest, **given.pop("change", {}))).encode()
    contents = given.pop("layers", (b"STATEMENT",))
    layers = tuple(content.replace(b"STATEMENT", true).replace(b"TATEMENT", true[1:]) for content in contents)
    proof = attestation(maker, amd.digest, layers=layers, **given)
    maker.add(maker.nest(child(amd, "linux/amd64"), marked(proof, amd.digest)))
    try:
        found, proofs = facts(maker)
    except InputError as error:
        message = error.message
        if "is marked as an attestation and is none" not in message and "ignore case" not in message:
            raise
    else:
        assert [item.digest for item in found] == [amd.digest, proof.digest]
        assert proofs == ()


def test_an_attestation_must_speak_of_a_sibling(maker: LayoutMaker) -> None:
    amd, other = maker.image(), maker.image(architecture="arm64")
    proof = attestation(maker, other.digest)
    maker.add(maker.nest(child(amd, "linux/amd64"), marked(proof, other.digest)))
    found, proofs = facts(maker)
    assert ([item.digest for item in found], proofs) == ([amd.digest, proof.digest], ())


def test_an_attestation_must_not_speak_of_an_attestation(maker: LayoutMaker) -> None:
    amd = maker.image()
    proof = attestation(maker, amd.digest)
    maker.add(
        maker.nest(
            child(amd, "linux/amd64"),
            marked(proof, amd.digest),
            marked(attestation(maker, proof.digest), proof.digest),
        )
    )
    found, proofs = facts(maker)
    assert [item.platform for item in found] == ["linux/amd64", "unknown/unknown"]
    assert [item.digest for item in proofs] == [proof.digest]


def test_an_unmarked_attestation_counts_as_an_image(maker: LayoutMaker) -> None:
    amd = maker.image()
    proof = attestation(maker, amd.digest)
    maker.add(maker.nest(child(amd, "linux/amd64"), child(proof, "unknown/unknown")))
    assert [item.digest for item in facts(maker)[0]] == [amd.digest, proof.digest]


def test_an_attestation_with_the_empty_config(maker: LayoutMaker) -> None:
    amd = maker.image()
    layer = maker.json(statement(amd.digest), IN_TOTO)
    proof = maker.manifest(config=maker.blob(b"{}", EMPTY_TYPE), layers=[layer])
    maker.add(maker.nest(child(amd, "linux/amd64"), marked(proof, amd.digest)))
    assert [item.digest for item in facts(maker)[1]] == [proof.digest]


def test_an_attestation_has_no_platform_in_the_index(maker: LayoutMaker) -> None:
    """A runtime would choose it by the index."""
    amd = maker.image()
    proof = attestation(maker, amd.digest)
    maker.add(maker.nest(child(amd, "linux/amd64"), marked(proof, amd.digest, "linux/arm64")))
    assert "it is marked as an attestation and is none: the index gives it a platform" in refusal(maker)


def test_an_attestation_has_a_config_that_is_known(maker: LayoutMaker) -> None:
    amd = maker.image()
    layer = maker.json(statement(amd.digest), IN_TOTO)
    proof = maker.manifest(config=maker.json(CONFIG, "application/x-config"), layers=[layer])
    maker.add(maker.nest(child(amd, "linux/amd64"), marked(proof, amd.digest)))
    assert "and is none: its config is of another type" in refusal(maker)


def test_an_index_is_no_attestation(maker: LayoutMaker) -> None:
    amd = maker.image()
    inner = maker.nest(child(attestation(maker, amd.digest), "unknown/unknown"))
    entry = marked(inner, amd.digest)
    top = maker.add(maker.nest(child(amd, "linux/amd64"), entry))
    with open_image(f"oci:{maker.root}") as image, pytest.raises(ValueError, match="it has no config"):
        read_attestation(image, inner, entry, top)


def test_a_statement_over_the_limit_is_not_read(maker: LayoutMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    amd = maker.image()
    proof = attestation(maker, amd.digest)
    maker.add(maker.nest(child(amd, "linux/amd64"), marked(proof, amd.digest)))
    size = proof.layers[0].size
    monkeypatch.setattr("pushpolicy.images.facts._MAX_STATEMENT", size)
    assert [item.digest for item in facts(maker)[1]] == [proof.digest]
    monkeypatch.setattr("pushpolicy.images.facts._MAX_STATEMENT", size - 1)
    found, proofs = facts(maker)
    assert ([item.digest for item in found], proofs) == ([amd.digest, proof.digest], ())


def test_the_type_of_what_is_stated_comes_from_the_statement(maker: LayoutMaker) -> None:
    amd = maker.image()
    blob = maker.json(
        statement(amd.digest), IN_TOTO, annotations={"in-toto.io/predicate-type": "https://spdx.dev/Document"}
    )
    proof = maker.manifest(config=maker.json(CONFIG, OCI_CONFIG), layers=[blob])
    maker.add(maker.nest(child(amd, "linux/amd64"), marked(proof, amd.digest)))
    assert facts(maker)[1][0].predicate_types == (PROVENANCE,)


def test_attestations_that_are_named_many_times_are_bounded(maker: LayoutMaker) -> None:
    image = maker.image()
    proof = maker.manifest(config=maker.blob(b"{}", EMPTY_TYPE), layers=[maker.blob(b" " * 2000, IN_TOTO)])
    maker.add(maker.nest(child(image, "linux/amd64"), *[marked(proof, image.digest)] * 3))
    with open_image(f"oci:{maker.root}") as opened, pytest.raises(InputError, match="attestations are over"):
        find(opened, Limits(statements_size=1999))


FOOTER = (
    b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x1a\0SG\x16\0" + b"0" * 16 + b"STARGZ" + b"\x01\0\0\xff\xff" + bytes(8)
)
LAZY: dict[str, Any] = {
    "the annotation of eStargz": {"annotations": {"containerd.io/snapshot/stargz/toc.digest": "sha256:0"}},
    "that of zstd:chunked": {
        "annotations": {"io.github.containers.zstd-chunked.manifest-position": "1:2:3:1"}
    },
    "that of nydus": {"annotations": {"containerd.io/snapshot/nydus-bootstrap": "true"}},
    "a layer of nydus": {"media_type": "application/vnd.oci.image.layer.nydus.blob.v1"},
    "the footer of eStargz": {"footer": FOOTER},
    "the footer of zstd:chunked": {"footer": b"\x50\x2a\x4d\x18\x38\0\0\0" + bytes(48) + b"GNUlInUx"},
}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
@pytest.mark.parametrize("given", LAZY.values(), ids=LAZY)
def test_a_table_of_contents_that_runtimes_read_is_not_verified(
    maker: LayoutMaker, given: dict[str, Any], packed: bool
) -> None:
    image, given = maker.image(), dict(given)
    assert image.config
    content = maker.path(image.layers[0].digest).read_bytes() + given.pop("footer", b"")
    layer = maker.blob(content, **{"media_type": LAYER, **given})
    maker.add(maker.manifest(config=image.config, layers=[layer]))
    source = (
        f"oci-archive:{pack(maker.root, maker.root.with_suffix('.tar'))}" if packed else f"oci:{maker.root}"
    )
    with open_image(source) as opened:
        (platform,) = find(opened).platforms
    assert platform.lazy_toc == "unverified"


def test_a_soci_index_of_the_image_is_not_verified(maker: LayoutMaker) -> None:
    maker.add(maker.manifest(**vars_of(maker), annotations={"com.amazon.soci.index-digest": "sha256:0"}))
    assert facts(maker)[0][0].lazy_toc == "unverified"


@pytest.mark.parametrize(
    ("config_type", "layer"),
    [
        ("application/vnd.amazon.soci.index.v1+json", {"media_type": "application/octet-stream"}),
        (EMPTY_TYPE, {"annotations": {"containerd.io/snapshot/nydus-bootstrap": "true"}}),
        (EMPTY_TYPE, {"media_type": "application/vnd.oci.image.layer.nydus.blob.v1"}),
    ],
    ids=["soci", "nydus by annotation", "nydus by type"],
)
def test_a_table_that_is_carried_along_is_not_verified(
    maker: LayoutMaker, config_type: str, layer: dict[str, Any]
) -> None:
    image = maker.image()
    table = maker.manifest(
        config=maker.blob(b"{}", config_type),
        layers=[maker.blob(b"table", **layer)],
        subject=image.descriptor.to_json(),
    )
    maker.add(image, name="1.0")
    maker.add(table)
    with open_image(f"oci:{maker.root}:1.0", selection=Selection(referrers=True)) as opened:
        (platform,) = find(opened).platforms
    assert platform.lazy_toc == "unverified"


def vars_of(maker: LayoutMaker) -> dict[str, Any]:
    image = maker.image()
    return {"config": image.config, "layers": list(image.layers)}


@pytest.mark.parametrize(
    "kind",
    [
        f"{LAYER}+encrypted",
        "application/x-layer",
    ],
)
def test_a_layer_that_is_never_compared_is_named(maker: LayoutMaker, kind: str) -> None:
    parts = vars_of(maker)
    content = maker.path(parts["layers"][0].digest).read_bytes()
    maker.add(maker.manifest(**{**parts, "layers": [maker.blob(content, kind)]}))
    assert facts(maker)[0][0].not_comparable == kind


def test_usual_layers_are_compared_and_have_no_table(maker: LayoutMaker) -> None:
    maker.add(maker.image())
    (platform,) = facts(maker)[0]
    assert (platform.not_comparable, platform.lazy_toc) == (None, None)


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
    maker.add(maker.manifest(config=config, layers=[maker.blob(b"chart", "text/plain")]))
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


SOCI = "application/vnd.amazon.soci.index.v2+json"
SPDX = "application/spdx+json"


def soci(maker: LayoutMaker, about: Manifest) -> Manifest:
    """As soci-snapshotter writes it: an empty config of its own type, and tables for layers."""
    table = maker.blob(
        str(about.digest).encode(),
        "application/octet-stream",
        annotations={"com.amazon.soci.image-layer-digest": "sha256:0"},
    )
    return maker.manifest(config=maker.blob(b"{}", SOCI), layers=[table], artifactType=SOCI)


def test_a_soci_enabled_image(maker: LayoutMaker) -> None:
    """`soci convert`: for each platform an index behind its image, with the platform of that."""
    amd, arm = maker.image(), maker.image(architecture="arm64")
    tables = [soci(maker, image) for image in (amd, arm)]
    entries = [child(tables[0], "linux/amd64"), child(tables[1], "linux/arm64")]
    maker.add(maker.nest(child(amd, "linux/amd64"), child(arm, "linux/arm64"), *entries))
    with open_image(f"oci:{maker.root}") as image:
        found = find(image)
    assert [item.digest for item in found.platforms] == [amd.digest, arm.digest]
    assert {item.artifact_type for item in found.artifacts} == {SOCI}
    assert {item.lazy_toc for item in found.platforms} == {"unverified"}


def test_one_platform_of_a_soci_enabled_image_is_the_image(maker: LayoutMaker) -> None:
    amd = maker.image()
    table = replace(child(soci(maker, amd), "linux/amd64"), artifact_type=SOCI)
    maker.add(maker.nest(child(amd, "linux/amd64"), table))
    only = Selection(platforms=(Platform(os="linux", architecture="amd64"),))
    with open_image(f"oci:{maker.root}", selection=only) as image:
        assert image.top == amd


@pytest.mark.parametrize("platform", [None, "unknown/unknown"])
def test_an_sbom_beside_the_image(maker: LayoutMaker, platform: str | None) -> None:
    amd = maker.image()
    bom = maker.manifest(
        config=maker.blob(b"{}", EMPTY_TYPE),
        layers=[maker.blob(b'{"spdxVersion": "SPDX-2.3"}', SPDX)],
        artifactType=SPDX,
        subject=amd.descriptor.to_json(),
    )
    maker.add(maker.nest(child(amd, "linux/amd64"), child(bom, platform)))
    with open_image(f"oci:{maker.root}") as image:
        found = find(image)
    assert [item.digest for item in found.platforms] == [amd.digest]
    assert found.platforms[0].lazy_toc is None
    assert found.artifacts == (ArtifactEvidence(digest=bom.digest, artifact_type=SPDX, subject=amd.digest),)


RUNNABLE = {"os": "linux", "architecture": "amd64"}
ROOTFS = {"rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}}
NO_ARTIFACT: dict[str, tuple[dict[str, Any], str]] = {
    "a config for a platform": ({"config": RUNNABLE}, "its config is for a platform"),
    "half a platform": ({"config": {"architecture": "arm64"}}, "its config is for a platform"),
    "a platform in other case": ({"config": {"OS": "linux"}}, "its config is for a platform"),
    "a config with layers": ({"config": ROOTFS}, "its config says how it is run"),
    "a config that runs": ({"config": {"config": {"Cmd": ["sh"]}}}, "its config says how it is run"),
    "a config in another case": ({"config": {"Config": {"Cmd": ["sh"]}}}, "its config says how it is run"),
    "a list": ({"config": []}, "its config is no object"),
    "a layer of an image": ({"layer": LAYER}, "it has a layer of an image"),
    "one of docker": ({"layer": "application/vnd.docker.image.rootfs.diff.tar.gzip"}, "a layer of an image"),
    "one in capitals": ({"layer": LAYER.upper()}, "it has a layer of an image"),
    "a statement": ({"layer": IN_TOTO}, "it makes a statement"),
    "a signature": ({"layer": "application/vnd.dev.sigstore.bundle.v0.3+json"}, "it makes a statement"),
    "a platform that no image has": ({"platform": "linux/arm64"}, "no image before it has that"),
    "a platform before its image": ({"first": True}, "no image before it has that"),
    "a platform of another version": ({"version": "10.0.1"}, "no image before it has that"),
    "an entry that podman prefers": ({"preferred": True}, "let runtimes prefer it"),
    "a referrer of another image": ({"subject": True}, "it is about something else"),
}


@pytest.mark.parametrize(("given", "said"), NO_ARTIFACT.values(), ids=NO_ARTIFACT)
def test_what_a_runtime_could_take_for_an_image_is_none(
    maker: LayoutMaker, given: dict[str, Any], said: str
) -> None:
    amd, other = maker.image(), maker.image(architecture="s390x")
    made = maker.manifest(
        config=maker.json(given.get("config", {}), "application/x-note"),
        layers=[maker.blob(gzip.compress(b"note"), given.get("layer", "text/plain"))],
        **({"subject": other.descriptor.to_json()} if "subject" in given else {}),
    )
    marks = {"io.github.containers.compression.zstd": "true"} if "preferred" in given else {}
    entry = child(made, given.get("platform", "linux/amd64"), **marks).to_json()
    if "version" in given:
        entry["platform"]["os.version"] = given["version"]
    entries = [child(amd, "linux/amd64").to_json(), entry]
    if "first" in given:
        entries.reverse()
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    maker.add(Manifest.parse(maker.path(maker.json(index, OCI_INDEX).digest).read_bytes()))
    message = refusal(maker)
    assert "is not a container image: its config is application/x-note" in message
    assert said in message

"""Platforms of an index, asked for by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pushpolicy.errors import InputError
from pushpolicy.images import Image, Limits, Selection, open_image
from pushpolicy.model.descriptor import Platform
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from tests.layouts import LayoutMaker, child, pack


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "layout")


def part(maker: LayoutMaker, *platforms: str, archive: Path | None = None) -> Image:
    """What is opened of the layout's image."""
    source = f"oci-archive:{pack(maker.root, archive)}" if archive else f"oci:{maker.root}"
    with open_image(source, selection=Selection(platforms=tuple(map(Platform.parse, platforms)))) as image:
        return image


def built(maker: LayoutMaker, *platforms: str) -> dict[str, Manifest]:
    """An index of an image for each platform; the images by platform, and the index as "index"."""
    images, entries = {}, []
    for platform in platforms:
        _, architecture, *variant = platform.split("/")
        config = {"variant": variant[0]} if variant else {}
        image = maker.image(architecture=architecture, content=platform.encode(), config=config)
        value = child(image, f"linux/{architecture}").to_json()
        if variant:
            value["platform"]["variant"] = variant[0]
        # A field that nobody here reads, and that must be kept (image-spec, image-index.md).
        value["platform"]["os.version"] = "10.0.1"
        images[platform] = image
        entries.append(value)
    document = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": entries,
        "annotations": {"org.opencontainers.image.title": "kept"},
    }
    index = Manifest.parse(json.dumps(document).encode())
    maker.blob(index.content)
    maker.add(index)
    return images | {"index": index}


def test_without_a_platform_the_index_stays(maker: LayoutMaker) -> None:
    there = built(maker, "linux/amd64", "linux/arm64")
    assert part(maker).top == there["index"]
    assert part(maker).notes == ()


def test_one_is_its_own_manifest(maker: LayoutMaker, tmp_path: Path) -> None:
    there = built(maker, "linux/amd64", "linux/arm64")
    for archive in (None, tmp_path / "image.tar"):
        image = part(maker, "linux/arm64", archive=archive)
        assert image.manifests == (there["linux/arm64"],)
        assert str(there["index"].digest) in image.notes[0]


def test_several_are_an_index_of_their_entries(maker: LayoutMaker) -> None:
    there = built(maker, "linux/amd64", "linux/arm64", "linux/s390x")
    image = part(maker, "linux/s390x", "linux/amd64")
    document = json.loads(image.top.content)
    assert [entry["platform"]["os.version"] for entry in document["manifests"]] == ["10.0.1"] * 2
    assert document["annotations"] == {"org.opencontainers.image.title": "kept"}
    assert image.manifests[:-1] == (there["linux/amd64"], there["linux/s390x"]), "in the order of the index"
    assert part(maker, "linux/s390x", "linux/amd64").top.digest == image.top.digest, "reproducible"


def test_a_platform_without_variant_is_each_of_them(maker: LayoutMaker) -> None:
    there = built(maker, "linux/arm/v6", "linux/arm/v7", "linux/arm64")
    assert part(maker, "linux/arm").manifests[:-1] == (there["linux/arm/v6"], there["linux/arm/v7"])
    assert part(maker, "linux/arm/v7").top == there["linux/arm/v7"]
    assert part(maker, "linux/arm64/v8").top == there["linux/arm64"]


@pytest.mark.parametrize("absent", ["linux/s390x", "windows/amd64", "linux/amd64/v3", "linux/arm64/v9"])
def test_a_platform_that_is_not_there(maker: LayoutMaker, absent: str) -> None:
    built(maker, "linux/amd64", "linux/arm64")
    with pytest.raises(InputError, match=f"no image for {absent}"):
        part(maker, "linux/amd64", absent)


def test_a_single_image_is_taken_if_it_is_the_one(maker: LayoutMaker) -> None:
    image = maker.add(maker.image())
    assert part(maker, "linux/amd64").top == image
    assert part(maker, "linux/amd64").notes == ()
    with pytest.raises(InputError, match="no image for linux/arm64"):
        part(maker, "linux/arm64")


def test_what_is_absent_and_not_chosen_is_not_missed(maker: LayoutMaker) -> None:
    there = built(maker, "linux/amd64", "linux/arm64", "linux/s390x")
    maker.path(there["linux/s390x"].digest).unlink()
    assert len(part(maker, "linux/amd64", "linux/arm64").manifests) == 3
    with pytest.raises(InputError, match=r"sparse.*linux/s390x") as caught:
        part(maker, "linux/amd64", "linux/s390x")
    assert caught.value.hint == "push a platform that is there: --platform linux/amd64"
    with pytest.raises(InputError, match="of linux/s390x is not there"):
        part(maker, "linux/s390x")


@pytest.mark.parametrize("text", ["linux", "", "linux/", "/amd64", "a/b/c/d", "linux/am\x1bd64"])
def test_what_is_no_platform(text: str) -> None:
    with pytest.raises(ValueError, match="no platform"):
        Platform.parse(text)


def test_the_digest_of_an_index_is_of_its_bytes(maker: LayoutMaker) -> None:
    built(maker, "linux/amd64", "linux/arm64", "linux/s390x")
    top = part(maker, "linux/amd64", "linux/arm64").top
    assert top.digest == Digest.of(top.content)


def test_an_index_that_is_named_many_times_is_read_once(maker: LayoutMaker) -> None:
    """Indexes that name one another a thousand times are four readings, not a thousand billion."""
    image = maker.image()
    top = maker.nest(child(image, "linux/amd64"))
    for _ in range(3):
        top = maker.nest(*[child(top)] * 1000)
    maker.add(top)
    assert part(maker, "linux/amd64").top == image


def test_platforms_of_what_is_not_there(maker: LayoutMaker) -> None:
    top = built(maker, "linux/amd64", "linux/arm64")["index"]
    maker.path(top.digest).unlink()
    with pytest.raises(InputError, match=f"manifest {top.digest} is not there"):
        part(maker, "linux/amd64")


def test_what_is_no_image_has_no_platform(maker: LayoutMaker) -> None:
    config = maker.json({"os": "linux", "architecture": "amd64", "rootfs": {}}, "application/x-config")
    maker.add(maker.manifest(config=config, layers=[]))
    with pytest.raises(InputError, match="it is not an image of a platform"):
        part(maker, "linux/amd64")


def test_indexes_nested_too_deep_for_a_platform(maker: LayoutMaker) -> None:
    image = maker.image()
    entry = child(image, "linux/amd64")
    for _ in range(Limits().depth + 1):
        entry = child(top := maker.nest(entry))
    maker.add(top)
    assert part(maker, "linux/amd64").top == image
    maker.entries.clear()
    maker.add(maker.nest(entry))
    with pytest.raises(InputError, match=f"nests indexes more than {Limits().depth} deep"):
        part(maker, "linux/amd64")


def test_of_several_platforms_the_attestations_that_an_export_left_out_are_not_missed(
    maker: LayoutMaker,
) -> None:
    """`ctr image export --platform` keeps the index, and writes no child for another platform: no proof."""
    amd, arm = maker.image(), maker.image(architecture="arm64")
    marks = {"vnd.docker.reference.type": "attestation-manifest"}
    proofs = [
        child(
            maker.image(content=image.content),
            "unknown/unknown",
            **marks,
            **{"vnd.docker.reference.digest": str(image.digest)},
        )
        for image in (amd, arm)
    ]
    maker.add(maker.nest(child(amd, "linux/amd64"), child(arm, "linux/arm64"), *proofs))
    maker.path(proofs[1].digest).unlink()
    image = part(maker, "linux/amd64", "linux/arm64")
    assert [entry.digest for entry in image.top.manifests] == [amd.digest, arm.digest, proofs[0].digest]
    assert image.notes[0].endswith("; 1 attestations about them are not there")

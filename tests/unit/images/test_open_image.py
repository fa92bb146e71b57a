"""Which image an IMAGE argument means, and everything that makes it unreadable."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from pushpolicy.errors import InputError
from pushpolicy.images import Compression, Image, LayerCompression, Limits, Selection, open_image
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import MAX_MANIFEST_SIZE
from tests.layouts import LAYER, LayoutMaker, child, pack


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "layout")


def opened(text: str, **limits: int) -> Image:
    with open_image(text, Limits(**limits)) as image:
        return image


def refusal(text: str, **limits: int) -> str:
    with pytest.raises(InputError) as caught:
        opened(text, **limits)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_the_same_image_by_every_name(maker: LayoutMaker, tmp_path: Path) -> None:
    manifest = maker.add(maker.image(), name="v1", full="example.org/app:v1")
    folder, archive = maker.root, pack(maker.root, tmp_path / "image.tar", prefix="./")
    texts = [
        f"oci:{folder}",
        f"oci:{folder}:v1",
        f"oci:{folder}:example.org/app:v1",
        f"oci:{folder}@{manifest.digest}",
        f"oci:{folder}:@{manifest.digest}",
        f"{folder}",
        f"{folder}:v1",
        f"oci-archive:{archive}",
        f"oci-archive:{archive}:v1",
        f"{archive}",
    ]
    for text in texts:
        image = opened(text)
        assert image.top == manifest
        assert image.source == text
        assert image.name == "example.org/app:v1"


def test_blobs_are_read_from_their_place(maker: LayoutMaker, tmp_path: Path) -> None:
    maker.add(maker.image())
    archive = pack(maker.root, tmp_path / "image.tar")
    for text in (f"oci:{maker.root}", f"oci-archive:{archive}"):
        with open_image(text) as image:
            for blob in image.blobs:
                for _ in range(2):
                    with image.content.open_blob(blob)() as file:
                        assert blob.digest.matches(file.read())


def test_an_index_comes_children_first_and_each_part_once(maker: LayoutMaker) -> None:
    amd, arm = maker.image(), maker.image(architecture="arm64")
    inner = maker.nest(child(arm, "linux/arm64"), child(amd, "linux/amd64"))
    top = maker.add(maker.nest(child(amd, "linux/amd64"), child(inner)))
    image = opened(f"oci:{maker.root}")
    assert image.manifests == (amd, arm, inner, top)
    assert len(image.blobs) == 3, "two configs and the layer that both have"
    assert set(image.configs) == {m.config.digest for m in (amd, arm) if m.config}
    assert opened(f"oci:{maker.root}@{arm.digest}").manifests == (arm,)


def test_referrers_beside_the_image_leave_it_the_only_one(maker: LayoutMaker) -> None:
    image = maker.add(maker.image())
    config = maker.json({}, "application/vnd.oci.empty.v1+json")
    maker.add(maker.manifest(config=config, layers=[config], subject=image.descriptor.to_json()))
    assert opened(f"oci:{maker.root}").top == image


def test_an_empty_list_as_go_writes_it(maker: LayoutMaker) -> None:
    (maker.root / "index.json").write_text('{"schemaVersion": 2, "manifests": null}')
    assert "holds no image" in refusal(f"oci:{maker.root}")


def test_a_manifest_without_media_type_is_read(maker: LayoutMaker) -> None:
    maker.add(maker.image(mediaType=None))
    assert "mediaType" not in json.loads(opened(f"oci:{maker.root}").top.content)


def test_several_images_are_told_by_name(maker: LayoutMaker) -> None:
    maker.add(maker.image(), name="one")
    maker.add(maker.image(architecture="arm64"), name="two")
    assert "name one: one, two" in refusal(f"oci:{maker.root}")
    assert "it has one, two" in refusal(f"oci:{maker.root}:three")
    assert opened(f"oci:{maker.root}:two").name == "two"


def test_one_image_under_two_names_needs_none(maker: LayoutMaker) -> None:
    manifest = maker.image()
    maker.add(manifest, name="one")
    maker.add(manifest, name="two")
    assert opened(f"oci:{maker.root}").top == manifest


def test_one_name_for_two_images_is_refused(maker: LayoutMaker) -> None:
    images = [maker.add(maker.image(architecture=name), name="v1") for name in ("amd64", "arm64")]
    message = refusal(f"oci:{maker.root}:v1")
    assert "holds 2 images named 'v1', name one: @sha256:" in message
    assert all(f"@{image.digest}" in message for image in images)


def test_a_sparse_index_names_the_missing_platforms(maker: LayoutMaker) -> None:
    amd, arm = maker.image(), maker.image(architecture="arm64")
    maker.add(maker.nest(child(amd, "linux/amd64"), child(arm, "linux/arm64")))
    maker.path(arm.digest).unlink()
    message = refusal(f"oci:{maker.root}")
    assert "sparse" in message
    assert "linux/arm64" in message
    assert "linux/amd64" not in message


def test_missing_blobs_are_named(maker: LayoutMaker) -> None:
    manifest = maker.add(maker.image())
    maker.path(manifest.layers[0].digest).unlink()
    assert str(manifest.layers[0].digest) in refusal(f"oci:{maker.root}")


def test_foreign_layers_are_refused_unless_present(maker: LayoutMaker) -> None:
    image = maker.image()
    foreign = maker.blob(gzip.compress(b"windows"), LAYER, urls=("https://example.org/layer",))
    assert image.config
    maker.add(maker.manifest(config=image.config, layers=[foreign]))
    assert foreign in opened(f"oci:{maker.root}").blobs
    maker.path(foreign.digest).unlink()
    assert "foreign" in refusal(f"oci:{maker.root}")


def test_content_must_be_what_its_digest_says(maker: LayoutMaker) -> None:
    manifest = maker.add(maker.image())
    assert manifest.config
    path = maker.path(manifest.config.digest)
    path.write_bytes(path.read_bytes().replace(b"linux", b"LINUX"))
    assert "other content than its digest" in refusal(f"oci:{maker.root}")


def test_a_layer_of_another_size_is_refused_at_once(maker: LayoutMaker) -> None:
    manifest = maker.add(maker.image())
    maker.path(manifest.layers[0].digest).write_bytes(b"short")
    assert "has 5 bytes, not" in refusal(f"oci:{maker.root}")


def test_a_manifest_over_the_limit_is_not_read(maker: LayoutMaker) -> None:
    maker.add(maker.image())
    maker.entries[0]["size"] = MAX_MANIFEST_SIZE + 1
    maker.index()
    assert f"is over the limit of {MAX_MANIFEST_SIZE}" in refusal(f"oci:{maker.root}")


def test_a_manifest_that_is_listed_and_absent_is_named(maker: LayoutMaker) -> None:
    images = [maker.add(maker.image(architecture=name)) for name in ("amd64", "arm64")]
    maker.path(images[1].digest).unlink()
    assert f"manifest {images[1].digest} is not there" in refusal(f"oci:{maker.root}")


def test_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for name in ("file", "absent"):
        assert f"there is no folder {tmp_path / name}" in refusal(f"oci:{tmp_path / name}")


def _no_marker(maker: LayoutMaker) -> None:
    (maker.root / "oci-layout").unlink()


def _other_version(maker: LayoutMaker) -> None:
    (maker.root / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}')


def _broken_index(maker: LayoutMaker) -> None:
    (maker.root / "index.json").write_text("{")


def _traversal(maker: LayoutMaker) -> None:
    maker.entries.append({"mediaType": LAYER, "digest": "sha256:../../../etc/passwd", "size": 1})
    maker.index()


def _marker_is_a_pipe(maker: LayoutMaker) -> None:
    _no_marker(maker)
    os.mkfifo(maker.root / "oci-layout")


def _link_leads_out(maker: LayoutMaker) -> None:
    manifest = maker.add(maker.image())
    path = maker.path(manifest.digest)
    outside = path.rename(maker.root.parent / "outside")
    path.symlink_to(outside)


def _index_is_a_device(maker: LayoutMaker) -> None:
    (maker.root / "index.json").unlink()
    (maker.root / "index.json").symlink_to("/dev/zero")


def _link_in_a_circle(maker: LayoutMaker) -> None:
    (maker.root / "index.json").unlink()
    (maker.root / "index.json").symlink_to("index.json")


def _layer_as_child(maker: LayoutMaker) -> None:
    maker.add(maker.nest(maker.blob(b"not a manifest", LAYER)))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_marker, "is not an OCI image layout"),
        (_other_version, "unknown layout version"),
        (_broken_index, "index.json is not JSON"),
        (_traversal, "malformed sha256 digest"),
        (_marker_is_a_pipe, "not a regular file"),
        (_link_leads_out, "leads out of the layout"),
        (_index_is_a_device, "leads out of the layout"),
        (_link_in_a_circle, "index.json"),
        (_layer_as_child, "unknown type"),
    ],
)
def test_broken_and_hostile_layouts(
    maker: LayoutMaker, spoil: Callable[[LayoutMaker], None], said: str
) -> None:
    spoil(maker)
    assert said in refusal(f"oci:{maker.root}")


def test_limits(maker: LayoutMaker) -> None:
    manifest = maker.image()
    entry = child(manifest, "linux/amd64")
    for _ in range(3):
        entry = child(top := maker.nest(entry))
    maker.add(top)
    text = f"oci:{maker.root}"
    assert opened(text, depth=3).top == top
    assert "deep" in refusal(text, depth=2)
    assert "manifests" in refusal(text, manifests=3)
    assert "blobs" in refusal(text, blobs=1)
    assert "over the limit" in refusal(text, config_size=10)


@pytest.mark.parametrize(
    "text",
    [
        "nginx:latest",
        "oci:/nowhere:v1",
        "oci-archive:/nowhere.tar",
        "docker-daemon:app",
        "",
        "oci:",
        "\x1b[2J",
    ],
)
def test_what_is_not_there(text: str) -> None:
    message = refusal(text)
    assert "\x1b" not in message


def test_layers_that_are_not_compressed_anew_are_said_so(maker: LayoutMaker) -> None:
    manifest = maker.add(maker.image())
    options = LayerCompression(method=Compression.ZSTD)
    with open_image(f"oci:{maker.root}", selection=Selection(compression=options)) as image:
        assert image.top == manifest
        assert "pushed as they are" in image.notes[0]
    with open_image(f"oci:{maker.root}") as image:
        assert image.notes == ()


def test_one_digest_with_two_sizes_is_refused(maker: LayoutMaker) -> None:
    image = maker.image()
    assert image.config
    layer = image.layers[0]
    maker.add(maker.manifest(config=image.config, layers=[layer, replace(layer, size=layer.size + 1)]))
    assert "is said to have" in refusal(f"oci:{maker.root}")


def test_a_digest_that_is_not_there(maker: LayoutMaker) -> None:
    maker.add(maker.image())
    assert "has no manifest" in refusal(f"oci:{maker.root}@{Digest.of(b'other')}")

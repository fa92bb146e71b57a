"""Hostile and broken images: one line with place and remedy, exit code 20, nothing pushed."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy import errors
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_CONFIG
from tests.hostile import DEEP, refused
from tests.layouts import LAYER, LayoutMaker, child, pack
from tests.workspace import TARGET, Workspace


def corrupt(maker: LayoutMaker, digest: Digest, content: bytes | None) -> None:
    maker.path(digest).unlink()
    if content is not None:
        maker.path(digest).write_bytes(content)


def of_one(change: Callable[[LayoutMaker, Any], object]) -> Callable[[LayoutMaker], object]:
    """A sound image, then a change to it."""

    def arrange(maker: LayoutMaker) -> None:
        change(maker, maker.add(maker.image()))

    return arrange


def flipped(maker: LayoutMaker, digest: Digest) -> None:
    content = maker.path(digest).read_bytes()
    corrupt(maker, digest, bytes([content[0] ^ 1]) + content[1:])


def replaced_by_link(maker: LayoutMaker, digest: Digest) -> None:
    outside = maker.root.parent / "outside"
    maker.path(digest).rename(outside)
    maker.path(digest).symlink_to(outside)


def replaced_by_pipe(maker: LayoutMaker, digest: Digest) -> None:
    maker.path(digest).unlink()
    os.mkfifo(maker.path(digest))


def blobs_elsewhere(maker: LayoutMaker, _: Any) -> None:
    (maker.root / "blobs").rename(maker.root.parent / "elsewhere")
    (maker.root / "blobs").symlink_to("../elsewhere")


def entry(maker: LayoutMaker, **fields: Any) -> None:
    """An index whose only entry has these fields changed."""
    manifest = maker.add(maker.image())
    maker.entries = [{**maker.entries[0], **fields}]
    maker.index()
    assert manifest


def raw_index(text: str) -> Callable[[LayoutMaker], object]:
    return lambda maker: (maker.root / "index.json").write_text(text)


def with_config(content: bytes) -> Callable[[LayoutMaker], object]:
    def arrange(maker: LayoutMaker) -> None:
        config = maker.blob(content, OCI_CONFIG)
        maker.add(maker.manifest(config=config, layers=[maker.blob(b"layer")]))

    return arrange


def with_layer(layer: Callable[[LayoutMaker], Descriptor]) -> Callable[[LayoutMaker], object]:
    def arrange(maker: LayoutMaker) -> None:
        config = maker.image().config
        assert config
        maker.add(maker.manifest(config=config, layers=[layer(maker)]))

    return arrange


def absent_layer(maker: LayoutMaker, **fields: Any) -> Descriptor:
    return Descriptor.of(b"elsewhere", LAYER, **fields)


def large_manifest(maker: LayoutMaker) -> None:
    blob = maker.blob(b'{"schemaVersion": 2, "config": {}}' + b" " * 5_000_000)
    entry(maker, digest=str(blob.digest), size=blob.size)


def nested(maker: LayoutMaker) -> None:
    manifest = maker.image()
    for _ in range(8):
        manifest = maker.nest(child(manifest))
    maker.add(manifest)


def sparse(maker: LayoutMaker) -> None:
    there, gone = maker.image(), maker.image(architecture="arm64")
    maker.path(gone.digest).unlink()
    maker.add(maker.nest(child(there, "linux/amd64"), child(gone, "linux/arm64")))


def two(maker: LayoutMaker) -> None:
    maker.add(maker.image())
    maker.add(maker.image(architecture="arm64"))


def one_name(maker: LayoutMaker) -> None:
    maker.add(maker.image(), name="a")
    maker.add(maker.image(architecture="arm64"), name="a")


def respelt(old: str, new: str) -> Callable[[LayoutMaker], object]:
    """A sound image whose manifest has one field under another name, or twice."""

    def arrange(maker: LayoutMaker) -> None:
        manifest = maker.image()
        blob = maker.blob(manifest.content.replace(old.encode(), new.encode(), 1))
        maker.entries = [{"mediaType": manifest.media_type, "digest": str(blob.digest), "size": blob.size}]
        maker.index()

    return arrange


CONFIG = {
    "os": "linux",
    "architecture": "amd64",
    "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(b""))]},
}
LAYOUTS: dict[str, Callable[[LayoutMaker], object]] = {
    "no image": lambda _: None,
    "index absent": lambda maker: (maker.root / "index.json").unlink(),
    "index not JSON": raw_index("{"),
    "index a list": raw_index("[]"),
    "index deep": raw_index("[" * DEEP),
    "manifests no list": raw_index('{"manifests": {"a": 1}}'),
    "digest that leads out": partial(entry, digest="sha256:../../../../etc/passwd"),
    "digest of md5": partial(entry, digest="md5:" + "0" * 32),
    "digest too short": partial(entry, digest="sha256:00"),
    "digest in capitals": partial(entry, digest="sha256:" + "A" * 64),
    "size too small": partial(entry, size=3),
    "size too large": partial(entry, size=4_000_000),
    "size negative": partial(entry, size=-1),
    "size absurd": partial(entry, size=10**30),
    "size a float": partial(entry, size=1.5),
    "media type unknown": partial(entry, mediaType="text/html"),
    "no marker": lambda maker: (maker.root / "oci-layout").unlink(),
    "marker of version 2": lambda maker: (maker.root / "oci-layout").write_text(
        '{"imageLayoutVersion": "2.0.0"}'
    ),
    "marker too large": lambda maker: (maker.root / "oci-layout").write_text(" " * 1_000_000),
    "manifest absent": of_one(lambda maker, top: corrupt(maker, top.digest, None)),
    "manifest changed": of_one(lambda maker, top: flipped(maker, top.digest)),
    "manifest longer": of_one(lambda maker, top: corrupt(maker, top.digest, top.content + b" ")),
    "manifest too large": large_manifest,
    "config absent": of_one(lambda maker, top: corrupt(maker, top.config.digest, None)),
    "config changed": of_one(lambda maker, top: flipped(maker, top.config.digest)),
    "layer absent": of_one(lambda maker, top: corrupt(maker, top.layers[0].digest, None)),
    "layer of another size": of_one(lambda maker, top: corrupt(maker, top.layers[0].digest, b"short")),
    "layer a link that leads out": of_one(lambda maker, top: replaced_by_link(maker, top.layers[0].digest)),
    "manifest a link that leads out": of_one(lambda maker, top: replaced_by_link(maker, top.digest)),
    "layer a pipe": of_one(lambda maker, top: replaced_by_pipe(maker, top.layers[0].digest)),
    "blobs a link that leads out": of_one(blobs_elsewhere),
    "foreign layer": with_layer(partial(absent_layer, urls=("https://registry.example/layer",))),
    "size of a layer wrong": with_layer(lambda maker: replace(maker.blob(b"layer"), size=7)),
    "config not JSON": with_config(b"\x00"),
    "config deep": with_config(b"[" * DEEP),
    "config with a key twice": with_config(b'{"os": "linux", "os": "windows", "architecture": "amd64"}'),
    "config with NaN": with_config(json.dumps({**CONFIG, "x": float("nan")}).encode()),
    "config of other types": with_config(json.dumps({**CONFIG, "config": {"Labels": [1]}}).encode()),
    "config with a field in two cases": with_config(json.dumps({**CONFIG, "OS": "windows"}).encode()),
    "config with a nested field in two cases": with_config(
        json.dumps({**CONFIG, "config": {"Entrypoint": ["a"], "entrypoint": ["b"]}}).encode()
    ),
    "manifest with a second Config": respelt('"config"', '"Config": {}, "config"'),
    "manifest with a second Layers": respelt('"layers"', '"Layers": [], "layers"'),
    "manifest with Layers only": respelt('"layers"', '"Layers"'),
    "manifest with the long s": respelt('"layers"', '"layer\u017f": [], "layers"'),
    "manifest with a field twice": respelt('"layers"', '"layers": [], "layers"'),
    "descriptor with a second Digest": respelt('"digest"', '"Digest": "", "digest"'),
    "index with Manifests": raw_index('{"schemaVersion": 2, "manifests": [], "Manifests": []}'),
    "index with a field twice": raw_index('{"manifests": [], "manifests": []}'),
    "index with a byte order mark": raw_index('\ufeff{"manifests": []}'),
    "index with text after its end": raw_index('{"manifests": []} {}'),
    "marker with a field twice": lambda maker: (maker.root / "oci-layout").write_text(
        '{"imageLayoutVersion": "1.0.0", "ImageLayoutVersion": "1.0.0"}'
    ),
    "config for other layers": with_config(json.dumps({**CONFIG, "rootfs": {"diff_ids": []}}).encode()),
    "config for no platform": with_config(b'{"rootfs": {"type": "layers", "diff_ids": []}}'),
    "no container image": lambda maker: maker.add(
        maker.manifest(config=maker.json({}, "application/x"), layers=[])
    ),
    "indexes within indexes": nested,
    "sparse index": sparse,
    "two images": two,
    "two images of one name": one_name,
    "empty index": lambda maker: maker.add(maker.nest()),
    "another platform than the index says": lambda maker: maker.add(
        maker.nest(child(maker.image(), "linux/s390x"))
    ),
}


@pytest.mark.parametrize("arrange", LAYOUTS.values(), ids=LAYOUTS)
def test_image_layout(workspace: Workspace, arrange: Callable[[LayoutMaker], object]) -> None:
    arrange(LayoutMaker(workspace.folder / "hostile"))
    complaint = refused(workspace, errors.EXIT_INPUT, "push", "oci:hostile", TARGET)
    assert complaint.startswith("oci:hostile")


def member(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


MEMBERS: dict[str, tuple[tarfile.TarInfo, bytes]] = {
    "name that leads out": member("../../evil", b"x"),
    "name that leads out later": member("blobs/../../evil", b"x"),
    "absolute name": member("/etc/cron.d/evil", b"x"),
    "symbolic link": member("blobs/sha256/x", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "link as index": member("index.json", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "hard link": member("blobs/sha256/x", type=tarfile.LNKTYPE, linkname="index.json"),
    "device": member("blobs/sha256/x", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
    "pipe": member("blobs/sha256/x", type=tarfile.FIFOTYPE),
    "the index twice": member("index.json", b"{}"),
    "the index twice, spelt otherwise": member("./index.json", b"{}"),
    "huge extended header": member("x", pax_headers={"comment": "x" * 3_000_000}),
}


@pytest.mark.parametrize("extra", MEMBERS.values(), ids=MEMBERS)
def test_member_of_an_archive(workspace: Workspace, extra: tuple[tarfile.TarInfo, bytes]) -> None:
    archive = pack(workspace.folder / "image", workspace.path("hostile.tar"))
    with tarfile.open(archive, "a") as tar:
        tar.addfile(extra[0], io.BytesIO(extra[1]))
    complaint = refused(workspace, errors.EXIT_INPUT, "push", "oci-archive:hostile.tar", TARGET)
    assert complaint.startswith("oci-archive:hostile.tar: ")
    assert not (workspace.folder.parent / "evil").exists()


ARCHIVES: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda tar: tar[: len(tar) // 2],
    "header only": lambda tar: tar[:512],
    "compressed": gzip.compress,
    "compressed bomb": lambda _: gzip.compress(b"\0" * 10_000_000),
    "empty": lambda _: b"",
    "no archive": lambda _: b"x" * 10_000,
    "zeros": lambda _: b"\0" * 10_240,
    "negative size": lambda tar: tar[:124] + b"\xff" * 12 + tar[136:],
    "size beyond the end": lambda tar: tar[:124] + b"77777777777\0" + tar[136:],
}


@pytest.mark.parametrize("change", ARCHIVES.values(), ids=ARCHIVES)
def test_archive(workspace: Workspace, change: Callable[[bytes], bytes]) -> None:
    archive = pack(workspace.folder / "image", workspace.path("hostile.tar"))
    archive.write_bytes(change(archive.read_bytes()))
    complaint = refused(workspace, errors.EXIT_INPUT, "push", "oci-archive:hostile.tar", TARGET)
    assert complaint.startswith("oci-archive:hostile.tar: ")


def test_layer_of_other_content_is_never_tagged(workspace: Workspace) -> None:
    """Its size is right, so only its bytes tell, which are hashed while they are sent."""
    index = json.loads((workspace.folder / "image/index.json").read_text())
    blobs = workspace.folder / "image/blobs/sha256"
    manifest = json.loads((blobs / index["manifests"][0]["digest"].removeprefix("sha256:")).read_text())
    layer = blobs / manifest["layers"][-1]["digest"].removeprefix("sha256:")
    layer.write_bytes(bytes(reversed(layer.read_bytes())))
    ran = workspace.push()
    assert ran.code == errors.EXIT_INPUT
    assert layer.name in ran.complaint()
    listed = workspace.folder / "registry/index.json"
    assert not listed.exists() or not json.loads(listed.read_text())["manifests"]

"""What is published is what was judged: layers are those of the config, wherever a scan rests on it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pushpolicy import errors
from pushpolicy.model.digest import Digest
from tests.layouts import tar_layer
from tests.workspace import Workspace

EVIL = tar_layer("usr/bin/evil", b"#!/bin/sh")


class Layout:
    """The workspace's image, taken apart; `write` puts it together again with another manifest."""

    def __init__(self, workspace: Workspace) -> None:
        self.folder = workspace.folder / "image"
        self.index = json.loads((self.folder / "index.json").read_text())
        self.manifest = json.loads(self.path(self.index["manifests"][0]["digest"]).read_bytes())

    def path(self, digest: str) -> Path:
        return self.folder / "blobs" / digest.replace(":", "/")

    def store(self, content: bytes) -> dict[str, Any]:
        self.path(str(Digest.of(content))).write_bytes(content)
        return {"digest": str(Digest.of(content)), "size": len(content)}

    def write(self) -> None:
        self.index["manifests"][0] |= self.store(json.dumps(self.manifest).encode())
        (self.folder / "index.json").write_text(json.dumps(self.index))

    def layer(self, number: int) -> bytes:
        """A layer, uncompressed."""
        return gzip.decompress(self.path(self.manifest["layers"][number]["digest"]).read_bytes())


def nothing_named(workspace: Workspace, name: str = "registry") -> bool:
    """Whether the target holds no manifest, neither listed nor as a blob."""
    folder = workspace.folder / name
    index = folder / "index.json"
    listed = json.loads(index.read_text())["manifests"] if index.exists() else []
    stored = [path for path in folder.glob("blobs/sha256/*") if b"schemaVersion" in path.read_bytes()]
    return not listed and not stored


def another_layer(layout: Layout) -> None:
    layout.manifest["layers"][1] |= layout.store(gzip.compress(EVIL))


def another_member(layout: Layout) -> None:
    content = gzip.compress(layout.layer(1)) + gzip.compress(EVIL)
    layout.manifest["layers"][1] |= layout.store(content)


def bytes_after_the_end(layout: Layout) -> None:
    layout.manifest["layers"][1] |= layout.store(gzip.compress(layout.layer(1)) + b"evil")


def layers_in_another_order(layout: Layout) -> None:
    layout.manifest["layers"].reverse()


def one_layer_twice(layout: Layout) -> None:
    layout.manifest["layers"][1] = layout.manifest["layers"][0]


def another_compression(layout: Layout) -> None:
    content = zstandard.ZstdCompressor().compress(layout.layer(1))
    layout.manifest["layers"][1] |= layout.store(content)


LIES: dict[str, tuple[Callable[[Layout], None], str]] = {
    "another layer": (another_layer, "uncompressed where the config says"),
    "a second gzip member": (another_member, "uncompressed where the config says"),
    "bytes after the end": (bytes_after_the_end, "the layer"),
    "layers in another order": (layers_in_another_order, "uncompressed where the config says"),
    "one layer twice": (one_layer_twice, "is said to be two things"),
    "zstd under the type of gzip": (another_compression, "media type says gzip, its content zstd"),
}


@pytest.mark.parametrize(("lie", "said"), LIES.values(), ids=LIES)
@pytest.mark.parametrize("options", [(), ("--verify", "full")], ids=" ".join)
def test_a_layer_that_is_not_the_configs_is_never_named(
    workspace: Workspace, lie: Callable[[Layout], None], said: str, options: tuple[str, ...]
) -> None:
    """The scan is bound by the image ID, which is the config's digest; that stays as it is."""
    layout = Layout(workspace)
    lie(layout)
    layout.write()
    ran = workspace.push(*options)
    assert ran.code == errors.EXIT_INPUT, ran.out + ran.err
    assert said in ran.complaint()
    assert nothing_named(workspace)


def test_the_same_layer_otherwise_compressed_is_the_configs(workspace: Workspace) -> None:
    layout = Layout(workspace)
    layout.manifest["layers"][1] |= layout.store(zstandard.ZstdCompressor().compress(layout.layer(1)))
    layout.manifest["layers"][1]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+zstd"
    layout.manifest["layers"][0] |= layout.store(gzip.compress(layout.layer(0), 1) + bytes(512))
    layout.write()
    assert workspace.push().code == errors.EXIT_OK


def test_a_file_under_a_digest_that_the_target_has_is_read(workspace: Workspace) -> None:
    """The registry has what the digest says; the file, which was scanned, is something else."""
    assert workspace.push().code == errors.EXIT_OK
    layout = Layout(workspace)
    layer = layout.path(layout.manifest["layers"][1]["digest"])
    layer.write_bytes(bytes(reversed(layer.read_bytes())))
    ran = workspace.push(target="oci:registry:2.0.0")
    assert ran.code == errors.EXIT_INPUT, ran.out + ran.err
    assert "2.0.0" not in (workspace.folder / "registry/index.json").read_text()


def test_nothing_of_several_images_is_named_when_one_is_not_what_it_says(workspace: Workspace) -> None:
    layout = Layout(workspace)
    workspace.path("good").mkdir()
    for path in (layout.folder).rglob("*"):
        place = workspace.path(f"good/{path.relative_to(layout.folder)}")
        place.mkdir(exist_ok=True) if path.is_dir() else place.write_bytes(path.read_bytes())
    another_layer(layout)
    layout.write()
    images = [{"image": f"oci:{name}", "target": f"oci:registry-{name}:1.0.0"} for name in ("good", "image")]
    workspace.write("pushpolicy.yaml", json.dumps({"images": images}))
    ran = workspace.run("push", "--all", "--allow-target", "oci:registry-*")
    assert ran.code == errors.EXIT_INPUT, ran.out + ran.err
    assert nothing_named(workspace, "registry-good")
    assert nothing_named(workspace, "registry-image")


def test_a_check_says_that_layers_were_not_compared(workspace: Workspace) -> None:
    layout = Layout(workspace)
    ran = workspace.run("check", "oci:image", "oci:registry:1.0.0")
    assert ran.code == errors.EXIT_OK
    assert "layers: not compared" in ran.out
    ran = workspace.run("check", "oci:image", "oci:registry:1.0.0", "--verify", "full")
    assert ran.code == errors.EXIT_OK
    assert "not compared" not in ran.out
    another_layer(layout)
    layout.write()
    ran = workspace.run("check", "oci:image", "oci:registry:1.0.0", "--verify", "full")
    assert ran.code == errors.EXIT_INPUT
    assert "uncompressed where the config says" in ran.complaint()
    assert not workspace.published

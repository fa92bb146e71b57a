"""A layer that mentions packages is found, and one that was not wholly searched counts as if it did."""

from __future__ import annotations

import gzip
import io
import random
import tarfile

import pytest

from pushpolicy.images import packages
from pushpolicy.images.image import Image
from pushpolicy.images.packages import told
from pushpolicy.model import canonical
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import OCI_CONFIG, OCI_MANIFEST, Manifest
from pushpolicy.registry.interface import OpenBlob
from tests.layouts import LAYER


class Layers:
    """Layers in memory, by digest."""

    def __init__(self, *contents: bytes) -> None:
        self.blobs = [Descriptor.of(content, LAYER) for content in contents]
        self._contents = {blob.digest: content for blob, content in zip(self.blobs, contents, strict=True)}

    def open_blob(self, blob: Descriptor) -> OpenBlob:
        if blob.digest not in self._contents:
            raise FileNotFoundError(2, "it is not there")
        return lambda: io.BytesIO(self._contents[blob.digest])

    def swap(self, content: bytes) -> None:
        """What the layers hold is another thing than their digests say."""
        self._contents = dict.fromkeys(self._contents, content)

    def search(self) -> str | None:
        """What is told of an image of these layers."""
        config = Descriptor.of(b"{}", OCI_CONFIG)
        layers = [blob.to_json() for blob in self.blobs]
        value = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.to_json(), "layers": layers}
        manifest = Manifest.parse(canonical.encode(value))
        image = Image(
            source="x", name=None, manifests=(manifest,), configs={}, blobs=tuple(self.blobs), content=self
        )
        return told(image, manifest.digest)


def tar(*names: str, content: bytes = b"\x7fELF") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_a_program_alone_has_no_packages() -> None:
    assert Layers(gzip.compress(tar("app", "etc/passwd")), tar("etc/ssl/cert.pem")).search() is None


@pytest.mark.parametrize(
    "name",
    [
        "lib/apk/db/installed",
        "./var/lib/dpkg/status",
        "var/lib/dpkg/status.d/base",
        "usr/lib/sysimage/rpm/rpmdb.sqlite",
        "app/node_modules/x/package.json",
        "usr/lib/python3/site-packages/x-1.dist-info/METADATA",
        "app.jar",
        f"{'long/' * 60}Gemfile.lock",
    ],
)
def test_a_database_or_a_list_of_packages_is_found(name: str) -> None:
    layers = Layers(gzip.compress(tar("app")), gzip.compress(tar("app", name)))
    assert f"layer {layers.blobs[1].digest} holds '" in (layers.search() or "")


def test_what_a_compiler_writes_into_a_program_is_found() -> None:
    assert "Go buildinf" in (Layers(tar("app", content=b"\x7fELF...\xff Go buildinf:\x08")).search() or "")


def test_a_mark_across_two_blocks_is_found() -> None:
    block = 1024 * 1024
    for cut in range(1, 12):
        content = b"\0" * (block - cut) + b"lib/apk/db/" + b"\0" * block
        assert Layers(content).search() is not None


def test_what_was_not_searched_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = random.Random(1).randbytes(3_000)
    monkeypatch.setattr(packages, "MAX_SIZE", 5_000)
    assert Layers(noise).search() is None
    for layers in (Layers(noise, noise[1:]), Layers(gzip.compress(b"\0" * 9_000)), Layers(noise * 2)):
        assert "was not searched for packages: more than 5000 bytes are not" in (layers.search() or "")


def test_a_layer_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MAX_SIZE", 99)
    layers = Layers(b"\0" * 100)
    layers.open_blob = Layers().open_blob  # type: ignore[method-assign]
    assert "more than 99 bytes are not" in (layers.search() or "")


def test_a_layer_that_cannot_be_read_is_not_known() -> None:
    swapped = Layers(tar("app"))
    swapped.swap(tar("other"))
    assert "not what its digest says" in (swapped.search() or "")
    assert "was not searched" in (Layers(gzip.compress(tar("app"))[:-9]).search() or "")
    assert "was not searched" in (Layers(b"BZh9" + b"\0" * 100).search() or "")
    gone = Layers(tar("app"))
    gone.open_blob = Layers().open_blob  # type: ignore[method-assign]
    assert "it is not there" in (gone.search() or "")

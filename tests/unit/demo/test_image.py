"""The demo's image: the same files give the same bytes, and it is what the image spec says."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from pushpolicy.demo import image
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest

CREATED = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
LAYERS = [{"etc/os-release": b"ID=demo\n"}, {"app/b.py": b"b", "app/a.py": b"a"}]


def built(folder: Path) -> Path:
    image.build(folder, [*LAYERS], commit="c" * 40, created=CREATED, name="1.0.0")
    return folder


def blob(layout: Path, digest: Digest) -> bytes:
    return (layout / "blobs" / digest.algorithm / digest.hex).read_bytes()


def top(layout: Path) -> Manifest:
    entry = json.loads((layout / "index.json").read_text())["manifests"][0]
    return Manifest.parse(blob(layout, Digest.parse(entry["digest"])), entry["mediaType"])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    assert contents(built(tmp_path / "one")) == contents(built(tmp_path / "two"))


def test_every_blob_has_the_digest_it_is_named_by(tmp_path: Path) -> None:
    layout = built(tmp_path)
    blobs = list((layout / "blobs/sha256").iterdir())
    assert len(blobs) == 4
    assert all(Digest("sha256", path.name).matches(path.read_bytes()) for path in blobs)


def test_index_names_the_image(tmp_path: Path) -> None:
    layout = built(tmp_path)
    assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    entry = json.loads((layout / "index.json").read_text())["manifests"][0]
    assert entry["annotations"] == {"org.opencontainers.image.ref.name": "1.0.0"}
    assert entry["size"] == len(top(layout).content)


def test_config_states_platform_commit_and_uncompressed_layers(tmp_path: Path) -> None:
    layout = built(tmp_path)
    manifest = top(layout)
    assert manifest.config is not None
    config = json.loads(blob(layout, manifest.config.digest))
    assert (config["os"], config["architecture"], config["created"]) == (
        "linux",
        "amd64",
        "2026-01-12T09:00:00+00:00",
    )
    assert config["config"]["Labels"] == {"org.opencontainers.image.revision": "c" * 40}
    layers = [gzip.decompress(blob(layout, layer.digest)) for layer in manifest.layers]
    assert config["rootfs"]["diff_ids"] == [str(Digest.of(layer)) for layer in layers]


def test_layer_entries_are_sorted_below_their_folders_and_without_traces_of_the_machine(
    tmp_path: Path,
) -> None:
    layout = built(tmp_path)
    content = gzip.decompress(blob(layout, top(layout).layers[1].digest))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        entries = archive.getmembers()
        assert [(entry.name, entry.isdir()) for entry in entries] == [
            ("app", True),
            ("app/a.py", False),
            ("app/b.py", False),
        ]
        assert {(entry.uid, entry.gid, entry.mtime) for entry in entries} == {
            (0, 0, int(CREATED.timestamp()))
        }
        first = archive.extractfile("app/a.py")
        assert first is not None
        assert first.read() == b"a"

"""Docker archives of every style: what becomes of them, and what is refused."""

from __future__ import annotations

import gzip
import json
import os
import random
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.errors import InputError
from pushpolicy.images import Compression, Image, LayerCompression, Limits, Selection, open_image
from pushpolicy.images.facts import find
from pushpolicy.model.descriptor import Platform
from pushpolicy.model.digest import Digest
from tests.docker_archives import LAYERS, blob_file, config_of, new_style, old_style, write
from tests.layouts import LAYER, tar_layer

NONE = Selection(compression=LayerCompression(method=Compression.NONE))
GZIPPED = {layer: gzip.compress(layer, mtime=0) for layer in LAYERS}


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    return lambda files: write(tmp_path / "image.tar", files)


def contents(image: Image) -> Iterator[bytes]:
    """The layers, each as the push reads it and its digest demands."""
    for layer in image.top.layers:
        with image.content.open_blob(layer)() as file:
            content = file.read()
        assert layer.digest.matches(content)
        assert layer.size == len(content)
        yield content


def refusal(text: str | Path, limits: Limits | None = None) -> str:
    with pytest.raises(InputError) as caught, open_image(f"docker-archive:{text}", limits or Limits()):
        pass
    assert "\n" not in caught.value.message
    return caught.value.message


def test_layers_are_compressed_and_the_config_is_kept(saved: Callable[..., Path]) -> None:
    with open_image(f"docker-archive:{saved(old_style())}") as image:
        assert image.name == "app:1"
        assert [gzip.decompress(layer) for layer in contents(image)] == list(LAYERS)
        assert {layer.media_type for layer in image.top.layers} == {LAYER}
        assert image.top.config
        with image.content.open_blob(image.top.config)() as file:
            assert file.read() == config_of(LAYERS)
        assert find(image).platforms[0].platform == "linux/amd64"


def test_the_same_archive_gives_the_same_digest(saved: Callable[..., Path]) -> None:
    archive = saved(old_style())
    found = set()
    for _ in range(2):
        with open_image(f"docker-archive:{archive}") as image:
            found.add(image.top.digest)
    assert len(found) == 1


def test_a_linked_layer_is_compressed_once(saved: Callable[..., Path]) -> None:
    empty = tar_layer("empty", b"")
    with open_image(str(saved(old_style([empty, LAYERS[1], empty])))) as image:
        first, _, last = image.top.layers
        assert first == last
        assert len(image.blobs) == 3
        assert [gzip.decompress(layer) for layer in contents(image)] == [empty, LAYERS[1], empty]


def test_hard_links_are_followed_from_the_top(saved: Callable[..., Path], tmp_path: Path) -> None:
    files = old_style([LAYERS[1]])
    name = files["manifest.json"][0]["Layers"][0]
    files["first.tar"] = files.pop(name)
    archive = write(tmp_path / "hard.tar", files)
    with tarfile.open(archive, "a") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = tarfile.LNKTYPE, "first.tar"
        tar.addfile(member)
    with open_image(str(archive)) as image:
        assert gzip.decompress(next(contents(image))) == LAYERS[1]


def test_compressed_layers_of_the_archive_are_kept(saved: Callable[..., Path]) -> None:
    files = old_style([LAYERS[0]])
    files[files["manifest.json"][0]["Layers"][0]] = GZIPPED[LAYERS[0]]
    with open_image(str(saved(files))) as image:
        assert list(contents(image)) == [GZIPPED[LAYERS[0]]]


def test_a_whole_layout_with_compressed_layers_is_the_image(saved: Callable[..., Path]) -> None:
    files = new_style(media_type=LAYER, stored=GZIPPED)
    with open_image(str(saved(files))) as image:
        assert str(image.top.digest) == files["index.json"]["manifests"][0]["digest"]
        assert image.name == "app:1"
        assert image.notes == ()


def test_a_layout_with_uncompressed_layers_is_compressed_unless_it_is_to_be_kept(
    saved: Callable[..., Path],
) -> None:
    files = new_style()
    archive, own = saved(files), files["index.json"]["manifests"][0]["digest"]
    with open_image(str(archive), selection=NONE) as image:
        assert str(image.top.digest) == own
    with open_image(str(archive)) as image:
        assert [gzip.decompress(layer) for layer in contents(image)] == list(LAYERS)
        assert own in image.notes[0]


@pytest.mark.parametrize("missing", ["index.json", "oci-layout", "manifest"])
def test_an_incomplete_layout_is_passed_over(saved: Callable[..., Path], missing: str) -> None:
    files = new_style(media_type=LAYER, stored=GZIPPED)
    own = Digest.parse(files["index.json"]["manifests"][0]["digest"])
    del files[f"blobs/sha256/{own.hex}" if missing == "manifest" else missing]
    with open_image(f"docker-archive:{saved(files)}") as image:
        assert image.top.digest != own
        assert list(contents(image)) == list(GZIPPED.values())


def test_a_sparse_index_is_refused_and_a_platform_of_it_keeps_its_digest(saved: Callable[..., Path]) -> None:
    files = new_style(media_type=LAYER, stored=GZIPPED)
    (own,) = files["index.json"]["manifests"]
    own["platform"] = {"os": "linux", "architecture": "amd64"}
    absent = {"mediaType": own["mediaType"], "digest": f"sha256:{'0' * 64}", "size": 7}
    index = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":%s}' % (
        str([{k: v for k, v in own.items() if k != "annotations"}, absent]).replace("'", '"').encode()
    )
    files[blob_file(index)] = index
    files["index.json"]["manifests"] = [
        {
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "digest": str(Digest.of(index)),
            "size": len(index),
        }
    ]
    archive = saved(files)
    with pytest.raises(InputError, match="the index is sparse") as caught, open_image(str(archive)):
        pass
    assert caught.value.hint == "push a platform that is there: --platform linux/amd64"
    only = Selection(platforms=(Platform.parse("linux/amd64"),))
    with open_image(str(archive), selection=only) as image:
        assert str(image.top.digest) == own["digest"]


def two_images() -> dict[str, Any]:
    first, second = old_style([LAYERS[0]], tags=["app:1", "app:one"]), old_style([LAYERS[1]], tags=["app:2"])
    second["other"] = second.pop(second["manifest.json"][0]["Layers"][0])
    second["manifest.json"][0]["Layers"] = ["other"]
    return {**first, **second, "manifest.json": first["manifest.json"] + second["manifest.json"]}


def test_several_images_need_a_name(saved: Callable[..., Path]) -> None:
    archive = saved(two_images())
    assert "name one: app:1, app:2" in refusal(archive)
    assert "no image named 'app:3'" in refusal(f"{archive}:app:3")
    image_id = Digest.of(config_of([LAYERS[1]]))
    for reference in (":app:2", ":docker.io/library/app:2", f"@{image_id}"):
        with open_image(f"docker-archive:{archive}{reference}") as image:
            assert image.name == "app:2"
            assert gzip.decompress(next(contents(image))) == LAYERS[1]


def test_an_image_without_a_name(saved: Callable[..., Path]) -> None:
    with open_image(str(saved(old_style(tags=None)))) as image:
        assert image.name is None


def test_a_compressed_archive(tmp_path: Path, saved: Callable[..., Path]) -> None:
    packed = tmp_path / "image.tar.gz"
    packed.write_bytes(gzip.compress(saved(old_style()).read_bytes()))
    with open_image(str(packed)) as image:
        assert [gzip.decompress(layer) for layer in contents(image)] == list(LAYERS)
    assert "more than 1000 bytes" in refusal(packed, Limits(unpacked_size=1000))
    packed.write_bytes(packed.read_bytes()[:-20])
    assert "not readable gzip" in refusal(packed)
    packed.write_bytes(b"\xfd7zXZ" + b"x" * 100)
    assert "compressed with xz" in refusal(packed)


@pytest.mark.parametrize("as_file", [True, False])
def test_standard_input(
    saved: Callable[..., Path], as_file: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    archive = saved(old_style([LAYERS[1]]))
    if as_file:
        descriptor = os.open(archive, os.O_RDONLY)
    else:
        descriptor, end = os.pipe()
        with os.fdopen(end, "wb") as pipe:  # what is less than a pipe holds does not block
            pipe.write(archive.read_bytes())
    kept = os.dup(0)
    os.dup2(descriptor, 0)
    try:
        with open_image("docker-archive:-:app:1") as image:
            assert gzip.decompress(next(contents(image))) == LAYERS[1]
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(descriptor)


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda files: files.pop(name)


def _manifest(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda files: files["manifest.json"][0].update(fields)


def _layer(content: Any) -> Callable[[dict[str, Any]], None]:
    return lambda files: files.update({files["manifest.json"][0]["Layers"][1]: content})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(_without("manifest.json"), "no file manifest.json", id="no-manifest"),
        pytest.param(lambda files: files.update({"manifest.json": {}}), "not a list", id="no-list"),
        pytest.param(lambda files: files.update({"manifest.json": []}), "holds no image", id="empty"),
        pytest.param(_manifest(Config=7), "names no Config", id="config-is-a-number"),
        pytest.param(_manifest(Config="../../etc/passwd"), "no file ../../etc/passwd", id="traversal"),
        pytest.param(_manifest(Layers=["/etc/passwd", "x"]), "2 layers are not there", id="absolute"),
        pytest.param(_manifest(Layers=["x", 7]), "Layers of manifest.json is not a list", id="layer-7"),
        pytest.param(_manifest(RepoTags="app:1"), "RepoTags of manifest.json is not a list", id="a-tag"),
        pytest.param(_manifest(Layers=[]), "0 layers where the config says 2", id="too-few"),
        pytest.param(_layer(LAYERS[0]), "where the config says", id="another-layer"),
        pytest.param(_layer(gzip.compress(LAYERS[0])), "where the config says", id="another-in-gzip"),
        pytest.param(_layer(gzip.compress(LAYERS[1])[:-9]), "is cut off", id="broken-gzip"),
        pytest.param(_layer(b"BZh91AY"), "compressed with bzip2", id="bzip2"),
        pytest.param(_layer("../../../etc/passwd"), "a link that leads out", id="link-out"),
        pytest.param(_layer("/etc/passwd"), "a link that leads out", id="absolute-link"),
        pytest.param(_layer("layer.tar"), "a link that has no end", id="link-to-itself"),
        pytest.param(_layer("nothing"), "1 layers are not there", id="dangling-link"),
        pytest.param(_layer(gzip.compress(bytes(10_000_000))), "more than 8000000 bytes", id="bomb"),
    ],
)
def test_what_is_refused(
    saved: Callable[..., Path], change: Callable[[dict[str, Any]], None], said: str
) -> None:
    files = old_style()
    change(files)
    assert said in refusal(saved(files), Limits(unpacked_size=8_000_000))


def test_a_config_that_is_not_what_its_name_says(saved: Callable[..., Path]) -> None:
    files = old_style()
    files[files["manifest.json"][0]["Config"]] = config_of(LAYERS, architecture="arm64")
    assert "has other content than its name says" in refusal(saved(files))


def test_a_config_that_is_malformed(saved: Callable[..., Path]) -> None:
    assert "the config: rootfs is not an object" in refusal(saved(old_style(config=b'{"os": "linux"}')))


def test_a_config_over_the_limit_is_not_read(saved: Callable[..., Path]) -> None:
    assert ".json is over the limit of 10 bytes" in refusal(saved(old_style()), Limits(config_size=10))


@pytest.mark.parametrize("path", ["/nowhere.tar", "/dev/null", "/"])
def test_what_is_no_file(path: str) -> None:
    assert f"there is no file {path}" in refusal(path)


def test_a_name_twice(saved: Callable[..., Path]) -> None:
    archive = saved(old_style())
    with tarfile.open(archive, "a") as tar:
        tar.addfile(tarfile.TarInfo("manifest.json"))
    assert "holds manifest.json twice" in refusal(archive)


def test_too_many_layers(saved: Callable[..., Path]) -> None:
    assert "more than 1 layers" in refusal(saved(old_style()), Limits(blobs=1))


def test_a_cut_off_archive(saved: Callable[..., Path]) -> None:
    archive = saved(old_style())
    os.truncate(archive, 2_000_000)
    assert "cut off within" in refusal(archive)


def test_whatever_byte_is_changed_it_is_read_or_refused(tmp_path: Path) -> None:
    """A layer may not be another one; for the rest, a name may differ."""
    source = random.Random(3)
    for style in (old_style, new_style):
        good = write(tmp_path / "good.tar", style([LAYERS[1]])).read_bytes()
        for _ in range(150):
            content = bytearray(good)
            for _ in range(source.choice([1, 1, 20])):
                content[source.randrange(len(content))] = source.randrange(256)
            (tmp_path / "bad.tar").write_bytes(content)
            with suppress(InputError), open_image(f"docker-archive:{tmp_path}/bad.tar") as image:
                for layer, diff_id in zip(contents(image), find(image).platforms[0].diff_ids, strict=True):
                    assert diff_id.matches(gzip.decompress(layer))


def test_no_room_for_the_layers(
    saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    assert "layers cannot be kept there" in refusal(saved(old_style()))


def _copied(files: dict[str, Any], name: str) -> Any:
    """The layer lies there a second time."""
    return files[name]


def _linked(_: dict[str, Any], name: str) -> Any:
    """The layer is a link to the blob, as some versions of Docker write it."""
    return f"../{name}"


@pytest.mark.parametrize("stored", [_copied, _linked])
def test_layers_of_the_older_list_are_known_by_what_they_are(
    saved: Callable[..., Path], stored: Callable[[dict[str, Any], str], Any]
) -> None:
    files = new_style(media_type=LAYER, stored=GZIPPED)
    named = files["manifest.json"][0]
    names = named["Layers"]
    named["Layers"] = [f"{number}/layer.tar" for number, _ in enumerate(names)]
    for new, old in zip(named["Layers"], names, strict=True):
        files[new] = stored(files, old)
    with open_image(str(saved(files))) as image:
        assert str(image.top.digest) == files["index.json"]["manifests"][0]["digest"]
    files[named["Layers"][0]] = gzip.compress(LAYERS[0], 1, mtime=0)
    assert "contradict each other about app:1" in refusal(saved(files))


def test_a_foreign_layer_that_docker_left_out_is_called_that(saved: Callable[..., Path]) -> None:
    """`docker save` skips what must not be distributed, and both lists go on naming it."""
    files = new_style(media_type=LAYER, stored=GZIPPED)
    (entry,) = files["index.json"]["manifests"]
    manifest = files.pop(f"blobs/sha256/{entry['digest'].removeprefix('sha256:')}")
    value = json.loads(manifest)
    value["layers"][0]["urls"] = ["https://example.org/layer"]
    content = json.dumps(value).encode()
    files[blob_file(content)] = content
    entry |= {"digest": str(Digest.of(content)), "size": len(content)}
    del files[files["manifest.json"][0]["Layers"][0]]
    assert "foreign layers (urls) must be brought along" in refusal(saved(files))

"""An image layout as a repository: what it keeps, refuses, and survives."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpolicy.errors import InputError, PushError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry import Access, RepositoryClient, open_repository
from pushpolicy.registry.layout import LayoutFolder, LayoutIndex, names
from tests.layouts import LayoutMaker, of_bytes, push, referrer


@pytest.fixture
def maker(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "source")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def repository(folder: Path) -> RepositoryClient:
    return open_repository(Repository.parse(f"oci:{folder}"), Access())


def test_an_absent_folder_is_an_empty_repository(repository: RepositoryClient, folder: Path) -> None:
    assert repository.resolve("v1") is None
    assert repository.tags() == ()
    assert repository.manifest(Digest.of(b"x")) is None
    assert repository.referrers(Digest.of(b"x")) == ()
    assert not repository.has_blob(Descriptor.of(b"x", "text/plain"))
    assert not folder.exists()
    assert not repository.insecure
    assert repository.clock is None


def test_what_is_pushed_comes_back(repository: RepositoryClient, maker: LayoutMaker) -> None:
    manifest = push(repository, maker, maker.image(), "v1")
    assert repository.resolve("v1") == manifest
    assert repository.manifest(manifest.digest) == manifest
    for blob in filter(None, (manifest.config, *manifest.layers)):
        assert repository.has_blob(blob)
        assert blob.digest.matches(b"".join(repository.read_blob(blob)))


def test_a_moved_tag_leaves_the_old_manifest_listed(
    repository: RepositoryClient, maker: LayoutMaker, folder: Path
) -> None:
    old = push(repository, maker, maker.image(), "v1")
    new = push(repository, maker, maker.image(architecture="arm64"), "v1")
    push(repository, maker, new, "v2")
    assert repository.resolve("v1") == repository.resolve("v2") == new
    assert repository.tags() == ("v1", "v2")
    listed = json.loads((folder / "index.json").read_text())["manifests"]
    assert [item["digest"] for item in listed] == [str(m.digest) for m in (old, new, new)]


def test_putting_a_tag_again_changes_nothing(
    repository: RepositoryClient, maker: LayoutMaker, folder: Path
) -> None:
    manifest = push(repository, maker, maker.image(), "v1")
    before = (folder / "index.json").read_bytes()
    repository.put_manifest(manifest, "v1")
    assert (folder / "index.json").read_bytes() == before


def test_referrers(repository: RepositoryClient, maker: LayoutMaker) -> None:
    image = push(repository, maker, maker.image(), "v1")
    named = {"annotations": {"org.opencontainers.image.ref.name": "v1"}}
    notes = [push(repository, maker, referrer(maker, image, b"1", **named))]
    notes += [push(repository, maker, referrer(maker, image, b"2", artifactType="text/x-other"))]
    repository.put_referrer(notes[0])
    assert [item.digest for item in repository.referrers(image.digest)] == [note.digest for note in notes]
    assert [item.digest for item in repository.referrers(image.digest, "text/x-other")] == [notes[1].digest]
    assert repository.referrers(image.digest)[0].annotations == named["annotations"]
    assert repository.resolve("v1") == image, "a referrer's annotation is not a tag"


def test_others_entries_stay_as_they_are(
    repository: RepositoryClient, maker: LayoutMaker, folder: Path
) -> None:
    push(repository, maker, maker.image(), "v1")
    path = folder / "index.json"
    index = json.loads(path.read_text())
    foreign = {**index["manifests"][0], "annotations": {"org.example": "x"}, "unknown": [1]}
    path.write_text(json.dumps({**index, "manifests": [foreign], "annotations": {"a": "b"}}))
    push(repository, maker, maker.image(architecture="arm64"), "v2")
    written = json.loads(path.read_text())
    assert written["manifests"][0] == foreign
    assert written["annotations"] == {"a": "b"}


@pytest.mark.parametrize("content", [b"other", b"conten", b"content and more", b""])
def test_content_that_is_not_what_it_should_be_is_not_kept(
    repository: RepositoryClient, folder: Path, content: bytes
) -> None:
    blob = Descriptor.of(b"content", "text/plain")
    with pytest.raises(InputError, match=str(blob.digest)):
        repository.put_blob(blob, of_bytes(content))
    assert not repository.has_blob(blob)
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["oci-layout"]


def test_a_damaged_blob_is_not_given_to_its_end(repository: RepositoryClient, folder: Path) -> None:
    blob = Descriptor.of(b"content", "text/plain")
    repository.put_blob(blob, of_bytes(b"content"))
    (folder / "blobs" / "sha256" / blob.digest.hex).write_bytes(b"CONTENT")
    with pytest.raises(PushError, match="other content"):
        list(repository.read_blob(blob))


def test_a_damaged_manifest_is_refused(
    repository: RepositoryClient, maker: LayoutMaker, folder: Path
) -> None:
    manifest = push(repository, maker, maker.image(), "v1")
    path = folder / "blobs" / "sha256" / manifest.digest.hex
    path.write_bytes(path.read_bytes().replace(b"linux", b"LINUX") + b" ")
    with pytest.raises(PushError, match="other content"):
        repository.manifest(manifest.digest)
    with pytest.raises(PushError, match="other content"):
        repository.resolve("v1")


def test_a_manifest_without_its_blobs_is_refused(repository: RepositoryClient, maker: LayoutMaker) -> None:
    with pytest.raises(PushError, match="is not there"):
        repository.put_manifest(maker.image(), "v1")
    assert repository.tags() == ()


def test_a_folder_of_something_else_is_left_alone(repository: RepositoryClient, folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(PushError, match="is not an OCI image layout"):
        repository.put_blob(Descriptor.of(b"x", "text/plain"), of_bytes(b"x"))
    with pytest.raises(PushError, match="is not an OCI image layout"):
        repository.tags()
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


def test_blobs_that_lead_out_are_not_written(
    repository: RepositoryClient, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    folder.mkdir()
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "blobs").symlink_to(tmp_path / "outside")
    with pytest.raises(PushError, match="leads out of the layout"):
        repository.put_blob(Descriptor.of(b"x", "text/plain"), of_bytes(b"x"))
    assert not list((tmp_path / "outside").iterdir())


def test_a_full_disk(repository: RepositoryClient, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.put_blob(Descriptor.of(b"x", "text/plain"), of_bytes(b"x"))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PushError, match="No space left") as caught:
        repository.put_blob(Descriptor.of(b"y", "text/plain"), of_bytes(b"y"))
    assert "make room" in (caught.value.hint or "")
    assert not list(folder.glob(".*.tmp"))


def test_leftovers_of_killed_runs_go_after_a_day(repository: RepositoryClient, folder: Path) -> None:
    repository.put_blob(Descriptor.of(b"x", "text/plain"), of_bytes(b"x"))
    old, fresh = folder / ".pushpolicy-old.tmp", folder / ".pushpolicy-fresh.tmp"
    old.touch()
    fresh.touch()
    os.utime(old, (0, 0))
    repository.put_blob(Descriptor.of(b"y", "text/plain"), of_bytes(b"y"))
    assert not old.exists()
    assert fresh.exists()


def test_two_tags_of_one_name_are_refused(
    repository: RepositoryClient, maker: LayoutMaker, folder: Path
) -> None:
    push(repository, maker, maker.image(), "v1")
    push(repository, maker, maker.image(architecture="arm64"), "v2")
    path = folder / "index.json"
    path.write_text(path.read_text().replace('"v2"', '"v1"'))
    with pytest.raises(PushError, match="to 2 manifests"):
        repository.resolve("v1")


_WRITER = """
import io, sys
from contextlib import closing
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry import Access, open_repository
repository = open_repository(Repository.parse("oci:" + sys.argv[1]), Access())
manifest = Manifest.parse(sys.stdin.buffer.read())
repository.put_blob(manifest.config, lambda: closing(io.BytesIO(b"{}")))
for number in range(10):
    repository.put_manifest(manifest, f"writer-{sys.argv[2]}-{number}")
"""


def test_writers_do_not_lose_each_others_tags(
    repository: RepositoryClient, maker: LayoutMaker, folder: Path
) -> None:
    config = maker.json({}, "application/vnd.oci.empty.v1+json")
    manifest = maker.manifest(config=config, layers=[config])
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    for process in list(_started(folder, manifest, environment)):
        assert process.wait(60) == 0
    assert len(repository.tags()) == 40


def _started(
    folder: Path, manifest: Manifest, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    for number in range(4):
        argv = [sys.executable, "-c", _WRITER, str(folder), str(number)]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, env=environment)
        assert process.stdin
        with process.stdin:
            process.stdin.write(manifest.content)
        yield process


def test_an_index_is_parsed_once_and_again_when_it_changes(maker: LayoutMaker) -> None:
    """Whoever looks up every tag of a layout would parse all of it for each."""
    maker.add(maker.image(), name="one")
    files = LayoutFolder(maker.root)
    first = LayoutIndex.read(files)
    assert LayoutIndex.read(files) is first
    maker.add(maker.image(content=b"other"), name="two")
    second = LayoutIndex.read(files)
    assert [names(entry) for entry in second.entries] == [("one",), ("two",)]
    assert [names(entry) for entry in first.entries] == [("one",)]

"""Much put into a layout at once, and a layout of many tags read."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pytest

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import Manifest, written_artifact
from pushpolicy.model.reference import Repository
from pushpolicy.registry.admitted import ContentError
from pushpolicy.registry.layout import LayoutFolder, LayoutIndex
from pushpolicy.registry.layout.bulk import LayoutWriter
from pushpolicy.registry.layout.repository import LayoutRepository

KIND = "application/vnd.example+json"


def artifact(number: int, subject: Descriptor | None = None) -> Manifest:
    return Manifest.parse(written_artifact(KIND, [], {"number": str(number)}, subject))


def repository(folder: Path) -> LayoutRepository:
    return LayoutRepository(Repository.parse(f"oci:{folder}"))


def test_what_is_written_is_a_repository(tmp_path: Path) -> None:
    blob = Descriptor.of(b"content", "text/plain")
    image, moved = artifact(1), artifact(2)
    about = artifact(3, image.descriptor)
    with LayoutWriter.of(LayoutFolder(tmp_path)) as writer:
        writer.store(blob, [b"content"])
        for each in (image, about):
            writer.put(each)
        writer.put(image, "v1")
        writer.put(artifact(4), is_listed=False)
        assert repository(tmp_path).tags() == ()  # not before the commit
        writer.commit()
        assert writer.names("v1") == image.digest
        writer.put(moved, "v1")
        writer.commit()
    read = repository(tmp_path)
    assert read.resolve("v1") == moved
    assert [each.digest for each in read.referrers(image.digest)] == [about.digest]
    assert read.subjects() == (image.digest,)
    assert b"".join(read.read_blob(blob)) == b"content"
    listed = {entry.digest for entry in LayoutIndex.read(LayoutFolder(tmp_path)).entries}
    assert listed == {image.digest, moved.digest, about.digest}


def test_another_content_than_its_digest_is_not_kept(tmp_path: Path) -> None:
    blob = Descriptor.of(b"content", "text/plain")
    with LayoutWriter.of(LayoutFolder(tmp_path)) as writer:
        with pytest.raises(ContentError):
            writer.store(blob, [b"another"])
        assert not writer.has(blob.digest)


def test_a_layout_is_read_once_for_thousands_of_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tag by itself, and what is listed with its image, without going through all that is there."""
    number = 300
    images = [artifact(each) for each in range(number)]
    with LayoutWriter.of(LayoutFolder(tmp_path)) as writer:
        for each, image in enumerate(images):
            writer.put(image, f"v{each}")
            writer.put(artifact(each + number, image.descriptor))
        writer.commit()
    read, opened = repository(tmp_path), list[str]()
    real = LayoutFolder._open

    def noted(folder: LayoutFolder, name: str) -> BinaryIO:
        opened.append(name)
        return real(folder, name)

    monkeypatch.setattr(LayoutFolder, "_open", noted)
    for each, image in enumerate(images):
        assert read.resolve(f"v{each}") == image
        assert len(read.referrers(image.digest)) == 1
    # Each manifest for its subject, each image, and what is listed with it: once.
    assert len([name for name in opened if name.startswith("blobs/")]) <= 4 * number
    # A look at whether the index is another one now, which reads nothing of it.
    assert len([name for name in opened if name == "index.json"]) <= 2 * number + 2


def test_an_index_that_was_replaced_is_seen(tmp_path: Path) -> None:
    read = repository(tmp_path)
    for each in range(20):
        with LayoutWriter.of(LayoutFolder(tmp_path)) as writer:
            writer.put(artifact(each), "v1")
            writer.commit()
        found = read.resolve("v1")
        assert found
        assert found.annotations == {"number": str(each)}

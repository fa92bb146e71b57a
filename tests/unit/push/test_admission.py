"""No manifest is put that names what was not read in this run, whatever the registry already has."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest
from msgspec.structs import replace

from pushpolicy.errors import InputError, PushError
from pushpolicy.images.image import Image, Referrers
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Repository, Target
from pushpolicy.registry.admitted import Admission, Admitted, admit
from pushpolicy.registry.interface import OpenBlob
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.judged import Held, judge, make_image, pushed
from tests.layouts import of_bytes

IMAGE = make_image()
BLOB = Descriptor.of(b"content", "text/plain")


@pytest.fixture
def client(tmp_path: Path) -> LayoutRepository:
    """An empty repository."""
    return LayoutRepository(Repository.parse(f"oci:{tmp_path / 'layout'}"))


def changed(image: Image, blob: Descriptor) -> Image:
    """The image, whose file under this digest holds other bytes of the same number."""
    assert isinstance(image.content, Held)
    return replace(image, content=Held(image.content.blobs | {blob.digest: b"x" * blob.size}))


def manifests(client: LayoutRepository) -> list[str]:
    folder = Path(client.repository.path, "blobs", "sha256")
    return [path.name for path in folder.glob("*") if b"schemaVersion" in path.read_bytes()]


def refused(image: Image, client: LayoutRepository, said: str) -> None:
    target = Target.parse(f"{client.repository}:1.0")
    with pytest.raises(InputError, match=said), pushed(judge(image, target), client):
        pytest.fail("it was pushed")
    assert manifests(client) == []


@pytest.mark.parametrize("blob", IMAGE.blobs, ids=lambda blob: blob.media_type.rpartition(".")[2])
@pytest.mark.parametrize("there", [False, True])
def test_content_of_another_digest_is_never_named(
    blob: Descriptor, there: bool, client: LayoutRepository
) -> None:
    """Also where the registry has the true content of that digest, so that the file need not be sent."""
    if there:
        client.put_blob(blob, IMAGE.content.open_blob(blob))
    refused(changed(IMAGE, blob), client, "other content than its digest says")


class Mounting(LayoutRepository):
    """A repository that answers as if everything had been mounted."""

    def put_blob(
        self,
        blob: Descriptor,
        content: OpenBlob,
        sibling: Repository | None = None,
        *,
        is_new: bool = False,
    ) -> Admitted | None:
        super().put_blob(blob, IMAGE.content.open_blob(blob), sibling, is_new=is_new)
        return None


def test_what_is_mounted_is_read_too(client: LayoutRepository) -> None:
    refused(changed(IMAGE, IMAGE.blobs[-1]), Mounting(client.repository), "other content")


def test_referrers_are_read_before_the_first_manifest_is_put(client: LayoutRepository) -> None:
    content = b"signature"
    blob = Descriptor.of(content, "text/plain")
    value = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": IMAGE.blobs[0].to_json(),
        "layers": [blob.to_json()],
        "subject": IMAGE.top.descriptor.to_json(),
    }
    note = Manifest.parse(json.dumps(value).encode())
    carried = replace(IMAGE, referrers=Referrers(manifests=(note,), blobs=(IMAGE.blobs[0], blob)))
    refused(changed(carried, blob), client, "other content")


def test_only_reading_admits() -> None:
    with pytest.raises(TypeError, match="by reading it"):
        Admitted(object(), BLOB.digest, BLOB.size)
    admitted = admit(BLOB, of_bytes(b"content"))
    assert (admitted.digest, admitted.size) == (BLOB.digest, BLOB.size)
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copied(admitted)


@pytest.mark.parametrize("content", [b"contend", b"conten", b"content!", b""])
def test_other_content_is_not_admitted(content: bytes) -> None:
    with pytest.raises(InputError, match=str(BLOB.digest)):
        admit(BLOB, of_bytes(content))


def test_a_manifest_is_put_once_everything_it_names_was_read() -> None:
    admission, child = Admission(), IMAGE.manifests[0]
    parts = [part for part in (child.config, *child.layers) if part]
    for part in parts:
        with pytest.raises(PushError, match="was not read in this run"):
            admission.vouched(child)
        admission.add(admit(part, IMAGE.content.open_blob(part)))
    assert admission.vouched(child) is child
    with pytest.raises(PushError, match="was not read in this run"):
        admission.vouched(IMAGE.top)


def test_a_size_is_part_of_what_was_read() -> None:
    admission, child = Admission(), IMAGE.manifests[0]
    for part in (child.config, *child.layers):
        if part:
            admission.add(admit(part, IMAGE.content.open_blob(part)))
    grown = replace(child, layers=tuple(replace(layer, size=layer.size + 1) for layer in child.layers))
    with pytest.raises(PushError, match="was not read in this run"):
        admission.vouched(grown)


def test_a_layer_that_has_to_be_compared_is_not_admitted_without() -> None:
    diff_id = Digest.of(b"uncompressed")
    admission = Admission({BLOB.digest: diff_id})
    admitted = admit(BLOB, of_bytes(b"content"))
    for other in (None, Digest.of(b"another")):
        with pytest.raises(InputError, match="was not found to be"):
            admission.add(admitted, other)
    assert not admission.has(BLOB)
    admission.add(admitted, diff_id)
    assert admission.has(BLOB)


def test_what_was_read_for_another_target_counts_where_it_was_compared_alike() -> None:
    diff_id = Digest.of(b"uncompressed")
    first = Admission({BLOB.digest: diff_id})
    first.add(admit(BLOB, of_bytes(b"content")), diff_id)
    for demands, counts in ((None, True), (diff_id, True), (Digest.of(b"another"), False)):
        second = Admission({BLOB.digest: demands} if demands else {})
        second.add_all(first)
        assert second.has(BLOB) is counts
    unread = Admission({BLOB.digest: diff_id})
    plain = Admission()
    plain.add(admit(BLOB, of_bytes(b"content")))
    unread.add_all(plain)
    assert not unread.has(BLOB), "nobody compared it"

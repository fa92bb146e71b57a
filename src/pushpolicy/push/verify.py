"""Step 7: read back what was sent; nothing the repository says about itself is believed."""

from __future__ import annotations

import msgspec

from pushpolicy.errors import IncompleteError, after_landing
from pushpolicy.http.parallel import each, each_blob
from pushpolicy.images.image import Image
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import Manifest
from pushpolicy.push.transfer import Pushed
from pushpolicy.records import ARTIFACT_TYPE
from pushpolicy.records.build import Attached, NewRecord
from pushpolicy.registry.interface import RepositoryClient


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """An image and its record that are both in the repository, byte for byte."""

    pushed: Pushed
    attached: Attached

    def __post_init__(self) -> None:
        if self.attached.record is not self.pushed.record:
            raise TypeError("the record that was attached is not the record of this push")


def verify_push(pushed: Pushed, attached: Attached, *, full: bool = False) -> Verified:
    """Compare manifests, configs and the record with what was sent, and ask for every layer.

    Args:
        pushed: the image, by digest.
        attached: its record.
        full: read the layers whole, rather than their first byte and size.

    Raises:
        IncompleteError: when anything is absent or has other bytes.
    """
    verified = Verified(pushed=pushed, attached=attached)
    with after_landing("reading it back"):
        _image(pushed.image, pushed.client, full=full)
        _record(pushed.record, pushed.client)
        attached.settle()
        _listed(pushed.record, pushed.client)
    return verified


def _image(image: Image, client: RepositoryClient, *, full: bool) -> None:
    def look(blob: Descriptor) -> None:
        if blob.digest in image.configs:
            _same_content(blob, image.configs[blob.digest], client)
        elif full:
            _read(blob, client)
        elif not client.serves_blob(blob):
            raise _lost(f"blob {blob.digest}")

    each(lambda manifest: _same_manifest(manifest, client), image.manifests)
    if full:
        each_blob(look, image.blobs)
    else:
        each(look, image.blobs)


def _record(record: NewRecord, client: RepositoryClient) -> None:
    _same_manifest(record.manifest, client)
    each_blob(lambda blob: _read(blob, client), [blob.descriptor for blob in record.blobs])


def _listed(record: NewRecord, client: RepositoryClient) -> None:
    listed = client.referrers(record.subject.digest, ARTIFACT_TYPE)
    if record.manifest.digest not in {entry.digest for entry in listed}:
        raise _lost(f"record {record.manifest.digest} among what refers to the image")


def _same_manifest(manifest: Manifest, client: RepositoryClient) -> None:
    stored = client.manifest(manifest.digest)
    if stored is None or stored.content != manifest.content:
        raise _lost(f"manifest {manifest.digest}")


def _same_content(blob: Descriptor, content: bytes, client: RepositoryClient) -> None:
    if b"".join(client.read_blob(blob)) != content:
        raise _lost(f"config {blob.digest}")


def _read(blob: Descriptor, client: RepositoryClient) -> None:
    # The client hashes what it reads: bytes with the blob's digest and size are the blob's bytes.
    for _ in client.read_blob(blob):
        pass


def _lost(what: str) -> IncompleteError:
    return IncompleteError(
        f"pushed by digest, but {what} is not there as it was sent",
        "the repository lost or changed it; no tag was moved; run the push again",
    )

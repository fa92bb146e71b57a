"""Step 7: read back what was sent; nothing the repository says about itself is believed."""

from __future__ import annotations

import msgspec

from pushpolicy.errors import IncompleteError, after_landing
from pushpolicy.http.parallel import each, each_sized
from pushpolicy.images.image import Image
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import Manifest
from pushpolicy.push.transfer import Pushed
from pushpolicy.registry.interface import Attached, RepositoryClient


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """An image and everything attached to it, which are in the repository byte for byte."""

    pushed: Pushed
    attached: tuple[Attached, ...]

    def __post_init__(self) -> None:
        # Compared by identity: another build of the same record must not pass for this one.
        if [id(one.artifact) for one in self.attached] != list(map(id, self.pushed.artifacts)):
            raise TypeError("what was attached is not the record of this push and what is signed about it")


def verify_push(pushed: Pushed, attached: tuple[Attached, ...], *, full: bool = False) -> Verified:
    """Compare manifests, configs and what was attached with what was sent, and ask for every layer.

    Args:
        pushed: the image, by digest.
        attached: its record, and what is signed about it.
        full: read the layers whole, rather than their first byte and size.

    Raises:
        IncompleteError: when anything is absent or has other bytes.
    """
    verified = Verified(pushed=pushed, attached=attached)
    with after_landing("reading it back"):
        _image(pushed.image, pushed.client, full=full)
        for artifact in pushed.artifacts:
            _same_manifest(artifact.manifest, pushed.client)
            each_sized(lambda blob: _read(blob, pushed.client), [blob.descriptor for blob in artifact.blobs])
        for one in attached:
            one.settle()
        _listed(pushed)
    return verified


def _image(image: Image, client: RepositoryClient, *, full: bool) -> None:
    def look(blob: Descriptor) -> None:
        if blob.digest in image.configs:
            if b"".join(client.read_blob(blob)) != image.configs[blob.digest]:
                raise _lost(f"config {blob.digest}")
        elif full:
            _read(blob, client)
        elif not client.serves_blob(blob):
            raise _lost(f"blob {blob.digest}")

    each(lambda manifest: _same_manifest(manifest, client), image.manifests)
    if full:
        each_sized(look, image.blobs)
    else:
        each(look, image.blobs)


def _listed(pushed: Pushed) -> None:
    """Under its artifact type, too, by which readers of records filter the list."""
    listed = pushed.client.referrers(pushed.image.top.digest)
    found = {(entry.digest, entry.artifact_type) for entry in listed}
    for artifact in pushed.artifacts:
        descriptor = artifact.manifest.descriptor
        if (descriptor.digest, descriptor.artifact_type) not in found:
            raise _lost(f"{artifact.name} {descriptor.digest} among what refers to the image")


def _same_manifest(manifest: Manifest, client: RepositoryClient) -> None:
    stored = client.manifest(manifest.digest)
    if stored is None or stored.content != manifest.content:
        raise _lost(f"manifest {manifest.digest}")


def _read(blob: Descriptor, client: RepositoryClient) -> None:
    # The client hashes what it reads: bytes with the blob's digest and size are the blob's bytes.
    for _ in client.read_blob(blob):
        pass


def _lost(what: str) -> IncompleteError:
    return IncompleteError(
        f"pushed by digest, but {what} is not there as it was sent",
        "the repository lost or changed it; no tag was moved; run the push again",
    )

"""Step 7: read back what was sent; nothing the repository says about itself is believed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from pushpolicy.errors import IncompleteError, after_landing
from pushpolicy.http.parallel import Task, each_task
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.manifest import Manifest
from pushpolicy.push.transfer import Pushed
from pushpolicy.registry.interface import Attached, RepositoryClient
from pushpolicy.registry.refusals import AbsentError


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
        looks = [Task(1, partial(_settle, attached)), *_looks(pushed, full=full)]
        each_task(looks, distant=pushed.client.distant)
    return verified


def _settle(attached: Sequence[Attached]) -> None:
    for one in attached:
        one.settle()


def _looks(pushed: Pushed, *, full: bool) -> Iterator[Task]:
    """Everything at once: a distant repository answers all of it in the time of one."""
    image, client, records = pushed.image, pushed.client, pushed.records
    for manifest in image.manifests:
        yield Task(len(manifest.content), partial(_same_manifest, manifest, client))
    for blob in image.blobs:
        judged = image.configs.get(blob.digest)
        if full or judged is not None:
            yield Task(blob.size, partial(_read, blob, client, judged))
        else:
            yield Task(1, partial(_serves, blob, client))
    for artifact in pushed.artifacts:
        yield Task(len(artifact.manifest.content), partial(_same_manifest, artifact.manifest, records))
        for one in artifact.blobs:
            yield Task(one.size, partial(_read, one.descriptor, records))


def _same_manifest(manifest: Manifest, client: RepositoryClient) -> None:
    stored = client.manifest(manifest.digest)
    if stored is None or stored.content != manifest.content:
        raise _lost(f"manifest {manifest.digest}")


def _read(blob: Descriptor, client: RepositoryClient, judged: bytes | None = None) -> None:
    # The client hashes what it reads: bytes with the blob's digest and size are the blob's bytes.
    if client.gave_blob(blob, whole=True):
        return
    chunks = client.read_blob(blob)
    try:
        if judged is None:
            deque(chunks, maxlen=0)
        elif b"".join(chunks) != judged:
            raise _lost(f"config {blob.digest}")
    except AbsentError as error:
        raise _lost(f"blob {blob.digest}") from error


def _serves(blob: Descriptor, client: RepositoryClient) -> None:
    if not client.gave_blob(blob) and not client.serves_blob(blob):
        raise _lost(f"blob {blob.digest}")


def _lost(what: str) -> IncompleteError:
    return IncompleteError(
        f"pushed by digest, but {what} is not there as it was sent",
        "the repository lost or changed it, and no tag was moved; where the next push says the same, it "
        "does not keep what it is sent",
    )

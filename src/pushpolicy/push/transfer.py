"""Step 5: the blobs that are missing, the child manifests, then the top manifest by its digest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import msgspec

from pushpolicy.errors import PushError
from pushpolicy.http.parallel import each, each_sized
from pushpolicy.images.image import Image
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.push.permit import Permit, Terms
from pushpolicy.push.progress import SILENT, Progress, Watched
from pushpolicy.records.build import NewRecord
from pushpolicy.registry.artifact import Artifact
from pushpolicy.registry.interface import RepositoryClient, Settle

_BASE_NAME = "org.opencontainers.image.base.name"


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """An image that is in the repository by digest, and no tag names it yet."""

    permit: Permit
    image: Image
    record: NewRecord
    client: RepositoryClient
    statements: tuple[Artifact, ...] = ()

    def __post_init__(self) -> None:
        if not self.permit.redeemed:
            raise TypeError("nothing is pushed without redeeming the permit")

    @property
    def terms(self) -> Terms:
        """What was allowed."""
        return self.permit.terms

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """What has to be attached before a tag may be moved: the record, then what is signed about it."""
        return (self.record.artifact, *self.statements)


def push_by_digest(
    permit: Permit,
    *,
    image: Image,
    target: Target,
    record: NewRecord,
    client: RepositoryClient,
    statements: tuple[Artifact, ...] = (),
    progress: Progress = SILENT,
    landed: Sequence[Pushed] = (),
) -> Pushed:
    """Redeem the permit and send the image.

    Args:
        permit: issued for this image, target and decision.
        image: what to push.
        target: where to.
        record: the finished record of the decision, to be attached next.
        client: the target's repository.
        statements: what is signed about the record, to be attached after it.
        progress: told about each blob.
        landed: images of the same run that are there already; what they share is mounted from them.

    Raises:
        PushError: when the permit does not fit, the repository refuses, or content does not have its digest.
    """
    permit.redeem(Terms.of(record.decision, record.evidence, image, target))
    for artifact in (record.artifact, *statements):
        about = artifact.subject.digest
        if about != image.top.digest:
            raise PushError(f"the {artifact.name} is about {about}, the image is {image.top.digest}")
    if client.repository != target.repository:
        raise PushError(f"the permit is for {target.repository}, not for {client.repository}")
    _send_blobs(image, client, progress, _places(landed, client.repository))
    # Children before the index that names them; those that name none do not wait for one another.
    with settled(client) as put:
        each(put, [manifest for manifest in image.manifests if not manifest.manifests])
        for manifest in image.manifests:
            if manifest.manifests:
                put(manifest)
    return Pushed(permit=permit, image=image, record=record, client=client, statements=statements)


def _send_blobs(
    image: Image, client: RepositoryClient, progress: Progress, places: Mapping[Digest, Repository]
) -> None:
    sibling = sibling_of(image, client.repository)
    stop = threading.Event()

    def send(blob: Descriptor) -> None:
        content = Watched(blob, image.content.open_blob(blob), progress, stop)
        try:
            client.put_blob(blob, content, places.get(blob.digest, sibling))
        except Exception:
            stop.set()
            raise
        progress.blob_done(blob, sent=content.opened)

    progress.transfer_started(image.blobs)
    each_sized(send, image.blobs)


def _places(landed: Sequence[Pushed], target: Repository) -> dict[Digest, Repository]:
    """Where in the target's registry the blobs of these images are."""
    return {
        blob.digest: pushed.client.repository
        for pushed in landed
        if _is_sibling(pushed.client.repository, target)
        for blob in pushed.image.blobs
    }


@contextmanager
def settled(client: RepositoryClient) -> Iterator[Callable[[Manifest], None]]:
    """Stores manifests; at the end, waits until those that refer to others are sure to stay listed."""
    settling = list[Settle]()

    def put(manifest: Manifest) -> None:
        if manifest.subject:
            settling.append(client.put_referrer(manifest))
        else:
            client.put_manifest(manifest)

    yield put
    for settle in settling:
        settle()


def sibling_of(image: Image, target: Repository) -> Repository | None:
    """A repository of the target's registry that may hold blobs of the image.

    It is the one that the image is read from, or the one of its base image, which builders annotate
    (image-spec, "Pre-Defined Annotation Keys").
    """
    known = [image.repository] if image.repository else []
    for manifest in image.manifests:
        with suppress(ValueError):
            known.append(Reference.parse(manifest.annotations.get(_BASE_NAME, "")).repository)
    return next((place for place in known if _is_sibling(place, target)), None)


def _is_sibling(place: Repository, target: Repository) -> bool:
    return place != target and place.registry == target.registry and not place.is_layout

"""Step 5, its first part: the blobs that are missing are sent; those that are there are read."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

import msgspec

from pushpolicy.errors import PushError
from pushpolicy.http.parallel import Task, each_sized, each_task
from pushpolicy.images.image import Image
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.push.content import SILENT, Layer, Progress, Watched
from pushpolicy.push.permit import Permit, Terms
from pushpolicy.records.build import NewRecord
from pushpolicy.registry.admitted import Admission, admit
from pushpolicy.registry.interface import Artifact, Blob, RepositoryClient

_BASE_NAME = "org.opencontainers.image.base.name"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """An image whose blobs are in the repository and were read in this run; no manifest of it was put.

    Attributes:
        admission: what was read of it, and so may be named by what is put.
        previous: what each tag that exists named when the credential of the push first read it.
        records: the repository that its record is attached in: the image's own, or another.
    """

    permit: Permit
    image: Image
    record: NewRecord
    client: RepositoryClient
    records: RepositoryClient
    admission: Admission
    previous: Mapping[str, Digest]
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


def send_blobs(
    permit: Permit,
    *,
    image: Image,
    target: Target,
    record: NewRecord,
    client: RepositoryClient,
    records: RepositoryClient | None = None,
    statements: tuple[Artifact, ...] = (),
    beside: Sequence[Blob] = (),
    progress: Progress = SILENT,
    sent: Sequence[Sent] = (),
    mount_from: tuple[str, ...] = (),
    named: Mapping[str, Digest] | None = None,
) -> Sent:
    """Redeem the permit and send what the image's manifests name, or read it where it is there.

    Args:
        permit: issued for this image, target and decision.
        image: what to push.
        target: where to.
        record: the finished record of the decision, to be attached later.
        client: the target's repository.
        records: the repository of the record and what is signed about it, where that is another one.
        statements: what is signed about the record, to be attached after it.
        beside: of what will be attached, what goes along: a distant registry takes it in the same time.
        progress: told about each blob.
        sent: images of the same run that are there already; what they share is mounted from them, and what
            was read of this image for another target is not read anew where it is there.
        mount_from: globs of repositories that blobs may be mounted from.
        named: what the tags named when they were read with the credential of the push; None where that
            judged them.

    Raises:
        PushError: when the permit does not fit, or the repository refuses.
        InputError: when content is not what its digest or the image's config says.
    """
    permit.redeem(Terms.of(record.decision, record.evidence, image, target))
    for artifact in (record.artifact, *statements):
        about = artifact.subject.digest
        if about != image.top.digest:
            raise PushError(f"the {artifact.name} is about {about}, the image is {image.top.digest}")
    if client.repository != target.repository:
        raise PushError(f"the permit is for {target.repository}, not for {client.repository}")
    admission = _begun(permit, image)
    for before in sent:
        if before.image is image:
            admission.add_all(before.admission)
    sender = _Sender(
        client=client,
        admission=admission,
        compared=permit.terms.compared,
        progress=progress,
        places=_places(sent, client.repository),
        sibling=sibling_of(image, client.repository, mount_from),
        stop=threading.Event(),
    )
    blobs = _blobs(image)
    tasks = {blob.descriptor.digest: Task(blob.size, partial(sender.send_beside, blob)) for blob in beside}
    tasks |= {blob.digest: Task(blob.size, partial(sender.send, blob, image)) for blob in blobs}
    progress.transfer_started(blobs)
    each_task(tasks.values(), distant=client.distant)
    return Sent(
        permit=permit,
        image=image,
        record=record,
        client=client,
        records=records or client,
        admission=admission,
        previous=permit.terms.previous if named is None else named,
        statements=statements,
    )


class _Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Sends the blobs of one push, in several threads.

    Attributes:
        compared: the layers that have to be what the config says.
        places: repositories of the registry that have some of them.
        sibling: one that may have the others.
        stop: set when one failed: the others are given up.
    """

    client: RepositoryClient
    admission: Admission
    compared: Mapping[Digest, Layer]
    progress: Progress
    places: Mapping[Digest, Repository]
    sibling: Repository | None
    stop: threading.Event

    def send(self, blob: Descriptor, image: Image) -> None:
        """One of the image's blobs; it is read where it is there."""
        opened, layer = image.content.open_blob(blob), self.compared.get(blob.digest)
        content = Watched(blob, opened, self.progress, self.stop, layer)
        try:
            place = self.places.get(blob.digest, self.sibling)
            admitted = self.client.put_blob(blob, content, place)
            self.progress.blob_done(blob, sent=admitted is not None)
            if admitted is None and not self.admission.has(blob):
                content = Watched(blob, opened, SILENT, self.stop, layer)
                admitted = admit(blob, content)
            if admitted:
                self.admission.add(admitted, content.diff_id)
        except Exception:
            self.stop.set()
            raise

    def send_beside(self, blob: Blob) -> None:
        """One that nobody has yet."""
        try:
            blob.store(self.client, self.admission)
        except Exception:
            self.stop.set()
            raise


def read_content(image: Image, permit: Permit) -> None:
    """Read all content as a push does, and send nothing; the permit stays as it is.

    Args:
        image: what would be pushed.
        permit: issued for it.

    Raises:
        InputError: when content is not what its digest or the image's config says.
    """
    compared, stop = permit.terms.compared, threading.Event()

    def read(blob: Descriptor) -> None:
        admit(blob, Watched(blob, image.content.open_blob(blob), SILENT, stop, compared.get(blob.digest)))

    each_sized(read, _blobs(image))


def _begun(permit: Permit, image: Image) -> Admission:
    """What may be named unread: what manifests of a registry name, but for layers that are compared."""
    admission = Admission({digest: layer.diff_id for digest, layer in permit.terms.compared.items()})
    if image.repository:
        for manifest in (*image.manifests, *image.referrers.manifests):
            admission.add_named(manifest)
    return admission


def _blobs(image: Image) -> tuple[Descriptor, ...]:
    """Those of referrers too: once a manifest is put, nothing may turn out to be other content."""
    return tuple({blob.digest: blob for blob in (*image.blobs, *image.referrers.blobs)}.values())


def _places(sent: Sequence[Sent], target: Repository) -> dict[Digest, Repository]:
    """Where in the target's registry the blobs of these images are."""
    return {
        blob.digest: each.client.repository
        for each in sent
        if _is_sibling(each.client.repository, target)
        for blob in each.image.blobs
    }


def sibling_of(image: Image, target: Repository, mount_from: tuple[str, ...] = ()) -> Repository | None:
    """A repository of the target's registry that blobs of the image may be mounted from.

    It is the one that the image is read from, or one that the command line allows: by its name, or by a glob
    that matches the base image's, which builders annotate (image-spec, "Pre-Defined Annotation Keys"). An
    annotation alone would let the image choose what is read with the credential of the push.
    """
    known = [image.repository] if image.repository else []
    for name in mount_from:
        with suppress(ValueError):  # a glob is no name
            known.append(Repository.parse(name))
    for manifest in image.manifests:
        with suppress(ValueError):
            base = Reference.parse(manifest.annotations.get(_BASE_NAME, "")).repository
            known += [base for glob in mount_from if base.matches(glob)]
    return next((place for place in known if _is_sibling(place, target)), None)


def _is_sibling(place: Repository, target: Repository) -> bool:
    return place != target and place.registry == target.registry and not place.is_layout

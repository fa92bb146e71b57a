"""Step 5: the blobs that are missing, the child manifests, then the top manifest by its digest.

On request what referred to the image at its source goes along, before any tag names it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import msgspec

from pushpolicy.errors import IncompleteError, PushError, after_landing
from pushpolicy.http.parallel import each, each_sized
from pushpolicy.images.image import Image
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Reference, Repository, Target
from pushpolicy.push.content import SILENT, Progress, Watched
from pushpolicy.push.permit import Permit, Terms
from pushpolicy.records.build import NewRecord
from pushpolicy.registry.admitted import Admission, admit
from pushpolicy.registry.interface import Artifact, RepositoryClient, Settle

_BASE_NAME = "org.opencontainers.image.base.name"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """An image whose blobs are in the repository and were read in this run; no manifest of it was put.

    Attributes:
        admission: what was read of it, and so may be named by what is put.
    """

    permit: Permit
    image: Image
    record: NewRecord
    client: RepositoryClient
    admission: Admission
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


class Pushed(Sent, frozen=True, kw_only=True):
    """An image that is in the repository by digest, and no tag names it yet."""


def send_blobs(
    permit: Permit,
    *,
    image: Image,
    target: Target,
    record: NewRecord,
    client: RepositoryClient,
    statements: tuple[Artifact, ...] = (),
    progress: Progress = SILENT,
    sent: Sequence[Sent] = (),
    mount_from: tuple[str, ...] = (),
) -> Sent:
    """Redeem the permit and send what the image's manifests name, or read it where it is there.

    Args:
        permit: issued for this image, target and decision.
        image: what to push.
        target: where to.
        record: the finished record of the decision, to be attached later.
        client: the target's repository.
        statements: what is signed about the record, to be attached after it.
        progress: told about each blob.
        sent: images of the same run that are there already; what they share is mounted from them.
        mount_from: globs of repositories that blobs may be mounted from.

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
    compared, admission = permit.terms.compared, _begun(permit, image)
    sibling = sibling_of(image, client.repository, mount_from)
    places = _places(sent, client.repository)
    stop = threading.Event()

    def send(blob: Descriptor) -> None:
        opened, layer = image.content.open_blob(blob), compared.get(blob.digest)
        content = Watched(blob, opened, progress, stop, layer)
        try:
            admitted = client.put_blob(blob, content, places.get(blob.digest, sibling))
            progress.blob_done(blob, sent=admitted is not None)
            if admitted is None and not admission.has(blob):
                content = Watched(blob, opened, SILENT, stop, layer)
                admitted = admit(blob, content)
            if admitted:
                admission.add(admitted, content.diff_id)
        except Exception:
            stop.set()
            raise

    blobs = _blobs(image)
    progress.transfer_started(blobs)
    each_sized(send, blobs)
    return Sent(
        permit=permit, image=image, record=record, client=client, admission=admission, statements=statements
    )


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


def push_by_digest(sent: Sent) -> Pushed:
    """Put the manifests, the top last.

    Raises:
        PushError: when the repository refuses, or a manifest names what was not read in this run.
    """
    # Children before the index that names them; those that name none do not wait for one another.
    with settled(sent.client, sent.admission) as put:
        each(put, [manifest for manifest in sent.image.manifests if not manifest.manifests])
        for manifest in sent.image.manifests:
            if manifest.manifests:
                put(manifest)
    return Pushed(**{name: getattr(sent, name) for name in Sent.__struct_fields__})


def _places(sent: Sequence[Sent], target: Repository) -> dict[Digest, Repository]:
    """Where in the target's registry the blobs of these images are."""
    return {
        blob.digest: each.client.repository
        for each in sent
        if _is_sibling(each.client.repository, target)
        for blob in each.image.blobs
    }


@contextmanager
def settled(client: RepositoryClient, admission: Admission) -> Iterator[Callable[[Manifest], None]]:
    """Stores manifests; at the end, waits until those that refer to others are sure to stay listed."""
    settling = list[Settle]()

    def put(manifest: Manifest) -> None:
        if manifest.subject:
            settling.append(client.put_referrer(admission.vouched(manifest)))
        else:
            client.put_manifest(admission.vouched(manifest))

    yield put
    for settle in settling:
        settle()


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


def carry_referrers(pushed: Pushed) -> Pushed:
    """Put the referrers that the permit names, and read them back; nothing where none were asked for.

    Raises:
        IncompleteError: when the repository refuses one, or does not list it.
    """
    carried, client = pushed.image.referrers, pushed.client
    with after_landing("carrying its referrers along"):
        with settled(client, pushed.admission) as put:
            for manifest in carried.manifests:
                put(manifest)
        _read_back(pushed, client)
    return pushed


def _read_back(pushed: Pushed, client: RepositoryClient) -> None:
    manifests = pushed.image.referrers.manifests
    subjects = {manifest.subject.digest for manifest in manifests if manifest.subject}
    listed = {entry.digest for subject in subjects for entry in client.referrers(subject)}
    for manifest in manifests:
        stored = client.manifest(manifest.digest)
        is_listed = manifest.subject is None or manifest.digest in listed
        if stored is None or stored.content != manifest.content or not is_listed:
            raise IncompleteError(
                f"pushed by digest, but the referrer {manifest.digest} is not there as it was sent",
                "the repository lost or changed it; no tag was moved; run the push again",
            )

"""Step 5: the blobs that are missing, the child manifests, then the top manifest by its digest."""

from __future__ import annotations

from dataclasses import dataclass

from pushpolicy.errors import PushError
from pushpolicy.images.image import Image
from pushpolicy.model.reference import Target
from pushpolicy.push.permit import Permit, Terms
from pushpolicy.push.progress import SILENT, Progress, Watched
from pushpolicy.records.build import NewRecord
from pushpolicy.registry.interface import RepositoryClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """An image that is in the repository by digest, and no tag names it yet."""

    permit: Permit
    image: Image
    record: NewRecord
    client: RepositoryClient

    def __post_init__(self) -> None:
        if not self.permit.redeemed:
            raise TypeError("nothing is pushed without redeeming the permit")

    @property
    def terms(self) -> Terms:
        """What was allowed."""
        return self.permit.terms


def push_by_digest(
    permit: Permit,
    *,
    image: Image,
    target: Target,
    record: NewRecord,
    client: RepositoryClient,
    progress: Progress = SILENT,
) -> Pushed:
    """Redeem the permit and send the image.

    Args:
        permit: issued for this image, target and decision.
        image: what to push.
        target: where to.
        record: the finished record of the decision, to be attached next.
        client: the target's repository.
        progress: told about each blob.

    Raises:
        PushError: when the permit does not fit, the repository refuses, or content does not have its digest.
    """
    permit.redeem(Terms.of(record.decision, record.evidence, image, target))
    if record.subject.digest != image.top.digest:
        raise PushError(f"the record is about {record.subject.digest}, the image is {image.top.digest}")
    if client.repository != target.repository:
        raise PushError(f"the permit is for {target.repository}, not for {client.repository}")
    for blob in image.blobs:
        content = Watched(blob, image.content.open_blob(blob), progress)
        client.put_blob(blob, content)
        progress.blob_done(blob, sent=content.opened)
    for manifest in image.manifests:
        client.put_manifest(manifest)
    return Pushed(permit=permit, image=image, record=record, client=client)

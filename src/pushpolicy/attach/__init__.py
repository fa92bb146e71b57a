"""Leave the proof: the record, and what is signed about it, become referrers of the image."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from pushpolicy.errors import after_landing
from pushpolicy.http.parallel import each
from pushpolicy.registry.admitted import Admission, admit
from pushpolicy.registry.interface import Artifact, Attached, Blob, RepositoryClient

__all__ = ["Landed", "attach_artifacts"]


class Landed(Protocol):
    """An image that is in its repository by digest: the push step's `Pushed`, named by its shape.

    Steps do not import one another.
    """

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """What is to be attached to it, in order."""

    @property
    def admission(self) -> Admission:
        """What was read of it in this run; what is attached is read too before it is put."""

    @property
    def client(self) -> RepositoryClient:
        """The repository it is in."""


def attach_artifacts(landed: Landed) -> tuple[Attached, ...]:
    """Store every artifact, so that the image refers to it; the push step reads them back, and settles them.

    They are stored one after the other: a statement is never there without the record it is about, and two
    writes at once could remove one another from a list that clients keep themselves.

    Raises:
        IncompleteError: when the repository refuses one, or does not list it.
    """
    client, attached = landed.client, list[Attached]()
    for artifact in landed.artifacts:
        with after_landing(f"attaching the {artifact.name}"):
            each(partial(_send, client, landed.admission), artifact.blobs)
            settle = client.put_referrer(landed.admission.vouched(artifact.manifest))
            attached.append(Attached(artifact=artifact, settle=settle))
    return tuple(attached)


def _send(client: RepositoryClient, admission: Admission, blob: Blob) -> None:
    sent = client.put_blob(blob.descriptor, blob.open)
    admission.add(sent or admit(blob.descriptor, blob.open))

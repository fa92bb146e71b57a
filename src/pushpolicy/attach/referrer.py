"""Step 6: put the record beside the image, and see that it is listed there."""

from __future__ import annotations

from typing import Protocol

from pushpolicy.errors import IncompleteError, after_landing
from pushpolicy.records import ARTIFACT_TYPE, Attached, NewRecord
from pushpolicy.registry.interface import RepositoryClient
from pushpolicy.registry.parallel import each


class Landed(Protocol):
    """An image that is in its repository by digest: the push step's `Pushed`, named by its shape.

    Steps do not import one another.
    """

    @property
    def record(self) -> NewRecord:
        """The record of the decision that allowed it."""

    @property
    def client(self) -> RepositoryClient:
        """The repository it is in."""


def attach_record(landed: Landed) -> Attached:
    """Store the record and read back that the image refers to it.

    Raises:
        IncompleteError: when the repository refuses it, or does not list it.
    """
    record, client = landed.record, landed.client
    with after_landing("attaching the record"):
        each(lambda blob: client.put_blob(blob.descriptor, blob.open), record.blobs)
        client.put_referrer(record.manifest)
        listed = client.referrers(record.subject.digest, ARTIFACT_TYPE)
    if record.manifest.digest not in {descriptor.digest for descriptor in listed}:
        raise IncompleteError(
            f"pushed by digest, but {client.repository} does not list the record {record.manifest.digest}",
            "another writer may have replaced the list; no tag was moved; run the push again",
        )
    return Attached(record=record)

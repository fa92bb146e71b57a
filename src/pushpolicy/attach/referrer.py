"""Step 6: put the record beside the image, where it is listed."""

from __future__ import annotations

from typing import Protocol

from pushpolicy.errors import after_landing
from pushpolicy.http.parallel import each
from pushpolicy.records import Attached, NewRecord
from pushpolicy.registry.interface import RepositoryClient


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
    """Store the record, so that the image refers to it; the push step reads both back, and settles it.

    Raises:
        IncompleteError: when the repository refuses it, or does not list it.
    """
    record, client = landed.record, landed.client
    with after_landing("attaching the record"):
        each(lambda blob: client.put_blob(blob.descriptor, blob.open), record.blobs)
        settle = client.put_referrer(record.manifest)
    return Attached(record=record, settle=settle)

"""Leave the proof: the record, and what is signed about it, become referrers of the image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from pushpolicy.errors import PushError, after_landing
from pushpolicy.http.parallel import each
from pushpolicy.registry.admitted import Admission
from pushpolicy.registry.interface import Artifact, Attached, Blob, RepositoryClient
from pushpolicy.registry.refusals import RefusedError

# What registries answer that take known artifact types only, or let no tag be moved: that of the list too.
_NEVER_TAKEN = frozenset({400, 405, 409, 412, 415, 422})
_ELSEWHERE = (
    "a registry that takes known types of artifacts only, or lets no tag be moved, keeps no records: "
    "--records REPOSITORY puts them into another repository, and audit --records finds them there"
)

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
    def records(self) -> RepositoryClient:
        """The repository that its artifacts go to: the one it is in, or another."""


def attach_artifacts(landed: Landed) -> tuple[Attached, ...]:
    """Store every artifact, so that the image refers to it; the push step reads them back, and settles them.

    They are stored one after the other: a statement is never there without the record it is about, and two
    writes at once could remove one another from a list that clients keep themselves.

    Their repository needs not have the image (distribution-spec, "Pushing Manifests with Subject").

    Raises:
        IncompleteError: when the repository refuses one, or does not list it.
    """
    client, attached = landed.records, list[Attached]()
    for artifact in landed.artifacts:
        with after_landing(f"attaching the {artifact.name}"):
            store = partial(Blob.store, client=client, admission=landed.admission)
            each(store, artifact.blobs, distant=client.distant)
            with _hinting_elsewhere():
                settle = client.put_referrer(landed.admission.vouched(artifact.manifest))
            attached.append(Attached(artifact=artifact, settle=settle))
    return tuple(attached)


@contextmanager
def _hinting_elsewhere() -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        if error.status in _NEVER_TAKEN and not (error.row and error.row.is_general):
            raise PushError(error.message, _ELSEWHERE) from error
        raise

"""Leave the proof of a denial: its record goes to a repository for that, which never is the image's own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from pushpolicy.errors import PushError
from pushpolicy.http.parallel import each
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.reference import Repository
from pushpolicy.records.build import NewRecord
from pushpolicy.records.checks import is_for
from pushpolicy.records.format import denial_tag
from pushpolicy.registry.admitted import Admission
from pushpolicy.registry.interface import Artifact, Blob, RepositoryClient


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """A denial that is recorded.

    Attributes:
        repository: where; the image is not there.
        tag: what keeps it there.
        record: its manifest.
    """

    repository: Repository
    tag: str
    record: Descriptor


def keep_denial(record: NewRecord, statements: Sequence[Artifact], client: RepositoryClient) -> Denial:
    """Store the record of a denial and what is signed about it, under tags of their own.

    They refer to the image as the record of a push does, so that its digest finds them. Registries remove
    what no tag names and whose subject is absent, so each has a tag.

    Args:
        record: of a denial.
        statements: what is signed about it.
        client: the repository of denials.

    Raises:
        InputError: when a file of it cannot be read.
        PushError: when the repository refuses or does not keep it, or is none for this.
    """
    decision = record.decision
    if decision.allowed or is_for(decision, client.repository) is not False:
        raise PushError(f"{client.repository} is the target itself, or nothing was denied for another one")
    tag = denial_tag(decision.document().digest)
    admission = Admission()
    for number, artifact in enumerate((record.artifact, *statements)):
        name = f"{tag}.{number}" if number else tag
        each(partial(Blob.store, client=client, admission=admission), artifact.blobs, distant=client.distant)
        settle = client.put_referrer(admission.vouched(artifact.manifest))
        client.put_manifest(admission.vouched(artifact.manifest), name)
        settle()
        kept = client.resolve(name)
        if kept is None or kept.content != artifact.manifest.content:
            raise PushError(
                f"{client.repository}: the {artifact.name} is not there as it was sent",
                "the repository lost or changed it",
            )
    return Denial(repository=client.repository, tag=tag, record=record.artifact.manifest.descriptor)

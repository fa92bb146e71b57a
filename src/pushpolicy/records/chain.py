"""Records of one tag are chained: each names the record of the image that the tag named before."""

from __future__ import annotations

from collections.abc import Mapping

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.records import format as names
from pushpolicy.registry.interface import RepositoryClient


def records_before(client: RepositoryClient, previous: Mapping[str, Digest]) -> Mapping[str, Digest]:
    """Find the record before this one, for each tag that names an image with a record.

    Args:
        client: the target's repository.
        previous: what each tag names now.

    Raises:
        PushError: when the repository cannot be read.
    """
    listed = {image: client.referrers(image, names.ARTIFACT_TYPE) for image in set(previous.values())}
    newest = {tag: _newest(client, listed[image], tag) for tag, image in previous.items()}
    return {tag: digest for tag, digest in sorted(newest.items()) if digest}


def _newest(client: RepositoryClient, records: tuple[Descriptor, ...], tag: str) -> Digest | None:
    dated = [
        (annotations.get(names.CREATED, ""), str(record.digest), record.digest)
        for record in records
        if tag in (annotations := _annotations(client, record)).get(names.TAGS, "").split(",")
    ]
    return max(dated)[-1] if dated else None


def _annotations(client: RepositoryClient, record: Descriptor) -> Mapping[str, str]:
    """From the list of referrers where the registry copies them into it, else from the record itself."""
    if names.TAGS in record.annotations:
        return record.annotations
    manifest = client.manifest(record.digest)
    return manifest.annotations if manifest else {}

"""Find the records of a repository: by its tags, by one reference, and along the chain of each tag."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from pushpolicy.errors import PushError, RecordError, UsageError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference
from pushpolicy.records import ARTIFACT_TYPE, Record, Summary, read_record, read_summary
from pushpolicy.registry.interface import RepositoryClient


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is named somewhere, and is absent or not valid."""

    digest: Digest
    reason: str


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The records that were found, newest first, and those that are absent or not valid."""

    records: tuple[Summary, ...]
    problems: tuple[Problem, ...]


def list_records(client: RepositoryClient, reference: Reference) -> Listing:
    """Every record of a repository, of one tag with its past, or of one image.

    Images that no tag names any more are found through the records that came after theirs.

    Args:
        client: the repository of the reference.
        reference: a repository; with a tag, the records of that tag; with a digest, of that image.

    Raises:
        RecordError: when the reference does not exist or the repository cannot be read.
    """
    with _reading():
        images = _images(client, reference)
        digests = [record.digest for image in images for record in client.referrers(image, ARTIFACT_TYPE)]
        return _walk(client, digests, reference)


def find_record(client: RepositoryClient, reference: Reference) -> Record:
    """The newest record of an image, or the record of this digest.

    Raises:
        UsageError: when the reference has neither a tag nor a digest.
        RecordError: when there is no such record, or it is not valid.
    """
    if reference.digest is None and reference.tag is None:
        raise UsageError(f"{reference} names no image", "add a tag or a digest; audit list shows both")
    with _reading():
        digest = _record_digest(client, reference)
        return read_record(client, digest)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except PushError as error:
        raise RecordError(f"the records cannot be read: {error.message}", error.hint) from error


def _images(client: RepositoryClient, reference: Reference) -> tuple[Digest, ...]:
    if reference.digest:
        return (reference.digest,)
    tags = (reference.tag,) if reference.tag else client.tags()
    found = {tag: client.resolve(tag) for tag in tags}
    if reference.tag and found[reference.tag] is None:
        raise RecordError(
            f"there is no {reference}", f"audit list {reference.repository} shows what is there"
        )
    return tuple(dict.fromkeys(manifest.digest for manifest in found.values() if manifest))


def _walk(client: RepositoryClient, digests: list[Digest], reference: Reference) -> Listing:
    queue, seen = list(digests), set[Digest]()
    records, problems = list[Summary](), list[Problem]()
    while queue:
        digest = queue.pop()
        if digest in seen:
            continue
        seen.add(digest)
        try:
            summary = read_summary(client, digest)
        except RecordError as error:
            problems.append(Problem(digest=digest, reason=error.message))
            continue
        records.append(summary)
        # The chain of every tag is followed, that of the one tag, or none for one image.
        if not reference.digest:
            chains = summary.previous.items()
            queue.extend(before for tag, before in chains if reference.tag in (None, tag))
    newest_first = sorted(records, key=lambda record: (record.moment, str(record.digest)), reverse=True)
    return Listing(records=tuple(newest_first), problems=tuple(problems))


def _record_digest(client: RepositoryClient, reference: Reference) -> Digest:
    if reference.digest:
        manifest = client.manifest(reference.digest)
        if manifest is not None and manifest.artifact_type == ARTIFACT_TYPE:
            return reference.digest
    (image,) = _images(client, reference)
    only = Reference(repository=reference.repository, digest=image)
    listing = _walk(client, [record.digest for record in client.referrers(image, ARTIFACT_TYPE)], only)
    tagged = [r for r in listing.records if reference.tag is None or reference.tag in r.decision.image.tags]
    if found := (tagged or listing.records):
        return found[0].digest
    if listing.problems:
        raise RecordError(listing.problems[0].reason)
    raise RecordError(
        f"{reference} has no record", "it was not pushed by pushpolicy, or the record was removed"
    )

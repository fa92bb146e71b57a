"""Find the records of a repository: by its tags, by one reference, and along the chain of each tag.

Each is read whole and checked, one at a time, before its verdict is shown; only a summary is kept of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec
from msgspec.structs import replace

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.standing import Standing, standing
from pushpolicy.errors import PushError, RecordError, UsageError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.records.read import Record, Summary, read_record
from pushpolicy.registry.interface import RepositoryClient

MAX_RECORDS = 10_000


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is named somewhere, and is absent or not valid."""

    digest: Digest
    reason: str


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The records that were found, newest first, and those that are absent or not valid.

    Attributes:
        standings: of each record, by its digest, what is to be said beside its verdict.
        unread: how many more there are, over the limits of one listing.
    """

    records: tuple[Summary, ...]
    problems: tuple[Problem, ...]
    standings: Mapping[Digest, Standing]
    unread: int = 0

    @property
    def best(self) -> Summary | None:
        """The newest of the place that was asked about, of a known policy if there is one."""
        ranked = sorted(self.records, key=lambda record: _doubts(self.standings[record.digest]))
        return ranked[0] if ranked else None


def _doubts(found: Standing) -> tuple[bool, bool]:
    return bool(found.elsewhere), bool(found.unknown)


def list_records(
    client: RepositoryClient, reference: Reference, allowance: Allowance | None = None
) -> Listing:
    """Every record of a repository, of one tag with its past, or of one image.

    Images that no tag names any more are found through the records that came after theirs.

    Args:
        client: the repository of the reference.
        reference: a repository; with a tag, the records of that tag; with a digest, of that image.
        allowance: what it may take; None for the usual.

    Raises:
        RecordError: when the reference does not exist or the repository cannot be read.
    """
    allowance = allowance or Allowance()
    with _reading():
        with allowance.all():
            images = _images(client, reference)
            digests = [record.digest for image in images for record in client.referrers(image, ARTIFACT_TYPE)]
        return _walk(client, digests, reference, allowance)


def find_record(client: RepositoryClient, reference: Reference, allowance: Allowance | None = None) -> Record:
    """The newest record of an image, or the record of this digest.

    Args:
        client: the repository of the reference.
        reference: an image or a record.
        allowance: what it may take; None for the usual.

    Raises:
        UsageError: when the reference has neither a tag nor a digest.
        RecordError: when there is no such record, or it is not valid.
    """
    if reference.digest is None and reference.tag is None:
        raise UsageError(f"{reference} names no image", "add a tag or a digest; audit list shows both")
    allowance = allowance or Allowance()
    with _reading():
        digest = _record_digest(client, reference, allowance)
        with allowance.record():
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


def _walk(
    client: RepositoryClient, digests: list[Digest], reference: Reference, allowance: Allowance
) -> Listing:
    queue, seen = list(digests), set[Digest]()
    records, problems, standings = list[Summary](), list[Problem](), dict[Digest, Standing]()
    while queue and len(seen) < MAX_RECORDS and not allowance.is_spent:
        digest = queue.pop()
        if digest in seen:
            continue
        seen.add(digest)
        try:
            with allowance.record():
                record = read_record(client, digest)
                if reference.digest not in (None, record.summary.subject.digest):
                    raise RecordError(f"record {digest} is of another image than it is listed with")
                standings[digest] = standing(record, reference)
        except RecordError as error:
            problems.append(Problem(digest=digest, reason=error.message))
            continue
        summary = record.summary
        records.append(summary)
        # The chain of every tag is followed, that of the one tag, or none for one image.
        if not reference.digest:
            chains = summary.previous.items()
            queue.extend(before for tag, before in chains if reference.tag in (None, tag))
    newest_first = sorted(records, key=lambda record: (record.moment, str(record.digest)), reverse=True)
    return Listing(
        records=tuple(newest_first),
        problems=tuple(problems),
        standings=standings,
        unread=len(set(queue) - seen),
    )


def _record_digest(client: RepositoryClient, reference: Reference, allowance: Allowance) -> Digest:
    with allowance.all():
        if reference.digest:
            manifest = client.manifest(reference.digest)
            if manifest is not None and manifest.artifact_type == ARTIFACT_TYPE:
                return reference.digest
        (image,) = _images(client, reference)
        digests = [record.digest for record in client.referrers(image, ARTIFACT_TYPE)]
    listing = _walk(client, digests, replace(reference, digest=image), allowance)
    if listing.best is not None:
        return listing.best.digest
    if listing.problems:
        raise RecordError(listing.problems[0].reason)
    raise RecordError(
        f"{reference} has no record", "it was not pushed by pushpolicy, or the record was removed"
    )

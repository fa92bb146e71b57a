"""Find the records of a repository: by its tags, by one reference, and along the chain of each tag.

Each is read whole and checked, one at a time, before its verdict is shown; only a summary is kept of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self

import msgspec
from msgspec.structs import replace

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.standing import Standing, standing
from pushpolicy.errors import PushError, RecordError, UsageError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Reference
from pushpolicy.records.checks import is_for
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.records.read import Record, Summary, read_record
from pushpolicy.registry.interface import RepositoryClient

MAX_RECORDS = 10_000


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """A repository, and where the records about its images are.

    Attributes:
        images: the repository that is asked about.
        records: itself, or the repository that records were put into instead, which may hold those about
            other repositories too.
    """

    images: RepositoryClient
    records: RepositoryClient

    @classmethod
    def of(cls, images: RepositoryClient, records: RepositoryClient | None = None) -> Self:
        """Of a repository, which keeps its own records where no other is named."""
        return cls(images=images, records=records or images)

    def listed(self, image: Digest) -> tuple[Descriptor, ...]:
        """What is listed with an image and may be a record."""
        return self.records.referrers(image, ARTIFACT_TYPE)

    def read(self, digest: Digest, manifest: Manifest | None = None) -> Record:
        """Read a record, as `read_record` does."""
        return read_record(self.records, digest, manifest=manifest, images=self.images)

    def is_another(self, record: Record) -> bool:
        """Whether a record that is kept for several repositories is not about this one."""
        is_apart = self.records.repository != self.images.repository
        return is_apart and is_for(record.decision, self.images.repository) is False


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is named somewhere, and is absent or not valid."""

    digest: Digest
    reason: str


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The records that were found, newest first, and those that are absent or not valid.

    Attributes:
        standings: of each record, by its digest, what is to be said beside its verdict.
        unread: how many more there are, over the limits of one listing.
        place: what was asked about; None where that is one record.
    """

    records: tuple[Summary, ...]
    problems: tuple[Problem, ...]
    standings: Mapping[Digest, Standing]
    unread: int = 0
    place: Reference | None = None

    @property
    def best(self) -> Summary | None:
        """The newest of the place that was asked about, of a known policy if there is one."""
        ranked = sorted(self.records, key=lambda record: _doubts(self.standings[record.digest]))
        return ranked[0] if ranked else None


def _doubts(found: Standing) -> tuple[bool, bool]:
    return bool(found.elsewhere), bool(found.unknown)


def list_records(shelf: Shelf, reference: Reference, allowance: Allowance | None = None) -> Listing:
    """Every record of a repository, of one tag with its past, or of one image.

    Images that no tag names any more are found where lists of referrers are kept under tags, and through the
    records that came after theirs.

    Args:
        shelf: the repository of the reference, and where its records are.
        reference: a repository; with a tag, the records of that tag; with a digest, of that image.
        allowance: what it may take; None for the usual.

    Raises:
        RecordError: when there is no such reference or repository, or it cannot be read.
    """
    allowance = allowance or Allowance()
    with _reading():
        with allowance.all():
            found = [entry for image in _images(shelf.images, reference) for entry in shelf.listed(image)]
        listing = _walk(shelf, found, reference, allowance)
        if not found:
            _check_known(shelf.images, reference.digest)
    return listing


def find_record(shelf: Shelf, reference: Reference, allowance: Allowance | None = None) -> Record:
    """The newest record of an image, or the record of this digest.

    Args:
        shelf: the repository of the reference, and where its records are.
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
        digest = _record_digest(shelf, reference, allowance)
        with allowance.record():
            return shelf.read(digest)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except PushError as error:
        raise RecordError(f"the records cannot be read: {error.message}", error.hint) from error


def _images(client: RepositoryClient, reference: Reference) -> tuple[Digest, ...]:
    if reference.digest:
        return (reference.digest,)
    if reference.tag:
        image = client.resolve(reference.tag)
        if image is None:
            _check_known(client)
            raise RecordError(
                f"there is no {reference}", f"audit list {reference.repository} shows what is there"
            )
        return (image.digest,)
    tagged = (client.resolve(tag) for tag in client.tags())
    return tuple(dict.fromkeys((*(image.digest for image in tagged if image), *client.subjects())))


def _check_known(client: RepositoryClient, image: Digest | None = None) -> None:
    """Require that there is such a repository; some registries say of any name that it has no tags."""
    if not client.is_known() and (image is None or client.manifest(image) is None):
        raise RecordError(
            f"there is no repository {client.repository}, or nothing in it has a tag",
            "check its name, and that the credential may read it: some registries hide what it may not",
        )


def _walk(shelf: Shelf, found: Sequence[Descriptor], reference: Reference, allowance: Allowance) -> Listing:
    # In the order of the lists, which grow at their end, so that nobody gets before what is there; and what a
    # list does not call a record after everything that it does.
    ordered = sorted(found, key=lambda entry: entry.artifact_type != ARTIFACT_TYPE)
    queue, seen = deque(entry.digest for entry in ordered), set[Digest]()
    unsaid = {entry.digest for entry in found if entry.artifact_type != ARTIFACT_TYPE}
    records, problems, standings = list[Summary](), list[Problem](), dict[Digest, Standing]()
    while queue and len(seen) < MAX_RECORDS and not allowance.is_spent:
        digest = queue.popleft()
        if digest in seen:
            continue
        seen.add(digest)
        try:
            with allowance.record():
                manifest = shelf.records.manifest(digest) if digest in unsaid else None
                if manifest and manifest.artifact_type != ARTIFACT_TYPE:
                    continue
                record = shelf.read(digest, manifest)
                if shelf.is_another(record):
                    continue
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
            queue.extendleft(before for tag, before in chains if reference.tag in (None, tag))
    newest_first = sorted(records, key=lambda record: (record.moment, str(record.digest)), reverse=True)
    return Listing(
        records=tuple(newest_first),
        problems=tuple(problems),
        standings=standings,
        unread=len(set(queue) - seen),
        place=reference,
    )


def _record_digest(shelf: Shelf, reference: Reference, allowance: Allowance) -> Digest:
    with allowance.all():
        if reference.digest:
            manifest = shelf.records.manifest(reference.digest)
            if manifest is not None and manifest.artifact_type == ARTIFACT_TYPE:
                return reference.digest
        (image,) = _images(shelf.images, reference)
        found = shelf.listed(image)
    listing = _walk(shelf, found, replace(reference, digest=image), allowance)
    if listing.unread:
        raise RecordError(
            f"of {len(found)} manifests that are listed with {reference}, {listing.unread} were not read: "
            "which record is the newest is not known",
            "audit list shows those that were; a record that is named by its digest is read alone",
        )
    if listing.best is not None:
        return listing.best.digest
    if listing.problems:
        raise RecordError(listing.problems[0].reason)
    _check_known(shelf.images, image)
    raise RecordError(
        f"{reference} has no record", "it was not pushed by pushpolicy, or the record was removed"
    )

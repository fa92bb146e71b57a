"""Denials of an image that was allowed: one counts while it is newer than the newest ALLOW (threats 37)."""

from __future__ import annotations

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.history import reading
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.walk import Listing, Walk
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference, Repository
from pushpolicy.records.checks import is_for
from pushpolicy.records.read import Summary


def decisions_about(shelf: Shelf, image: Digest, allowance: Allowance) -> Listing:
    """What is recorded about an image, of whatever tag of its repository.

    Args:
        shelf: the repository of the image, and that of denials.
        image: the one that may have been denied.
        allowance: what it may take.

    Raises:
        RecordError: when the repository of denials cannot be read.
    """
    with reading():
        walk = Walk(shelf, Reference(repository=shelf.images.repository, digest=image), allowance)
        walk.look_at([image])
        return walk.listing()


def denied_since(allowed: Summary, repository: Repository, listing: Listing) -> Summary | None:
    """The newest denial of the same repository and image, of whatever tag, that is no older than an ALLOW."""
    denied = [
        each
        for each in listing.records
        if not each.decision.allowed
        and each.subject.digest == allowed.subject.digest
        and each.moment >= allowed.moment
        and is_for(each.decision, repository) is not False
    ]
    return max(denied, key=lambda each: (each.moment, str(each.digest)), default=None)

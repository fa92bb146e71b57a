"""What a mirror knows of an image or a tag that its registry does not show any more (threats 36)."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.chain import newest_of, place_of
from pushpolicy.audit.mirror.journal import Journal
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.verified import Check, Copy, Found
from pushpolicy.audit.walk import Listing, Walk, opened
from pushpolicy.errors import RecordError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference
from pushpolicy.records.read import Summary

_MAX_TOLD = 10
_MOVED_BACK = (
    "the tag was moved back to an older image, or what came later was removed; `pushpolicy audit list "
    "mirror:DIR` shows it: find out who did it, and push what the tag is to name"
)
_REMOVED = "find out who removed it; the mirror has it: `pushpolicy audit list mirror:DIR`"


def confirm(copy: Copy, shelf: Shelf, found: Found, allowance: Allowance) -> Iterator[Check]:
    """Hold what a registry shows of a reference against what a mirror saw of it before.

    What the mirror has is checked as what the registry has: what no listed key vouches for tells nothing.

    Args:
        copy: what the mirror has of the repository.
        shelf: the repository.
        found: what it shows of the reference.
        allowance: what it may take.

    Raises:
        PushError: when one of them cannot be read.
    """
    tag, journal = found.reference.tag, copy.journal
    listing = _listing(copy, found, allowance)
    newer = tuple(_newer(found, listing, tag, journal)) if tag else ()
    yield from newer
    there = {each.digest for each in found.listing.records}
    if newer and (newest := newest_of(listing, tag or "")):
        there.add(newest.digest)  # which is told
    asked = [each for each in listing.records if each.digest not in there]
    about = [each for each in asked if tag in each.decision.image.tags or each.subject.digest == found.image]
    gone = [each for each in about if not _counts(shelf, found.reference, each, allowance)]
    for each in gone[:_MAX_TOLD]:
        what = f"record {each.digest} ({each.decision.verdict} of {each.decision.evaluated_at})"
        says = f"{what} about {each.subject.digest} counted, and the registry does not show it so any more"
        yield Check(name="mirror", passed=False, says=says, hint=_REMOVED)
    if len(gone) > _MAX_TOLD:
        yield Check(name="mirror", passed=False, says=f"and {len(gone) - _MAX_TOLD} more records like that")
    if not newer and not gone:
        yield _confirmed(copy, found, listing)


def _listing(copy: Copy, found: Found, allowance: Allowance) -> Listing:
    """The records of the image; with a tag those of everything that it was seen to name, and before."""
    reference, tag = found.reference, found.reference.tag
    seen = copy.journal.tags.get(tag or "", ())
    named: tuple[Digest | None, ...] = (found.image, *(each.names for each in seen))
    about = Reference(repository=reference.repository, tag=tag, digest=None if tag else found.image)
    walk = Walk(copy.shelf, about, allowance)
    walk.look_at(filter(None, named))
    return walk.listing()


def _counts(shelf: Shelf, place: Reference, record: Summary, allowance: Allowance) -> bool:
    """Whether a record that was not come across is listed by the registry all the same, and counts."""
    with allowance.record():
        if record.digest not in {entry.digest for entry in shelf.listed(record.subject.digest)}:
            return False
    try:
        with allowance.record():
            return opened(shelf, place, record.digest, record.subject.digest) is not None
    except RecordError:
        return False


def _newer(found: Found, listing: Listing, tag: str, journal: Journal) -> Iterator[Check]:
    newest, record = newest_of(listing, tag), found.record
    if newest is None or (record and newest.digest == record.digest):
        return
    number = place_of(newest, tag)
    if record and number < place_of(record, tag):
        return
    seen = next((each for each in journal.tags.get(tag, ()) if each.names == newest.subject.digest), None)
    since = f", which it named when it was seen at {seen.at}" if seen else ""
    than = "no older than what is there now" if record else "no more there, or not so that it counts"
    about = f"about {newest.subject.digest}{since}"
    says = f"number {number} of the tag {tag}, record {newest.digest}, is {than}, {about}"
    yield Check(name="mirror", passed=False, says=says, hint=_MOVED_BACK)


def _confirmed(copy: Copy, found: Found, listing: Listing) -> Check:
    when = copy.journal.complete
    if not listing.records:
        says = f"it has no record of {found.reference} (all was looked at last: {when or 'never'})"
        hint = "`pushpolicy audit mirror` brings it up to date"
        return Check(name="mirror", passed=None, says=says, hint=hint)
    known = {each.digest for each in listing.records}
    of_before = "" if found.record and found.record.digest in known else ", which is older than this record"
    says = f"nothing newer and nothing that is gone, by the mirror of {when or 'a part'}{of_before}"
    return Check(name="mirror", passed=True, says=says)

"""Verify what a reference names: each thing that can be wrong is looked at, and told by itself.

Nothing in a record is parsed before a listed key vouches for it, and nothing is evaluated before its policy
is found to be a known one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.chain import place_of
from pushpolicy.audit.checks import checks
from pushpolicy.audit.history import NO_RECORD, by_name, images_of, reading
from pushpolicy.audit.others import others_about
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.verified import Check, Found, Verified, Wanted
from pushpolicy.audit.walk import Listing, Problem, Walk
from pushpolicy.engines import LocalOpa
from pushpolicy.errors import RecordError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference
from pushpolicy.records import format as names
from pushpolicy.records.read import Summary

_MAX_TOLD = 10


def verify(
    shelf: Shelf, reference: Reference, engine: LocalOpa, wanted: Wanted, allowance: Allowance
) -> Verified:
    """Look at everything that is known of the newest record of an image, or of the one that is named.

    Args:
        shelf: where the records are, and which keys are believed.
        reference: an image by tag or digest, or a record by its digest.
        engine: decides again.
        wanted: what more is asked for.
        allowance: what it may take.

    """
    try:
        with reading():
            return _verified(shelf, reference, engine, wanted, allowance)
    except RecordError as error:  # there is no such image, or it cannot be read
        check = Check(name="list", passed=False, says=error.message, hint=error.hint)
        return Verified(reference=reference, record=None, standing=None, checks=(check,))


def _verified(
    shelf: Shelf, reference: Reference, engine: LocalOpa, wanted: Wanted, allowance: Allowance
) -> Verified:
    found = _look(shelf, reference, allowance)
    looked = list(_checks_of_list(found))
    if found.record is None:
        looked += _unvouched(shelf, found)
        looked += _confirmed(shelf, found, wanted, allowance)
        return Verified(reference=reference, record=None, standing=None, checks=tuple(looked))
    digest, how = found.record.digest, found.listing.standings[found.record.digest]
    with allowance.record():
        record = shelf.read(digest)
    looked += checks(shelf, found, record, engine, wanted, allowance)
    looked += _confirmed(shelf, found, wanted, allowance)
    refused = [item for item in shelf.signatures.of(found.image).refused if item.about == digest]
    return Verified(
        reference=reference,
        record=found.record,
        standing=how if reference.digest == digest else replace(how, newest=True),
        checks=tuple(looked),
        ignored=(
            *(item.bare for item in found.listing.problems if not item.vouched),
            *(f"statement {item.digest} {item.reason}" for item in refused),
        ),
    )


def _confirmed(shelf: Shelf, found: Found, wanted: Wanted, allowance: Allowance) -> Iterator[Check]:
    if wanted.mirror:
        from pushpolicy.audit.mirror.confirm import confirm

        yield from confirm(wanted.mirror, shelf, found, allowance)


def _look(shelf: Shelf, reference: Reference, allowance: Allowance) -> Found:
    """What there is of a reference: its image, what is listed with that, and what may be newer."""
    with allowance.all():
        manifest = by_name(shelf.records, reference)
        is_record = manifest is not None and manifest.artifact_type == names.ARTIFACT_TYPE
        if is_record and not reference.digest:  # what a tag names is no record, but that of a denial
            reference = replace(reference, tag=None)
        tag, subject = reference.tag, manifest.subject if manifest and is_record else None
        image = subject.digest if subject else images_of(shelf.images, reference)[0]
        resolved = shelf.images.resolve(tag) if tag else None
        walk = Walk(shelf, replace(reference, digest=None), allowance)
        walk.look_at([image])
        if tag:
            walk.look_at(others_about(shelf, image, tag))
    listing = walk.listing()
    if manifest and is_record:
        record = next((each for each in listing.records if each.digest == manifest.digest), None)
    else:
        record = _newest(listing, image, tag)
    return Found(
        reference=reference,
        image=image,
        named=resolved.digest if resolved else None,
        listing=listing,
        record=record,
    )


def _newest(listing: Listing, image: Digest, tag: str | None) -> Summary | None:
    """The newest record of an image: an ALLOW, about the tag, if there is one."""

    def rank(record: Summary) -> tuple[bool, bool, int, datetime]:
        decision = record.decision
        return tag in decision.image.tags, decision.allowed, place_of(record, tag or ""), record.moment

    return max((each for each in listing.records if each.subject.digest == image), key=rank, default=None)


def _checks_of_list(found: Found) -> Iterator[Check]:
    """What is listed with the image: whether something counts, and whether all of it was read."""
    listing = found.listing
    if listing.unread:
        says = (
            f"incomplete: {listing.unread} more records or statements are listed, over the limits: "
            "which is the newest is not known"
        )
        hint = "somebody floods the list: find out who, and remove what was put there"
        yield Check(name="list", passed=False, says=says, hint=hint)
    told = [each for each in listing.problems if each.vouched or found.record is None]
    chained = {link.previous for each in listing.records for link in each.decision.chain.values()}
    # What is missing of a chain is told as that.
    told = [each for each in told if each.digest not in chained]
    for problem in told[:_MAX_TOLD]:
        yield _of_problem(problem)
    if len(told) > _MAX_TOLD:
        yield Check(
            name="signature", passed=False, says=f"and {len(told) - _MAX_TOLD} more records like that"
        )


def _unvouched(shelf: Shelf, found: Found) -> Iterator[Check]:
    """Why nothing counts, where that was not told of a record."""
    told = {problem.digest for problem in found.listing.problems}
    refused = [item for item in shelf.signatures.of(found.image).refused if item.about not in told]
    if not told and not found.listing.unread:
        says = f"{found.reference} has no record"
        yield Check(name="signature", passed=False, says=says, hint=NO_RECORD)
    for item in refused[:_MAX_TOLD]:
        if not (item.about is None and told):  # told of each record
            says = f"statement {item.digest} {item.reason}"
            yield Check(name="signature", passed=False, says=says, hint=item.hint)


def _of_problem(problem: Problem) -> Check:
    return Check(name="signature", passed=False, says=problem.bare, hint=problem.hint)

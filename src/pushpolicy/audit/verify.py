"""Verify what a reference names: each thing that can be wrong is looked at, and told by itself.

Nothing in a record is parsed before a listed key vouches for it, and nothing is evaluated before its policy
is found to be a known one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import chain, islice

import msgspec
from msgspec.structs import replace

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.chain import faults, newest_of, place_of
from pushpolicy.audit.history import images_of, reading
from pushpolicy.audit.replay import Differs, NotReplayable, replay
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.standing import Standing
from pushpolicy.audit.walk import Listing, Problem, Walk
from pushpolicy.engines import LocalOpa
from pushpolicy.errors import RecordError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference
from pushpolicy.model.text import first_of, printable
from pushpolicy.records import format as names
from pushpolicy.records.kept import check_kept
from pushpolicy.records.read import Record, Summary

# Other images of the repository that are looked at for a newer record of the tag.
MAX_IMAGES = 1000
_MAX_TOLD = 10


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a record beside what every one has to be.

    Attributes:
        at: now.
        max_age: how old its decision may be; None for any age.
        offline: whether it is read from a copy, whose tags are not those of the registry.
    """

    at: datetime
    max_age: timedelta | None = None
    offline: bool = False


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        passed: None where it could not be looked at, or was not asked for.
        says: what was found.
    """

    name: str
    passed: bool | None
    says: str
    hint: str | None = None


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a reference.

    Attributes:
        record: None where there is none that a listed key vouches for.
        ignored: what is listed with the image and does not count; one line each.
    """

    reference: Reference
    record: Summary | None
    standing: Standing | None
    checks: tuple[Check, ...]
    ignored: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[Check, ...]:
        """What is wrong; nothing where it is valid."""
        return tuple(check for check in self.checks if check.passed is False)


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
    found = _Found.of(shelf, reference, allowance)
    checks = list(_checks_of_list(found))
    if found.record is None:
        checks += _unvouched(shelf, found)
        return Verified(reference=reference, record=None, standing=None, checks=tuple(checks))
    digest, how = found.record.digest, found.listing.standings[found.record.digest]
    with allowance.record():
        record = shelf.read(digest)
    checks += _checks(shelf, found, record, engine, wanted, allowance)
    refused = [each for each in shelf.signatures.of(found.image).refused if each.about == digest]
    return Verified(
        reference=reference,
        record=found.record,
        standing=how if reference.digest == digest else replace(how, newest=True),
        checks=tuple(checks),
        ignored=(
            *(each.reason for each in found.listing.problems if not each.vouched),
            *(f"statement {each.digest} {each.reason}" for each in refused),
        ),
    )


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of a reference.

    Attributes:
        image: the one that is asked about.
        named: what the tag of the reference names; None where there is no tag, or it names nothing.
        record: the one that is verified.
    """

    reference: Reference
    image: Digest
    named: Digest | None
    listing: Listing
    record: Summary | None

    @classmethod
    def of(cls, shelf: Shelf, reference: Reference, allowance: Allowance) -> _Found:
        tag, digest = reference.tag, reference.digest
        walk = Walk(shelf, replace(reference, digest=None), allowance)
        with allowance.all():
            manifest = shelf.records.manifest(digest) if digest else None
            is_record = bool(manifest and manifest.artifact_type == names.ARTIFACT_TYPE)
            subject = manifest.subject.digest if manifest and is_record and manifest.subject else digest
            (image,) = (subject,) if subject else images_of(shelf.images, reference)
            resolved = shelf.images.resolve(tag) if tag else None
            walk.look_at([image])
            if tag:
                walk.look_at(_others(shelf, image, tag))
        listing = walk.listing()
        if is_record:
            record = next((each for each in listing.records if each.digest == digest), None)
        else:
            record = _newest(listing, image, tag)
        return cls(
            reference=reference,
            image=image,
            named=resolved.digest if resolved else None,
            listing=listing,
            record=record,
        )


def _newest(listing: Listing, image: Digest, tag: str | None) -> Summary | None:
    """The newest record of an image: of the tag, if there is one about it."""

    def rank(record: Summary) -> tuple[bool, int, datetime]:
        return tag in record.decision.image.tags, place_of(record, tag or ""), record.moment

    return max((each for each in listing.records if each.subject.digest == image), key=rank, default=None)


def _others(shelf: Shelf, image: Digest, tag: str) -> Iterator[Digest]:
    """Other images with a record that may be about this tag, which may have been moved back."""
    client = shelf.images
    tagged = (manifest.digest for name in client.tags() if (manifest := client.resolve(name)))
    seen = {image}
    for other in islice(chain(client.subjects(), tagged), MAX_IMAGES):
        listed = () if other in seen else shelf.listed(other)
        seen.add(other)
        if any(tag in entry.annotations.get(names.TAGS, tag).split(",") for entry in listed):
            yield other


def _checks_of_list(found: _Found) -> Iterator[Check]:
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


def _unvouched(shelf: Shelf, found: _Found) -> Iterator[Check]:
    """Why nothing counts, where that was not told of a record."""
    told = {problem.digest for problem in found.listing.problems}
    refused = [each for each in shelf.signatures.of(found.image).refused if each.about not in told]
    if not told and not found.listing.unread:
        says = f"{found.reference} has no record"
        hint = "it was not pushed by pushpolicy, or the record was removed"
        yield Check(name="signature", passed=False, says=says, hint=hint)
    for each in refused[:_MAX_TOLD]:
        if not (each.about is None and told):  # told of each record
            yield Check(
                name="signature", passed=False, says=f"statement {each.digest} {each.reason}", hint=each.hint
            )


def _of_problem(problem: Problem) -> Check:
    says = problem.reason.removeprefix("NOT VALID: ")
    return Check(name="signature", passed=False, says=says, hint=problem.hint)


def _checks(
    shelf: Shelf, found: _Found, record: Record, engine: LocalOpa, wanted: Wanted, allowance: Allowance
) -> Iterator[Check]:
    decision, how = record.decision, found.listing.standings[record.summary.digest]
    says = f"{how.signature}, for {first_of([printable(tag) for tag in how.signature.tags], 5)}"
    yield Check(name="signature", passed=True, says=says)
    yield from _places(found, how)
    if found.reference.tag:
        yield from _tag(found, record.summary, found.reference.tag, wanted)
    yield _result(record)
    yield _anchored(record, how)
    yield _age(datetime.fromisoformat(decision.evaluated_at), wanted)
    yield from _chains(found, record.summary)
    yield _complete(shelf, record, allowance)
    yield _replayed(record, engine, allowance)


def _places(found: _Found, how: Standing) -> Iterator[Check]:
    for says in how.elsewhere:
        yield Check(name="place", passed=False, says=says, hint="it was decided about another place")
    if not how.elsewhere:
        yield Check(name="place", passed=True, says=str(found.reference))


def _tag(found: _Found, record: Summary, tag: str, wanted: Wanted) -> Iterator[Check]:
    """Whether the tag names the image, and no record of it is newer."""
    if wanted.offline:
        yield Check(name="tag", passed=None, says=f"what {tag} names in the registry is not asked: offline")
    elif found.named != record.subject.digest:
        says = f"the tag {tag} names {found.named or 'nothing'}, not {record.subject.digest}"
        yield Check(name="tag", passed=False, says=says, hint="it was moved or removed since")
    newest = newest_of(found.listing, tag)
    if newest and place_of(newest, tag) > place_of(record, tag):
        says = (
            f"number {place_of(newest, tag)} of the tag {tag}, record {newest.digest}, is newer, "
            f"about {newest.subject.digest}"
        )
        yield Check(name="newest", passed=False, says=says, hint=f"an older image was put back under {tag}")
    elif found.named == record.subject.digest and not wanted.offline:
        yield Check(name="tag", passed=True, says=f"{tag} names {record.subject.digest}")


def _result(record: Record) -> Check:
    decision = record.decision
    if not decision.allowed:
        rules = first_of([printable(rule) for rule in sorted({each.rule for each in decision.violations})], 3)
        return Check(name="result", passed=False, says=f"the verdict is DENY ({rules})")
    if decision.observed:
        return Check(name="result", passed=False, says="observed only: it would have been denied")
    return Check(name="result", passed=True, says="ALLOW")


def _anchored(record: Record, how: Standing) -> Check:
    decision = record.decision
    if how.unknown:
        return Check(name="anchored", passed=False, says=f"unknown policy: {how.unknown[0]}")
    if decision.engine.is_delegated:
        says = f"delegated: only {printable(decision.engine.server or '', 200)} evaluated the policy"
        return Check(name="anchored", passed=False, says=says)
    if decision.loosened:
        says = f"loosened by the judged checkout ({printable(first_of(decision.loosened, 3))})"
        return Check(name="anchored", passed=False, says=says)
    if not how.reliable:
        reasons = printable("; ".join(decision.policy.not_anchored) or "its policy is not verified here", 300)
        hint = "pin the policy by digest, or sign it (docs/policy-artifacts.md)"
        return Check(name="anchored", passed=False, says=f"not anchored: {reasons}", hint=hint)
    says = "every part of the policy is known" if how.anchored else "the key says so of a policy artifact"
    return Check(name="anchored", passed=True, says=says)


def _age(moment: datetime, wanted: Wanted) -> Check:
    age = wanted.at - moment
    told = f"decided at {moment.isoformat().replace('+00:00', 'Z')}"
    if wanted.max_age is None:
        return Check(name="age", passed=None, says=f"{told}; no --max-age says how old it may be")
    if age > wanted.max_age:
        says = f"{told}, which is longer ago than --max-age {wanted.max_age}"
        return Check(name="age", passed=False, says=says, hint="push it again: that is a new decision")
    return Check(name="age", passed=True, says=told)


def _chains(found: _Found, record: Summary) -> Iterator[Check]:
    asked = found.reference.tag
    tags = [asked] if asked in record.decision.image.tags and asked else record.decision.image.tags
    for tag in tags:
        wrong = list(faults(record, tag, found.listing))
        for says in wrong:
            hint = "a record was removed, or put where none belongs: a copy elsewhere may still have it"
            yield Check(name="chain", passed=False, says=says, hint=hint)
        if not wrong:
            says = f"number {place_of(record, tag)} of {printable(tag)}, and all before it are there"
            yield Check(name="chain", passed=True, says=says)


def _complete(shelf: Shelf, record: Record, allowance: Allowance) -> Check:
    def look() -> Check:
        try:
            check_kept(shelf.records, record.summary)
        except ValueError as error:
            return Check(name="record", passed=False, says=f"it is not complete: {error}")
        redacted = f", {record.redacted} reports by their digests alone" if record.redacted else ""
        kept = f"evidence, policy and {len(record.summary.reports)} reports{redacted}"
        return Check(name="record", passed=True, says=kept)

    return _within("record", look, allowance)


def _replayed(record: Record, engine: LocalOpa, allowance: Allowance) -> Check:
    def decide() -> Check:
        again = replay(record, engine)
        if isinstance(again, NotReplayable):
            return Check(name="replay", passed=False, says=f"it cannot be decided again: {again.reason}")
        if isinstance(again, Differs):
            other = first_of(again.difference.fields, 5)
            return Check(
                name="replay", passed=False, says=f"decided again, another decision comes out: {other}"
            )
        return Check(name="replay", passed=True, says="decided again, it is the same")

    return _within("replay", decide, allowance)


def _within(name: str, look: Callable[[], Check], allowance: Allowance) -> Check:
    """A check within what a record may take."""
    try:
        with allowance.record():
            return look()
    except RecordError as error:
        return Check(name=name, passed=False, says=error.message, hint=error.hint)

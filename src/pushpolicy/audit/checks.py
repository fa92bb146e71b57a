"""Each thing that can be wrong with a record that a listed key vouches for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.chain import faults, newest_of, place_of
from pushpolicy.audit.denied import decisions_about, denied_since
from pushpolicy.audit.replay import Differs, NotReplayable, replay
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.standing import Standing
from pushpolicy.audit.verified import Check, Found, Wanted
from pushpolicy.engines import LocalOpa
from pushpolicy.errors import RecordError
from pushpolicy.model.text import first_of, printable
from pushpolicy.records.kept import check_kept
from pushpolicy.records.read import Record, Summary

_MAX_TOLD = 10
_ELSEWHERE = (
    "push it to this place, too, which decides anew; of a layout that was moved, name the place that was "
    "decided, and --offline DIR"
)


def checks(
    shelf: Shelf, found: Found, record: Record, engine: LocalOpa, wanted: Wanted, allowance: Allowance
) -> Iterator[Check]:
    """Look at a record that a listed key vouches for.

    Args:
        shelf: where it is.
        found: what else there is of the reference.
        record: the one that is verified.
        engine: decides again.
        wanted: what is asked for.
        allowance: what it may take.
    """
    decision, how = record.decision, found.listing.standings[record.summary.digest]
    says = f"{how.signature}, for {first_of([printable(tag) for tag in how.signature.tags], 5)}"
    yield Check(name="signature", passed=True, says=says)
    yield from _places(found, how)
    if found.reference.tag:
        yield from _tag(found, record.summary, found.reference.tag, wanted)
    yield _result(found, record)
    if wanted.denials and decision.allowed:
        yield from _denied(found, record.summary, wanted.denials, allowance)
    yield _anchored(record, how)
    yield _age(datetime.fromisoformat(decision.evaluated_at), wanted)
    yield from _chains(found, record.summary, wanted)
    yield _complete(shelf, record, allowance)
    if how.unknown:
        yield Check(name="replay", passed=None, says="it is not decided again by a policy that is unknown")
    else:
        yield _replayed(record, engine, allowance)


def _places(found: Found, how: Standing) -> Iterator[Check]:
    for says in how.elsewhere:
        yield Check(name="place", passed=False, says=says, hint=_ELSEWHERE)
    if not how.elsewhere:
        yield Check(name="place", passed=True, says=str(found.reference))


def _tag(found: Found, record: Summary, tag: str, wanted: Wanted) -> Iterator[Check]:
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
        hint = (
            f"an older image was put back under {tag}, or the push of the newer one did not end: push again"
        )
        yield Check(name="newest", passed=False, says=says, hint=hint)
    elif found.named == record.subject.digest and not wanted.offline:
        yield Check(name="tag", passed=True, says=f"{tag} names {record.subject.digest}")


def _result(found: Found, record: Record) -> Check:
    decision, summary = record.decision, record.summary
    if not decision.allowed:
        return Check(name="result", passed=False, says=f"the verdict is DENY ({_denying(summary)})")
    if denial := denied_since(summary, found.reference.repository, found.listing):
        return _of_denial("result", denial)
    if decision.observed:
        return Check(name="result", passed=False, says="observed only: it would have been denied")
    return Check(name="result", passed=True, says="ALLOW")


def _denied(found: Found, record: Summary, denials: Shelf, allowance: Allowance) -> Iterator[Check]:
    """Whether it was denied since, by what is recorded elsewhere; what no listed key vouches for is told."""
    try:
        listing = decisions_about(denials, record.subject.digest, allowance)
    except RecordError as error:
        yield Check(name="denied", passed=False, says=error.message, hint=error.hint)
        return
    if denial := denied_since(record, found.reference.repository, listing):
        yield _of_denial("denied", denial)
        return
    for problem in listing.problems[:_MAX_TOLD]:
        yield Check(name="denied", passed=None, says=f"ignored: {problem.bare}", hint=problem.hint)
    if listing.unread:
        says = f"incomplete: {listing.unread} more records of {record.subject.digest} are listed there"
        yield Check(name="denied", passed=False, says=says)
    else:
        where = denials.records.repository
        says = f"not since, by {where}" if listing.records else f"{where} has no record of this image"
        yield Check(name="denied", passed=True, says=says)


def _of_denial(name: str, denial: Summary) -> Check:
    at = denial.decision.evaluated_at
    says = f"denied since, at {at}, by record {denial.digest} ({_denying(denial)})"
    return Check(name=name, passed=False, says=says, hint="push it again: that is a new decision")


def _denying(record: Summary) -> str:
    return printable(first_of(sorted({each.rule for each in record.decision.violations}), 3))


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
        says = f"{told}, which is longer ago than --max-age allows"
        return Check(name="age", passed=False, says=says, hint="push it again: that is a new decision")
    return Check(name="age", passed=True, says=told)


def _chains(found: Found, record: Summary, wanted: Wanted) -> Iterator[Check]:
    if not record.decision.allowed:
        return  # a denial is in no chain
    asked = found.reference.tag
    tags = [asked] if asked in record.decision.image.tags and asked else record.decision.image.tags
    for tag in tags:
        wrong = list(faults(record, tag, found.listing))
        for fault in wrong:
            if fault.is_absence and wanted.offline:
                yield Check(name="chain", passed=None, says=f"{fault.says}, in this copy")
                continue
            yield Check(name="chain", passed=False, says=fault.says, hint=fault.hint)
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

"""What can be wrong with a tag or an image in a repository that pushes go through pushpolicy to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from pushpolicy.audit.walk import Opened
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import first_of, printable
from pushpolicy.model.times import moment_of


class Kind(StrEnum):
    """What is wrong, the worst first."""

    DENIED = "denied"
    NO_RECORD = "no-record"
    MOVED = "moved"
    COPIED = "copied"
    UNTAGGED = "untagged"
    UNREADABLE = "unreadable"
    INVALID = "invalid"
    REMOVED = "removed"
    UNKNOWN_POLICY = "unknown-policy"
    OBSERVED = "observed"
    LOOSENED = "loosened"
    UNANCHORED = "unanchored"
    WAIVER_ENDED = "waiver-ended"


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with one tag or image.

    Attributes:
        place: the repository.
        says: what was found.
        tag: None for an image that no tag names, and for a record of none that a tag names.
        digest: the image; None where it is not known.
        record: the record that it is about.
        since: from when on it is so, or the earliest time that it can be so from; None where nothing tells.
    """

    kind: Kind
    place: Repository
    says: str
    tag: str | None = None
    digest: Digest | None = None
    record: Digest | None = None
    since: datetime | None = None


class Weakness(NamedTuple):
    """Why a valid record promises less than an approval does."""

    kind: Kind
    says: str
    since: datetime


def weaknesses(found: Opened, at: datetime) -> Iterator[Weakness]:
    """What is to be said against relying on a record at a time."""
    decision, how, moment = found.record.decision, found.standing, found.summary.moment
    if how.unknown:
        yield Weakness(Kind.UNKNOWN_POLICY, printable(how.unknown[0], 300), moment)
    if decision.observed:
        yield Weakness(Kind.OBSERVED, "it would have been denied, were it not for observe mode", moment)
    if decision.loosened:
        says = f"the judged checkout loosened {printable(first_of(decision.loosened, 3), 300)}"
        yield Weakness(Kind.LOOSENED, says, moment)
    if not how.reliable and not how.unknown:
        reasons = "; ".join(decision.policy.not_anchored) or "its policy is not verified here"
        yield Weakness(Kind.UNANCHORED, printable(reasons, 300), moment)
    ends = {
        f"{item.rule} {item.id}": moment_of((item.waiver or {}).get("expires")) for item in decision.waived
    }
    ended = {(end, finding): end for finding, end in ends.items() if end and end <= at}
    if ended:
        told = [printable(f"{finding} until {end.isoformat()}", 200) for end, finding in sorted(ended)]
        yield Weakness(Kind.WAIVER_ENDED, f"waived: {first_of(told, 3)}", min(ended.values()))

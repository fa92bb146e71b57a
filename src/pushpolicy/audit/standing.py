"""What is said beside a recorded verdict, so that audit says no more than was checked (design section 9)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pushpolicy.audit.signature import UNSIGNED, Signature
from pushpolicy.evaluate.authority import rests_on_artifact
from pushpolicy.evaluate.recorded import RecordedPolicy
from pushpolicy.model.decision import Decision
from pushpolicy.model.reference import Reference, Repository
from pushpolicy.model.text import first_of, printable
from pushpolicy.records.checks import is_for
from pushpolicy.records.read import Record


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How far the verdict of a valid record can be relied on.

    Attributes:
        unknown: what passes for a part of pushpolicy in its policy, and is of no known version.
        anchored: whether everything that decided is known: computed here.
        claimed: whether it would be, were its policy that of the artifact it names, which is not read here.
        elsewhere: that it is for another repository than was asked about, or for other tags.
        notes: what its decision says of itself: observed only, delegated, loosened.
        signature: who vouches for it.
        newest: whether it is the newest of those that were found, rather than one that was named.
        others: how many more records of its image were found then.
        newer: that a record of the tag is newer, about another image; None where none is known.
    """

    unknown: tuple[str, ...]
    anchored: bool
    claimed: bool
    elsewhere: tuple[str, ...]
    notes: tuple[str, ...]
    signature: Signature = UNSIGNED
    newest: bool = False
    others: int = 0
    newer: str | None = None

    @property
    def doubt(self) -> str | None:
        """What is to be said of the policy where it cannot be said to be what it says it is."""
        if self.unknown:
            return "unknown: what it says of itself is not so"
        return "not verified here" if self.claimed and not self.signature.by else None

    @property
    def reliable(self) -> bool:
        """Whether everything that decided is known, or a key that is listed says so of an artifact."""
        return self.anchored or bool(self.claimed and self.signature.by and not self.unknown)

    @property
    def wrong(self) -> tuple[str, ...]:
        """Why the verdict is none about what was asked, whoever signed it; on one line each."""
        return (*(f"unknown policy: {reason}" for reason in self.unknown), *self.elsewhere)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Everything to be said beside the verdict, on one line each."""
        not_anchored = "not anchored: its policy is not verified here" if self.claimed else "not anchored"
        anchored = () if self.reliable or self.unknown else (not_anchored,)
        newest = ("newest of those found",) if self.newest else ()
        newer = (self.newer,) if self.newer else ()
        return (*self.wrong, *newer, *self.notes, str(self.signature), *anchored, *newest)


def standing(
    record: Record, held: RecordedPolicy, reference: Reference, signature: Signature = UNSIGNED
) -> Standing:
    """Hold a record against what was asked about, and what it says of its policy against what is known."""
    identity = held.policy.identity.decided_by(record.decision.engine)
    claimed = identity.anchored and rests_on_artifact(held.policy.grounds)
    return Standing(
        unknown=held.unknown,
        anchored=identity.anchored and not claimed and not held.unknown,
        claimed=claimed,
        elsewhere=(*_elsewhere(record.decision, reference), *_unvouched(signature, reference)),
        notes=tuple(_notes(record.decision, reference)),
        signature=signature,
    )


def _elsewhere(decision: Decision, reference: Reference) -> Iterator[str]:
    image = decision.image
    if is_for(decision, reference.repository) is False:
        other = Repository(registry=image.registry, path=image.repository)
        yield f"for another repository: {printable(str(other))}"
    if reference.tag and reference.tag not in image.tags:
        yield f"the tag {reference.tag} is not among those decided ({printable(first_of(image.tags, 5))})"


def _unvouched(signature: Signature, reference: Reference) -> Iterator[str]:
    if signature.by and reference.tag and reference.tag not in signature.tags:
        yield f"nothing is signed about the tag {reference.tag} ({first_of(signature.tags, 5)})"


def _notes(decision: Decision, reference: Reference) -> Iterator[str]:
    if is_for(decision, reference.repository) is None:
        yield f"for a folder that it calls {printable(decision.image.repository)}, which can be any"
    if decision.observed:
        yield "observed only: it would have been denied"
    if decision.engine.is_delegated:
        yield f"delegated: only {printable(decision.engine.server or '', 200)} evaluated the policy"
    if decision.loosened:
        yield f"loosened by the judged checkout ({printable(first_of(decision.loosened, 3))})"

"""Decide again: recorded evidence, recorded policy, recorded time."""

from __future__ import annotations

from typing import Literal

import msgspec

from pushpolicy.audit.difference import Difference, difference
from pushpolicy.engines import Engine
from pushpolicy.errors import InputError, PolicyError, RecordError
from pushpolicy.evaluate import PolicySet, evaluate
from pushpolicy.model.decision import EngineIdentity
from pushpolicy.records import Record, Summary

# Only digests are checked: records are not signed yet, and the output has to say so.
Signature = Literal["not checked"]


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was decided again.

    Attributes:
        engine: the one that answered now; `summary.decision.engine` is the recorded one.
    """

    summary: Summary
    engine: EngineIdentity
    signature: Signature = "not checked"

    @property
    def other_engine(self) -> bool:
        """Whether another version of OPA, or another build of it, answered."""
        return self.engine != self.summary.decision.engine


class Reproduced(Replayed, frozen=True, kw_only=True):
    """The same decision came out, to the last finding."""


class Differs(Replayed, frozen=True, kw_only=True):
    """Another decision came out."""

    difference: Difference


class NotReplayable(msgspec.Struct, frozen=True, kw_only=True):
    """A record that cannot be decided again here, and why."""

    summary: Summary
    reason: str
    signature: Signature = "not checked"


Replay = Reproduced | Differs | NotReplayable


def replay(record: Record, engine: Engine) -> Replay:
    """Evaluate a record's evidence with the policy it holds.

    The evidence carries the time of the decision, so rules see the clock they saw then. A policy may
    use no more builtins than are allowed today, whatever the record grants it.

    Raises:
        RecordError: when the policy in the record is not the one its decision names.
    """
    try:
        policy = PolicySet.from_bundle(record.policy)
        _check_policy(record, policy)
        again = evaluate(policy, record.evidence, engine)
    except (PolicyError, InputError) as error:
        return NotReplayable(summary=record.summary, reason=error.message)
    found = difference(record.decision, again)
    if found is None:
        return Reproduced(summary=record.summary, engine=again.engine)
    return Differs(summary=record.summary, engine=again.engine, difference=found)


def _check_policy(record: Record, policy: PolicySet) -> None:
    named, held = record.decision.policy, policy.identity
    parts = ("digest", "rules", "settings", "waivers", "origins")
    if other := [part for part in parts if getattr(named, part) != getattr(held, part)]:
        raise RecordError(
            f"record {record.summary.digest} does not hold the policy that decided: other {', '.join(other)}",
            "pushpolicy did not write it, or it was changed since",
        )

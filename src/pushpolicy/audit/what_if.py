"""What another policy would have decided about past pushes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from pushpolicy.audit.difference import Difference, FindingChange, difference
from pushpolicy.audit.replay import NotReplayable
from pushpolicy.audit.walk import Opened
from pushpolicy.engines import Engine
from pushpolicy.errors import PushPolicyError
from pushpolicy.evaluate import PolicySet
from pushpolicy.evaluate.batches import Question, decisions
from pushpolicy.records.read import Summary


class Direction(StrEnum):
    """What another policy does: to one push, or one of its rules to all of them."""

    UNCHANGED = "unchanged"
    STRICTER = "stricter"
    LOOSER = "looser"
    BOTH = "stricter and looser"


class PushEffect(msgspec.Struct, frozen=True, kw_only=True):
    """One past push under the other policy; `difference` is None where the decision is the same."""

    summary: Summary
    difference: Difference | None

    @property
    def stricter(self) -> frozenset[str]:
        """The rules that deny something here that they did not deny."""
        return frozenset(change.rule for change in self._changes if change.stricter)

    @property
    def looser(self) -> frozenset[str]:
        """The rules that no longer deny something here."""
        return frozenset(change.rule for change in self._changes if change.looser)

    @property
    def direction(self) -> Direction:
        """By what denies, not by what only warns."""
        return _direction(stricter=bool(self.stricter), looser=bool(self.looser))

    @property
    def verdict_changes(self) -> bool:
        """Whether the push would have been decided the other way."""
        return self.difference is not None and self.difference.before is not self.difference.after

    @property
    def _changes(self) -> tuple[FindingChange, ...]:
        return self.difference.findings if self.difference else ()


class RuleEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule does to past pushes: those in which it denies more, and those in which less."""

    rule: str
    stricter: tuple[Summary, ...]
    looser: tuple[Summary, ...]

    @property
    def direction(self) -> Direction:
        """Over all pushes."""
        return _direction(stricter=bool(self.stricter), looser=bool(self.looser))


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of another policy on the past.

    Attributes:
        pushes: in the order they were given.
        rules: those that deny more or less in some push, by name.
        not_replayable: the pushes that the policy cannot decide, and why.
    """

    pushes: tuple[PushEffect, ...]
    rules: tuple[RuleEffect, ...]
    not_replayable: tuple[NotReplayable, ...]

    @property
    def direction(self) -> Direction:
        """Over all pushes."""
        directions = {rule.direction for rule in self.rules}
        return _direction(
            stricter=not directions.isdisjoint({Direction.STRICTER, Direction.BOTH}),
            looser=not directions.isdisjoint({Direction.LOOSER, Direction.BOTH}),
        )


def effects(
    records: Iterable[Opened], policy: PolicySet, engine: Engine
) -> Iterator[tuple[Opened, PushEffect | NotReplayable]]:
    """Decide the recorded evidence of pushes with another policy, each at its recorded time.

    Args:
        records: as they are read; no more are taken than are being evaluated.
        policy: the other one.
        engine: evaluates.

    Yields:
        each with what came out, in no order.
    """
    questions = (Question(each, policy, each.record.evidence) for each in records)
    for opened, outcome in decisions(questions, engine):
        summary = opened.summary
        if isinstance(outcome, PushPolicyError):
            yield opened, NotReplayable(summary=summary, reason=outcome.message)
        else:
            changed = difference(opened.record.decision, outcome)
            yield opened, PushEffect(summary=summary, difference=changed)


def what_if(effects: Iterable[PushEffect | NotReplayable]) -> WhatIf:
    """The effects on single pushes, put together."""
    pushes, failed = list[PushEffect](), list[NotReplayable]()
    for each in effects:
        if isinstance(each, NotReplayable):
            failed.append(each)
        else:
            pushes.append(each)
    names = frozenset[str]().union(*(push.stricter | push.looser for push in pushes))
    rules = tuple(
        RuleEffect(
            rule=name,
            stricter=tuple(push.summary for push in pushes if name in push.stricter),
            looser=tuple(push.summary for push in pushes if name in push.looser),
        )
        for name in sorted(names)
    )
    return WhatIf(pushes=tuple(pushes), rules=rules, not_replayable=tuple(failed))


def _direction(*, stricter: bool, looser: bool) -> Direction:
    if stricter and looser:
        return Direction.BOTH
    if stricter or looser:
        return Direction.STRICTER if stricter else Direction.LOOSER
    return Direction.UNCHANGED

"""What another policy would have decided about past pushes: of one push, by rule, by repository, of all."""

from __future__ import annotations

import heapq
from enum import StrEnum

import msgspec

from pushpolicy.audit.difference import Difference, FindingChange
from pushpolicy.audit.standing import Standing
from pushpolicy.model.decision import ImageIdentity, Verdict
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Repository
from pushpolicy.records.floor import nanoseconds


class Direction(StrEnum):
    """What another policy does: to one push, or one of its rules to all of them.

    NEWER: rules that are new, or were changed, read what the evidence of then could not say, since its schema
    did not know it; nothing else changes. Evidence that was missing then is no such thing: it denies.
    """

    UNCHANGED = "unchanged"
    STRICTER = "stricter"
    LOOSER = "looser"
    BOTH = "stricter and looser"
    NEWER = "needs newer evidence"


class PushEffect(msgspec.Struct, frozen=True, kw_only=True):
    """One past push under the other policy.

    Attributes:
        record: the digest of its record.
        image: what was judged, and for where.
        at: when it was decided, RFC 3339.
        actor: who set the run off, as the evidence says; None where it does not.
        standing: how far the record can be relied on.
        before: the recorded verdict.
        after: that of the other policy; None where it rests on evidence that there is not.
        difference: None where the decision is the same.
        newer: the rules that need newer evidence; what is told of them in `difference` is no answer.
    """

    record: Digest
    image: ImageIdentity
    at: str
    actor: str | None
    standing: Standing
    before: Verdict
    after: Verdict | None
    difference: Difference | None
    newer: frozenset[str] = frozenset()

    @property
    def stricter(self) -> frozenset[str]:
        """The rules that deny something here that they did not deny."""
        return frozenset(change.rule for change in self.changes if change.stricter)

    @property
    def looser(self) -> frozenset[str]:
        """The rules that no longer deny something here."""
        return frozenset(change.rule for change in self.changes if change.looser)

    @property
    def direction(self) -> Direction:
        """By what denies, not by what only warns."""
        return _direction(stricter=bool(self.stricter), looser=bool(self.looser), newer=bool(self.newer))

    @property
    def verdict_changes(self) -> bool:
        """Whether the push would have been decided the other way."""
        return self.after not in (None, self.before)

    @property
    def changes(self) -> tuple[FindingChange, ...]:
        """The findings that count otherwise, of rules that have the evidence which they read."""
        found = self.difference.findings if self.difference else ()
        return tuple(change for change in found if change.rule not in self.newer)

    @property
    def rank(self) -> tuple[bool, int, str]:
        """Larger for what is to be looked at first: other verdicts, then the newest."""
        return self.verdict_changes, nanoseconds(self.at) or 0, str(self.record)


class NotDecided(msgspec.Struct, frozen=True, kw_only=True):
    """A push that the policy cannot decide, and why."""

    record: Digest
    image: ImageIdentity
    at: str
    standing: Standing
    before: Verdict
    reason: str


class Effect(msgspec.Struct, kw_only=True):
    """What becomes of many pushes: in how many something is denied more, or less, or newer evidence needed.

    Attributes:
        total: all of them.
        changed: those in which anything of that is so.
        denied: those that were allowed and would have been denied.
        allowed: those that were denied and would have been let in.
    """

    total: int = 0
    changed: int = 0
    stricter: int = 0
    looser: int = 0
    newer: int = 0
    denied: int = 0
    allowed: int = 0

    @property
    def direction(self) -> Direction:
        """Over all of them."""
        return _direction(stricter=bool(self.stricter), looser=bool(self.looser), newer=bool(self.newer))

    def count(self, push: PushEffect) -> None:
        """One more push."""
        self._add(stricter=bool(push.stricter), looser=bool(push.looser), newer=bool(push.newer))
        if push.verdict_changes:
            self.denied += push.after is Verdict.DENY
            self.allowed += push.after is Verdict.ALLOW

    def count_rule(self, rule: str, push: PushEffect) -> None:
        """One more push that a rule decides otherwise, or cannot decide."""
        self._add(stricter=rule in push.stricter, looser=rule in push.looser, newer=rule in push.newer)

    def _add(self, *, stricter: bool, looser: bool, newer: bool) -> None:
        self.total += 1
        self.changed += stricter or looser or newer
        self.stricter += stricter
        self.looser += looser
        self.newer += newer


class WhatIf:
    """The effect of another policy on the past, put together from that on single pushes as they come.

    Args:
        keep: how many pushes whose decision changes are kept, those first that are to be looked at first;
            None for each push, changed or not.

    Attributes:
        whole: what becomes of all pushes.
        rules: the same of those that a rule decides otherwise, by the name of each such rule.
        repositories: the same of the pushes of each repository.
        not_replayable: the pushes that the policy cannot decide, and why.
    """

    def __init__(self, keep: int | None = None) -> None:
        self.whole = Effect()
        self.rules: dict[str, Effect] = {}
        self.repositories: dict[str, Effect] = {}
        self.not_replayable: list[NotDecided] = []
        self._keep = keep
        # With a number, since a record may be found in several places.
        self._kept: list[tuple[tuple[bool, int, str], int, PushEffect]] = []

    @property
    def direction(self) -> Direction:
        """Over all pushes."""
        return self.whole.direction

    @property
    def pushes(self) -> tuple[PushEffect, ...]:
        """Those that are kept, those first that are to be looked at first."""
        return tuple(push for *_, push in sorted(self._kept, reverse=True))

    @property
    def rows(self) -> tuple[PushEffect | NotDecided, ...]:
        """Those that are kept, and those that the policy cannot decide."""
        return (*self.pushes, *self.not_replayable)

    def add(self, push: PushEffect | NotDecided) -> None:
        """Take in one push."""
        if isinstance(push, NotDecided):
            self.not_replayable.append(push)
            return
        self.whole.count(push)
        self.repositories.setdefault(repository_of(push.image), Effect()).count(push)
        for rule in push.stricter | push.looser | push.newer:
            self.rules.setdefault(rule, Effect()).count_rule(rule, push)
        entry = (push.rank, self.whole.total, push)
        if self._keep is None:
            self._kept.append(entry)
        elif push.direction is not Direction.UNCHANGED:
            heapq.heappush(self._kept, entry)
            if len(self._kept) > self._keep:
                heapq.heappop(self._kept)


def repository_of(image: ImageIdentity) -> str:
    """What an image was pushed to, or was to be."""
    return str(Repository(registry=image.registry, path=image.repository))


def _direction(*, stricter: bool, looser: bool, newer: bool) -> Direction:
    if stricter and looser:
        return Direction.BOTH
    if stricter or looser:
        return Direction.STRICTER if stricter else Direction.LOOSER
    return Direction.NEWER if newer else Direction.UNCHANGED

"""What many decisions come to: how many of which kind and when, which rules denied, which waivers were used.

It is taken in one decision at a time, and what is kept of them is bounded, whatever their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from heapq import heappush, heappushpop
from typing import Any, NamedTuple

import msgspec

from pushpolicy.audit.entry import Entry
from pushpolicy.audit.outcome import Outcome, outcome
from pushpolicy.audit.standing import Standing
from pushpolicy.model.decision import Decision, WaiverUse
from pushpolicy.model.times import is_time
from pushpolicy.records.read import Summary

# Of different waivers, of a registry where each push has its own.
MOST_WAIVERS = 10_000
# What tells waivers apart; of one that stands in several policies, the rest may differ.
_WHICH = ("rule", "id", "purl", "evidence", "repository", "expires", "approver", "ticket")
# Clocks differ; a decision that is further ahead than this was not made yet.
_AHEAD = timedelta(days=1)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A decision, and what is to be said beside it."""

    summary: Summary
    standing: Standing

    @property
    def outcome(self) -> Outcome:
        """What it counts as, if it counts."""
        return outcome(self.summary.decision)


class Shown(NamedTuple):
    """A decision in short; `apart` is why it does not count, None where it does."""

    entry: Entry
    apart: str | None


class RuleDenials(msgspec.Struct, kw_only=True):
    """In how many decisions a rule denied something, how much, and when last."""

    decisions: int = 0
    findings: int = 0
    last: datetime = datetime.min.replace(tzinfo=UTC)


class WaiverSeen(msgspec.Struct, kw_only=True):
    """A waiver that some decision looked at.

    Attributes:
        waiver: as it stands in the policy that decided.
        relied: in how many decisions it let something through.
        last: the newest of those; None where there is none.
    """

    waiver: Mapping[str, Any]
    relied: int = 0
    last: datetime | None = None

    @property
    def expires(self) -> datetime | None:
        """When it ends; None where it does not say so in a form that counts."""
        said = self.waiver.get("expires")
        return datetime.fromisoformat(str(said)) if is_time(said) else None


class Overview:
    """What decisions come to.

    Args:
        at: the time of the report; what is dated later than that is set apart.
        most: how many decisions are kept to be told one by one: the newest.

    Attributes:
        outcomes: how many there are of each.
        days: the same by the day, in UTC.
        denials: by the name of a rule.
        signatures: how many are `verified`, `not checked` and `unsigned`.
        anchored: how many are made by what is known.
        apart: how many do not count, and why, since they are about another place, of an unknown policy, or
            of the future.
        waivers_left_out: whether there were more than are kept.
    """

    def __init__(self, at: datetime, most: int) -> None:
        self.at, self._most = at, most
        self.outcomes = Counter[Outcome]()
        self.days = dict[date, Counter[Outcome]]()
        self.denials = dict[str, RuleDenials]()
        self.signatures, self.apart = Counter[str](), Counter[str]()
        self.anchored = 0
        self.waivers_left_out = False
        self._waivers = dict[str, WaiverSeen]()
        self._newest = list[tuple[datetime, int, Shown]]()

    @property
    def number(self) -> int:
        """Of all decisions that were taken in."""
        return self.outcomes.total() + self.apart.total()

    @property
    def newest(self) -> tuple[Shown, ...]:
        """The newest ones, the last first."""
        return tuple(shown for *_, shown in sorted(self._newest, reverse=True, key=lambda each: each[:2]))

    @property
    def waivers(self) -> tuple[WaiverSeen, ...]:
        """Those that were relied on or stood ready, by their ends."""
        far = datetime.max.replace(tzinfo=UTC)
        return tuple(sorted(self._waivers.values(), key=lambda each: each.expires or far))

    def add(self, told: Told, entry: Entry) -> None:
        """Take in a decision, and the same in short."""
        summary, decision = told.summary, told.summary.decision
        why = set_apart(told, self.at)
        shown = (summary.moment, self.number, Shown(entry, why))
        if len(self._newest) < self._most:
            heappush(self._newest, shown)
        else:
            heappushpop(self._newest, shown)
        self.signatures[told.standing.signature.state] += 1
        if why:
            self.apart[why] += 1
            return
        self.anchored += told.standing.reliable
        self.outcomes[told.outcome] += 1
        day = summary.moment.astimezone(UTC).date()
        self.days.setdefault(day, Counter())[told.outcome] += 1
        self._add_denials(decision, summary.moment)
        for use in decision.waivers:
            self._add_waiver(use, summary.moment)

    def _add_denials(self, decision: Decision, moment: datetime) -> None:
        for rule, findings in Counter(each.rule for each in decision.violations).items():
            of = self.denials.setdefault(rule, RuleDenials())
            of.decisions += 1
            of.findings += findings
            of.last = max(of.last, moment)

    def _add_waiver(self, use: WaiverUse, moment: datetime) -> None:
        key = "\0".join(str(use.waiver.get(name)) for name in _WHICH)
        seen = self._waivers.get(key)
        if seen is None:
            if len(self._waivers) == MOST_WAIVERS:
                self.waivers_left_out = True
                return
            seen = self._waivers[key] = WaiverSeen(waiver=use.waiver)
        if use.state in ("used", "expiring"):
            seen.relied += 1
            seen.last = max(moment, seen.last or moment)


def set_apart(told: Told, at: datetime) -> str | None:
    """Why a decision does not count among those of a place; None where it does."""
    if told.summary.moment > at + _AHEAD:
        return "dated in the future"
    if told.standing.unknown:
        return "of an unknown policy"
    return "about another place" if told.standing.elsewhere else None

"""Trying another policy, or other settings or waivers, on recorded pushes, each at its recorded time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import msgspec

from pushpolicy.audit.difference import difference
from pushpolicy.audit.replay import check_types, objection
from pushpolicy.audit.walk import Opened
from pushpolicy.audit.what_if import NotDecided, PushEffect
from pushpolicy.engines import LocalOpa
from pushpolicy.errors import EngineError, PolicyError, PushPolicyError
from pushpolicy.evaluate import PolicySet
from pushpolicy.evaluate.batches import Answered, Answering, Question, decisions
from pushpolicy.evaluate.newer import beyond
from pushpolicy.evaluate.reuse import Reuse
from pushpolicy.evaluate.sources import SETTINGS, WAIVERS, SourceFile
from pushpolicy.evaluate.varied import read, with_settings, with_waivers
from pushpolicy.model.decision import Decision, EngineIdentity, Verdict
from pushpolicy.model.document import Document

# So many recorded sets are remembered, with what is tried instead of each.
_MOST_SETS = 32


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried instead of a recorded set.

    Attributes:
        newer: the rules that read what evidence of its schema cannot say.
    """

    reuse: Reuse
    newer: frozenset[str]


_Asked = tuple[Opened, Tried | None]


class Trial:
    """What is tried on recorded pushes, one at a time, and evaluated where no recorded result stands.

    Args:
        engine: evaluates.
        policy: another set; None for that of each record.
        settings: the file of other settings; None for those of the set.
        waivers: the file of other waivers; None for those of the set.
        decide: what evaluates in the place of the engine, which then only reads rules.

    Raises:
        PolicyError: when a file is malformed, or does not fit the other set, or OPA does not take that.
        EngineError: when OPA is not what it should be.
    """

    def __init__(
        self,
        engine: LocalOpa,
        policy: PolicySet | None = None,
        settings: SourceFile | None = None,
        waivers: SourceFile | None = None,
        decide: Answering | None = None,
    ) -> None:
        self._engine, self._settings, self._waivers = engine, settings, waivers
        self._decide: Answering = decide or partial(decisions, engine=engine)
        self._identity = engine.identity()
        self._named = {*read(settings, SETTINGS)} if settings else set[str]()
        if waivers:
            self._named |= {str(waiver.get("rule")) for waiver in read(waivers, WAIVERS).get("waivers", ())}
        self._policy = self._varied(policy, strictly=True) if policy else None
        if self._policy:
            check_types(self._policy, engine)
        self._sets: dict[tuple[str, str, bool], Tried | PolicyError] = {}

    @property
    def strangers(self) -> tuple[str, ...]:
        """The rules that the files name, and no set has that was varied: perhaps misspelt."""
        return tuple(sorted(self._named))

    def effects(self, records: Iterable[Opened]) -> Iterator[PushEffect | NotDecided]:
        """Decide about pushes.

        Args:
            records: as they are read; no more are taken than are being evaluated.

        Yields:
            what becomes of each, in no order.
        """
        for (opened, tried), outcome in self._decide(map(self._question, records)):
            if isinstance(outcome, PushPolicyError):
                yield _not_decided(opened, outcome)
            elif tried is not None:
                yield _effect(opened, tried, outcome if tried.reuse.asked else None)

    def _question(self, opened: Opened) -> Question[_Asked] | Answered[_Asked]:
        """What is evaluated; where that is nothing, or cannot be, there is no question."""
        tried = self._tried(opened)
        if isinstance(tried, PolicyError):
            return Answered((opened, None), tried)
        if tried.reuse.asked is None:
            return Answered((opened, tried), opened.record.decision)
        evidence = tried.reuse.of_evidence(opened.record.evidence)
        return Question((opened, tried), tried.reuse.asked, evidence)

    def _tried(self, opened: Opened) -> Tried | PolicyError:
        """What is tried instead of a recorded set, or why it cannot be; one for all records of that set."""
        recorded = opened.record.decision
        stands = _told(recorded.engine) == _told(self._identity)
        key = (str(recorded.policy.digest), recorded.policy.source, stands)
        if key not in self._sets:
            if len(self._sets) >= _MOST_SETS:
                self._sets.clear()
            try:
                self._sets[key] = self._instead_of(opened, stands=stands)
            except PolicyError as error:
                self._sets[key] = error
        return self._sets[key]

    def _instead_of(self, opened: Opened, *, stands: bool) -> Tried:
        before = opened.held.policy
        if self._policy is None:
            unknown = "" if before.is_current else f"unknown policy: {opened.held.unknown[0]}"
            if reason := unknown or objection(before, self._engine):
                raise PolicyError(reason)
            after = self._varied(before)
        else:
            after = self._policy
        reuse = Reuse.of(before, after) if stands else Reuse.nothing(before, after)
        changed = {
            name
            for name in after.index.rules
            if before.files.get(path := f"rules/{name}/{name}.rego") != after.files[path]
        }
        return Tried(reuse=reuse, newer=beyond(after, changed, before, self._engine))

    def _varied(self, policy: PolicySet, *, strictly: bool = False) -> PolicySet:
        self._named -= policy.index.rules.keys()
        if self._settings:
            policy = with_settings(policy, self._settings, passing_over=not strictly)
        return with_waivers(policy, self._waivers) if self._waivers else policy


def _told(engine: EngineIdentity) -> tuple[object, ...]:
    return engine.name, engine.version, engine.digest, engine.hermeticity


def _effect(opened: Opened, tried: Tried, answered: Decision | None) -> PushEffect | NotDecided:
    recorded, evidence = opened.record.decision, opened.record.evidence
    try:
        made = tried.reuse.decision(recorded, answered, evidence)
    except EngineError as error:
        return _not_decided(opened, error)
    denies = any(item.rule not in tried.newer for item in made.violations)
    return PushEffect(
        record=opened.summary.digest,
        image=recorded.image,
        at=recorded.evaluated_at,
        actor=_actor(evidence),
        standing=opened.standing,
        before=recorded.verdict,
        after=Verdict.DENY if denies else None if tried.newer else made.verdict,
        difference=difference(recorded, made),
        newer=tried.newer,
    )


def _not_decided(opened: Opened, error: PushPolicyError) -> NotDecided:
    recorded = opened.record.decision
    return NotDecided(
        record=opened.summary.digest,
        image=recorded.image,
        at=recorded.evaluated_at,
        standing=opened.standing,
        before=recorded.verdict,
        reason=error.message,
    )


def _actor(evidence: Document) -> str | None:
    """Who set the run off, as the CI system says."""
    ci = evidence.value.get("ci", {})
    actor = ci.get("actor") if ci.get("status") == "collected" else None
    return actor if isinstance(actor, str) and actor else None

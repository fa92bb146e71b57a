"""Decide again: recorded evidence, recorded policy, recorded time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec
from msgspec.structs import replace

from pushpolicy.audit.difference import Difference, difference
from pushpolicy.audit.walk import Opened
from pushpolicy.engines import LocalOpa
from pushpolicy.errors import EngineError, InputError, PolicyError, PushPolicyError
from pushpolicy.evaluate import PolicySet, evaluate
from pushpolicy.evaluate.authority import Origin
from pushpolicy.evaluate.batches import Answered, Answering, Question, decisions
from pushpolicy.evaluate.conftest import recorded_rules
from pushpolicy.evaluate.indexing import build_index
from pushpolicy.evaluate.program import laid_out
from pushpolicy.evaluate.recorded import recorded_policy
from pushpolicy.evaluate.sources import SourceFile
from pushpolicy.model.decision import Decision, EngineIdentity
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import first_of
from pushpolicy.records.read import Record, Summary


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was decided again.

    Attributes:
        engine: the one that answered now; `summary.decision.engine` is the recorded one.
        raw: what came of its raw reports, where its evidence was made of them again.
    """

    summary: Summary
    engine: EngineIdentity
    raw: str | None = None

    @property
    def other_engine(self) -> bool:
        """Whether another version of OPA, or another build of it, answered."""
        recorded = self.summary.decision.engine
        return (self.engine.version, self.engine.digest) != (recorded.version, recorded.digest)


class Reproduced(Replayed, frozen=True, kw_only=True):
    """The same decision came out, to the last finding."""


class Differs(Replayed, frozen=True, kw_only=True):
    """Another decision came out."""

    difference: Difference


class NotReplayable(msgspec.Struct, frozen=True, kw_only=True):
    """A record that cannot be decided again here, and why."""

    summary: Summary
    reason: str


Replay = Reproduced | Differs | NotReplayable
_Asked = tuple[Opened, Replay | None]
_SETTLED = PolicyError("what is settled is not decided")


def replay(record: Record, engine: LocalOpa) -> Replay:
    """Evaluate a record's evidence with the policy it holds.

    The evidence carries the time of the decision, so rules see the clock they saw then. A policy may
    use no more builtins than are allowed today, whatever the record grants it. One whose system part is of no
    known version is not evaluated: that part says what the rules' findings mean, and could say anything.

    Raises:
        RecordError: when the policy in the record is not the one its decision names, or the record
            contradicts itself.
    """
    try:
        held = recorded_policy(record)
        if not held.policy.is_current:
            return NotReplayable(summary=record.summary, reason=f"unknown policy: {held.unknown[0]}")
        _check_index(held.policy, engine)
        again = evaluate(held.policy, record.evidence, engine)
    except (PolicyError, InputError) as error:
        return NotReplayable(summary=record.summary, reason=error.message)
    return _replayed(record, again)


def replays(
    records: Iterable[Opened],
    engine: LocalOpa,
    known: Callable[[Summary], Replay | None] = lambda _: None,
    decide: Answering | None = None,
) -> Iterator[tuple[Opened, Replay]]:
    """`replay` of many records, many by one process of OPA.

    Args:
        records: as they are read; no more are taken than are being evaluated.
        engine: evaluates.
        known: what became of a record, where that needs no evaluation.
        decide: what evaluates in the place of the engine, which then only reads rules.

    Yields:
        each with what came out, in no order.
    """
    refused = dict[Digest, str | None]()

    def settled(each: Opened) -> Replay | None:
        policy, summary = each.held.policy, each.summary
        if found := known(summary):
            return found
        reason = None if policy.is_current else f"unknown policy: {each.held.unknown[0]}"
        if reason is None and policy.identity.digest not in refused:
            refused[policy.identity.digest] = objection(policy, engine)
        reason = reason or refused[policy.identity.digest]
        return NotReplayable(summary=summary, reason=reason) if reason else None

    def questions() -> Iterator[Question[_Asked] | Answered[_Asked]]:
        for each in records:
            if found := settled(each):
                yield Answered((each, found), _SETTLED)
            else:
                record = each.record
                yield Question((each, None), each.held.policy, record.evidence, record.decision)

    decide = decide or partial(decisions, engine=engine)
    for (opened, found), outcome in decide(questions()):
        yield opened, found or _replayed(opened.record, outcome)


def _replayed(record: Record, outcome: Decision | PushPolicyError) -> Replay:
    if isinstance(outcome, PushPolicyError):
        return NotReplayable(summary=record.summary, reason=outcome.message)
    found = difference(record.decision, outcome)
    if found is None:
        return Reproduced(summary=record.summary, engine=outcome.engine)
    return Differs(summary=record.summary, engine=outcome.engine, difference=found)


def objection(policy: PolicySet, engine: LocalOpa) -> str | None:
    """Why a policy is not evaluated; None where it is. Its types are checked here, once for many records."""
    try:
        _check_index(policy, engine)
        check_types(policy, engine)
    except (PolicyError, EngineError) as error:
        return error.message
    return None


def check_types(policy: PolicySet, engine: LocalOpa) -> None:
    """Require that OPA takes a policy, once for many records: what it does not take fails with each of them.

    Raises:
        PolicyError: when it does not.
        EngineError: when OPA itself fails.
    """
    with laid_out(policy) as program:
        problems = engine.check(program, strict=False)
    if problems:
        raise PolicyError(f"OPA: {'; '.join(map(str, problems[:3]))}")


def _check_index(policy: PolicySet, engine: LocalOpa) -> None:
    """Require that the index says of each rule what its text says; of the pack's rules that is known.

    Raises:
        PolicyError: when it does not, or a rule would not be taken today.
    """
    origins = policy.grounds.origins["rules"]
    paths = {name: f"rules/{name}/{name}.rego" for name in policy.index.rules if origins[name] != Origin.PACK}
    # What was made of policies of conftest is made of them again; only the record knows their folder's name.
    made = {
        name: rule
        for name, rule in recorded_rules(policy.files, engine).items()
        if name in paths and (policy.files[paths[name]], origins[name]) == (rule.module, rule.origin)
    }
    files = {
        name: SourceFile(path=Path(path), content=policy.files[path])
        for name, path in paths.items()
        if name not in made
    }
    found = dict(build_index(files, engine, policy.index.lib).rules) if files else {}
    for name, rule in made.items():
        found[name] = replace(rule.entry, title=policy.index.rules[name].title)
    if other := sorted(name for name in found if found[name] != policy.index.rules[name]):
        raise PolicyError(f"the index in the record is not that of its rules: {first_of(other, 5)}")

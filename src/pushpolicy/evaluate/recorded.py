"""A recorded decision, held against the evidence and the policy that lie beside it (design section 9).

What a record says of itself is not believed: what follows from its parts is computed again, without OPA.
Whether its rules find what it says they found, a replay tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import msgspec

from pushpolicy.errors import InputError, PolicyError, RecordError
from pushpolicy.evaluate.answer import decision_of
from pushpolicy.evaluate.evidence import validate
from pushpolicy.evaluate.known import contradictions, unknown
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.told import ContradictionError
from pushpolicy.model import canonical
from pushpolicy.model.decision import Decision, RuleStatus, Violation
from pushpolicy.model.document import Document, plain
from pushpolicy.model.index import RuleEntry
from pushpolicy.model.text import first_of, printable
from pushpolicy.records.checks import check_reports
from pushpolicy.records.read import Record

_HINT = "pushpolicy did not write it, or it was changed since"
_PARTS = ("digest", "rules", "settings", "waivers", "origins")
# What Python raises on documents of another shape than ours.
_MISSHAPEN = (TypeError, AttributeError, LookupError, ValueError, RecursionError)


class RecordedPolicy(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The policy of a record that agrees with its decision; one for all records that hold it."""

    policy: PolicySet

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """What passes for a part of pushpolicy in it, and is of no known version; one reason each."""
        return tuple(unknown(self.policy))

    @cached_property
    def contradiction(self) -> str | None:
        """How it differs from every set that pushpolicy makes, where its system part is known."""
        return next(contradictions(self.policy), None)


def recorded_policy(record: Record) -> RecordedPolicy:
    """Read the policy of a record, and require that its decision can have come from it.

    Raises:
        PolicyError: when the policy cannot be read.
        RecordError: when the decision names another policy, or contradicts that, the evidence or itself.
    """
    try:
        held = _policy(record.policy, record.decision.policy.source)
        named, found = record.decision.policy, held.policy.identity
        if other := [part for part in _PARTS if getattr(named, part) != getattr(found, part)]:
            about = f"record {record.summary.digest} does not hold the policy that decided"
            raise RecordError(f"{about}: other {', '.join(other)}", _HINT)
        _ = held.unknown  # a policy of another form than ours is told here
        validate(record.evidence)
        check_reports(record.summary.reports, record.evidence)
        _check_decision(record, held)
    except InputError as error:
        raise _invalid(record, error.message) from error
    except _MISSHAPEN as error:
        told = type(error) in (ContradictionError, ValueError)
        raise _invalid(record, str(error) if told else "a document in it has another form") from error
    return held


@lru_cache(maxsize=8)
def _policy(bundle: bytes, source: str) -> RecordedPolicy:
    """Many records of a repository hold the same policy, one after the other."""
    return RecordedPolicy(policy=PolicySet.from_bundle(bundle, source))


def check_recorded(record: Record) -> RecordedPolicy:
    """`recorded_policy` for whoever has no use for a record whose policy cannot be read.

    Raises:
        RecordError: as `recorded_policy`, and when the policy cannot be read.
    """
    try:
        return recorded_policy(record)
    except PolicyError as error:
        raise _invalid(record, error.message) from error


def _check_decision(record: Record, held: RecordedPolicy) -> None:
    """Read what the decision says as if OPA had just said it: the same decision must come out."""
    said, policy = record.decision, held.policy
    again = _again(said, policy, record.evidence)
    if not policy.is_current:
        # Another version may say the same in other words. That the policy is unknown is said in any case.
        return
    if held.contradiction:
        raise ContradictionError(f"its policy contradicts itself: {held.contradiction}")
    _require_same(said, again)


def check_decision(said: Decision, policy: PolicySet, evidence: Document) -> None:
    """The same of a decision by a current policy that is no record's.

    Raises:
        ContradictionError: when it does not come out.
        ValueError, TypeError, AttributeError, LookupError: when a part of it has another shape.
    """
    _require_same(said, _again(said, policy, evidence))


def _again(said: Decision, policy: PolicySet, evidence: Document) -> Decision:
    return decision_of(_answer(said, policy), policy, evidence, said.engine)


def _require_same(said: Decision, again: Decision) -> None:
    # Advice may be in other words, also where the system part is the same.
    if other := _other(said.substance(), again.substance()):
        raise ContradictionError(
            f"its decision does not follow from its policy and evidence: other {first_of(other, 5)}"
        )


def _other(said: Decision, again: Decision) -> list[str]:
    """The parts that are not the same; what findings say of themselves was taken as it is."""
    other = [name for name in said.__struct_fields__ if getattr(said, name) != getattr(again, name)]
    if other or not (said.waived or said.waivers or said.settings):
        return other
    # These hold values of the policy, of any type: 1 == True in Python, and not in JSON.
    held = [(name, getattr(said, name), getattr(again, name)) for name in ("waived", "waivers", "settings")]
    return [name for name, was, now in held if canonical.encode(plain(was)) != canonical.encode(plain(now))]


def is_answer(value: Any, decision: Decision, policy: PolicySet) -> bool:
    """Whether an answer of OPA is the one that a decision was read from.

    Of one with waived findings that is not known: OPA tells them by their places. Denials are told beside
    ALLOW alone.

    Args:
        value: what OPA gave.
        decision: one that `check_recorded` found to hold.
        policy: what was asked.
    """
    if decision.waived:
        return False
    expected = _answer(decision, policy)
    if not decision.allowed:
        del expected["denials"]
    # As bytes: 1 == True in Python, and not in JSON.
    return msgspec.json.encode(value, order="sorted") == msgspec.json.encode(expected, order="sorted")


def _answer(decision: Decision, policy: PolicySet) -> dict[str, Any]:
    """The answer of OPA from which the decision would have been read."""
    numbers = {canonical.encode(waiver): number for number, waiver in enumerate(policy.waivers)}
    for item in decision.waived:
        if canonical.encode(item.waiver) not in numbers:
            raise ContradictionError("a finding is waived by no waiver of its policy")
    return {
        "allow": decision.allowed,
        "observed": decision.observed,
        "rules": [_without_none(rule, "name", "status", "because", "reason") for rule in decision.rules],
        "violations": [_finding(item) for item in decision.violations],
        "warnings": [_finding(item) for item in decision.warnings],
        "waived": [
            _finding(item) | {"waiver": numbers[canonical.encode(item.waiver)]} for item in decision.waived
        ],
        "waivers": [{"waiver": number, "state": use.state} for number, use in enumerate(decision.waivers)],
        "rollouts": [_without_none(use, "measure", "state", "rule") for use in decision.rollouts],
        "denials": denials_of(decision, policy.index.rules),
    }


def _finding(item: Violation) -> dict[str, Any]:
    return _without_none(item, "rule", "id", "msg", "at", "evidence")


def _without_none(value: object, *names: str) -> dict[str, Any]:
    return {name: found for name in names if (found := getattr(value, name)) is not None}


def denials_of(decision: Decision, rules: Mapping[str, RuleEntry]) -> dict[str, list[dict[str, Any]]]:
    """What the rules must have denied: what was waived, and what only warned for a while.

    Absent evidence is left out, which the floor finds itself.
    """
    soft = {
        rule.name for rule in decision.rules if rule.status is RuleStatus.WARNED and rule.because != "warn"
    }
    softened = [item for item in decision.warnings if item.rule in soft]
    denials: dict[str, list[dict[str, Any]]] = {
        name: [] for name, rule in rules.items() if "deny" in rule.heads
    }
    found: Sequence[Violation] = [*decision.waived, *softened]
    for item in found:
        if item.evidence is None:
            denials.setdefault(item.rule, []).append({"at": item.at, "msg": item.msg})
    return denials


def _invalid(record: Record, reason: str) -> RecordError:
    return RecordError(f"record {record.summary.digest} is not valid: {printable(reason, 300)}", _HINT)

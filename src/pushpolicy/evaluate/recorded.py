"""A recorded decision, held against the evidence and the policy that lie beside it (design section 9).

What a record says of itself is not believed: what follows from its parts is computed again, without OPA.
Whether its rules find what it says they found, a replay tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
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
from pushpolicy.model.index import RuleEntry
from pushpolicy.model.text import first_of, printable
from pushpolicy.records.checks import check_reports
from pushpolicy.records.read import Record

_HINT = "pushpolicy did not write it, or it was changed since"
_PARTS = ("digest", "rules", "settings", "waivers", "origins")
# What Python raises on documents of another shape than ours.
_MISSHAPEN = (TypeError, AttributeError, LookupError, ValueError, RecursionError)


class RecordedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The policy of a record that agrees with its decision.

    Attributes:
        unknown: what passes for a part of pushpolicy in it, and is of no known version; one reason each.
    """

    policy: PolicySet
    unknown: tuple[str, ...]


def recorded_policy(record: Record) -> RecordedPolicy:
    """Read the policy of a record, and require that its decision can have come from it.

    Raises:
        PolicyError: when the policy cannot be read.
        RecordError: when the decision names another policy, or contradicts that, the evidence or itself.
    """
    try:
        policy = _policy(record.policy, record.decision.policy.source)
        named, held = record.decision.policy, policy.identity
        if other := [part for part in _PARTS if getattr(named, part) != getattr(held, part)]:
            about = f"record {record.summary.digest} does not hold the policy that decided"
            raise RecordError(f"{about}: other {', '.join(other)}", _HINT)
        strange = tuple(unknown(policy))
        validate(record.evidence)
        check_reports(record.summary.reports, record.evidence)
        _check_decision(record, policy)
    except InputError as error:
        raise _invalid(record, error.message) from error
    except _MISSHAPEN as error:
        told = type(error) in (ContradictionError, ValueError)
        raise _invalid(record, str(error) if told else "a document in it has another form") from error
    return RecordedPolicy(policy=policy, unknown=strange)


@lru_cache(maxsize=8)
def _policy(bundle: bytes, source: str) -> PolicySet:
    """Many records of a repository hold the same policy, one after the other."""
    return PolicySet.from_bundle(bundle, source)


def check_recorded(record: Record) -> RecordedPolicy:
    """`recorded_policy` for whoever has no use for a record whose policy cannot be read.

    Raises:
        RecordError: as `recorded_policy`, and when the policy cannot be read.
    """
    try:
        return recorded_policy(record)
    except PolicyError as error:
        raise _invalid(record, error.message) from error


def _check_decision(record: Record, policy: PolicySet) -> None:
    """Read what the decision says as if OPA had just said it: the same decision must come out."""
    said = record.decision
    again = decision_of(_answer(said, policy), policy, record.evidence, said.engine)
    if not policy.is_current:
        # Another version may say the same in other words. That the policy is unknown is said in any case.
        return
    for contradiction in contradictions(policy):
        raise ContradictionError(f"its policy contradicts itself: {contradiction}")
    # Advice may be in other words, also where the system part is the same.
    said, again = said.substance(), again.substance()
    if again.document().content != said.document().content:
        other = [name for name in said.__struct_fields__ if getattr(said, name) != getattr(again, name)]
        raise ContradictionError(
            f"its decision does not follow from its policy and evidence: other {first_of(other, 5)}"
        )


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
        "denials": _denials(decision, policy.index.rules),
    }


def _finding(item: Violation) -> dict[str, Any]:
    return _without_none(item, "rule", "id", "msg", "at", "evidence")


def _without_none(value: object, *names: str) -> dict[str, Any]:
    return {name: found for name in names if (found := getattr(value, name)) is not None}


def _denials(decision: Decision, rules: Mapping[str, RuleEntry]) -> dict[str, list[dict[str, Any]]]:
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

"""Simple Verification Result v0.2 (in-toto/attestation, spec/predicates/svr.md): what was verified, by name.

It tells only what passed, and for no place: where the image was allowed to go is in the statement's subject.
"""

from __future__ import annotations

from typing import Any

from pushpolicy.model.decision import RuleResult, RuleStatus
from pushpolicy.records.forms.approved import Approved
from pushpolicy.records.statement import LEVEL, policy_descriptor

PREDICATE = "https://in-toto.io/attestation/svr/v0.2"
_RULE = "PUSHPOLICY_RULE_"
_CHECKOUT = "checkout"


def predicates(approved: Approved) -> tuple[dict[str, Any], ...]:
    """The one predicate of a decision."""
    decision = approved.decision
    passed = sorted(_RULE + rule.name.upper() for rule in decision.rules if _is_verified(rule))
    predicate = {
        "verifier": {"id": approved.verifier, "policies": [policy_descriptor(decision.policy)]},
        "timeCreated": decision.evaluated_at,
        "properties": [LEVEL, *passed],
    }
    return (predicate,)


def _is_verified(rule: RuleResult) -> bool:
    """Whether a rule held: not waived, warned or passed over, nor brought by what it judges."""
    return rule.status is RuleStatus.PASSED and rule.origin != _CHECKOUT

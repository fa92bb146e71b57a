"""`pushpolicy evaluate --margins`: how far a decision is from another one, by threshold and by time.

Nothing here knows what a rule computes. OPA is asked about the same evidence again, with other values of a
setting or at later times, and the value or minute is sought at which it finds more, or less. So it holds
for rules of one's own as for shipped ones. Of a setting nothing is asked but which way is stricter (METADATA
`stricter`), which is also by what several policies are joined and compared.
"""

from __future__ import annotations

from pushpolicy.engines.interface import Engine
from pushpolicy.evaluate.margins.moments import moments
from pushpolicy.evaluate.margins.thresholds import margins_of
from pushpolicy.evaluate.margins.types import Found, Margin, Margins, Moment
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.model.decision import Decision
from pushpolicy.model.document import Document

__all__ = ["Found", "Margin", "Margins", "Moment", "margins"]


def margins(policy: PolicySet, engine: Engine, evidence: Document, decision: Decision) -> Margins:
    """How far each threshold is from where it turns, and what changes as time passes.

    Args:
        policy: what decided.
        engine: evaluates.
        evidence: what was decided on.
        decision: what was decided.

    Raises:
        EngineError: when OPA fails.
    """
    waived = {str(use.waiver["rule"]) for use in decision.waivers}
    found, free, unsaid = margins_of(policy, engine, evidence, waived)
    days, changes = moments(policy, engine, evidence, decision)
    return Margins(settings=found, free=free, unsaid=unsaid, days=days, moments=changes)

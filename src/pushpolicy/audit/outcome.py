"""What a decision counts as."""

from __future__ import annotations

from enum import StrEnum

from pushpolicy.model.decision import Decision


class Outcome(StrEnum):
    """What a decision counts as. Observed: allowed only since nothing was enforced."""

    ALLOWED = "allowed"
    DENIED = "denied"
    OBSERVED = "observed"


def outcome(decision: Decision) -> Outcome:
    """What a decision counts as."""
    if not decision.allowed:
        return Outcome.DENIED
    return Outcome.OBSERVED if decision.observed else Outcome.ALLOWED

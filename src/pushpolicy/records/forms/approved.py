"""What the other forms of a decision are made of, and the one condition for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pushpolicy.model.decision import Decision
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document
from pushpolicy.model.evidence import Status
from pushpolicy.model.text import first_of, printable
from pushpolicy.records.statement import is_approval


class FormError(ValueError):
    """There is no such form of this decision; the message says why."""


class NothingToTellError(FormError):
    """The decision has nothing that the form is there to tell."""


class NoApprovalError(FormError):
    """The decision is none that a stranger may take for an approval."""


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """An approval, and what it rests on. No other decision has one, so no other has other forms.

    Whoever looks for a form takes it for a good sign, be it only of tests: they do not ask whether the gate
    was in observe mode, or who wrote its policy.

    Attributes:
        evidence: what was judged.
        record: the digest of the record's manifest.
        verifier: the id of who verified.
        version: of pushpolicy.

    Raises:
        NoApprovalError: when the decision is no approval.
    """

    decision: Decision
    evidence: Document
    record: Digest
    verifier: str
    version: str

    def __post_init__(self) -> None:
        if not is_approval(self.decision):
            raise NoApprovalError(f"the decision is no approval: {'; '.join(_why_not(self.decision))}")

    def collected(self, kind: str) -> dict[str, Any]:
        """What was collected of a kind of evidence.

        Raises:
            FormError: when it was not collected.
        """
        found: dict[str, Any] = self.evidence.value[kind]
        if found["status"] != Status.COLLECTED:
            reason = printable(found.get("reason") or "no reason is given", 300)
            raise FormError(f"the evidence {kind} is {found['status']}: {reason}")
        return found


def _why_not(decision: Decision) -> Iterator[str]:
    if not decision.allowed:
        yield "it denies"
    if decision.observed:
        yield "observed only, it would have been denied"
    if decision.loosened:
        yield f"loosened by the judged checkout ({printable(first_of(decision.loosened, 3), 300)})"
    if not decision.policy.anchored:
        reasons = first_of(decision.policy.not_anchored, 3) or "it does not say why"
        yield f"not anchored ({printable(reasons, 300)})"
    elif decision.engine.is_delegated:
        yield "delegated, only a server evaluated the policy"

"""Other forms of an approval, for those who look for these: what the record says, in others' terms.

Each is a pure function of the record and who verified: the predicates of one type, in a fixed order. The
subject of their statements says which record they are taken from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pushpolicy.records.forms import openvex, svr, test_result, vulns
from pushpolicy.records.forms.approved import Approved, FormError, NoApprovalError, NothingToTellError
from pushpolicy.records.statement import DECISION_PREDICATE, Statement, about
from pushpolicy.signing import dsse
from pushpolicy.signing.verify import IN_TOTO

__all__ = ["FORMS", "Approved", "FormError", "NoApprovalError", "NothingToTellError", "statements"]


# In base64, what an envelope may have.
MAX_PAYLOAD = dsse.MAX_ENVELOPE // 2


class Form(msgspec.Struct, frozen=True):
    """A type of statement, and what makes its predicates."""

    predicate_type: str
    predicates: Callable[[Approved], tuple[Mapping[str, Any], ...]]


# By the names of the command line.
FORMS: Mapping[str, Form] = {
    "svr": Form(svr.PREDICATE, svr.predicates),
    "test-result": Form(test_result.PREDICATE, test_result.predicates),
    "vulns": Form(vulns.PREDICATE, vulns.predicates),
    "openvex": Form(openvex.PREDICATE, openvex.predicates),
}


def statements(name: str, approved: Approved) -> tuple[Statement, ...]:
    """The statements of the form of this name, at least one.

    Raises:
        FormError: when the evidence does not have what it tells, it has nothing to tell, or one would be too
            large to be read.
    """
    form, decision = FORMS[name], approved.decision
    # Not in the predicate: some of these formats take no field that they do not know.
    origin = {
        "record": str(approved.record),
        "decision": str(decision.document().digest),
        "evidence": str(decision.evidence),
        "tags": list(decision.image.tags),
        "version": approved.version,
    }
    found = tuple(
        about(decision, IN_TOTO, form.predicate_type, predicate, {DECISION_PREDICATE: origin})
        for predicate in form.predicates(approved)
    )
    if any(len(each.payload) > MAX_PAYLOAD for each in found):
        raise FormError(f"it would have more than {MAX_PAYLOAD} bytes")
    return found

"""A record as statements: its own, as its push signs it for each tag, or another form of it.

They are printed, not signed. What is signed is what a run signs that judged the image itself; a record that
is only read may be anybody's.
"""

from __future__ import annotations

from pushpolicy import __version__
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.walk import Opened
from pushpolicy.errors import RecordError
from pushpolicy.records.forms import FORMS, Approved, FormError, statements
from pushpolicy.records.statement import VERIFIER, Named, Statement, statement_of

# The decision's own: whatever it is, and only as what others take for an approval.
OWN, SUMMARY = "decision", "vsa"
TYPES = (OWN, SUMMARY, *FORMS)


def stated(shelf: Shelf, found: Opened, kind: str, tag: str | None = None) -> tuple[Statement, ...]:
    """The statements of one type about a record.

    Args:
        shelf: where it was found.
        found: the record, and what is to be said beside its verdict.
        kind: one of `TYPES`.
        tag: for which its own statement is asked for; None for each that was decided.

    Raises:
        RecordError: when it is for another place, what it says of its policy is not known to be so, or it
            has no such form.
    """
    record, how = found.record, found.standing
    decision, digest = record.decision, record.summary.digest
    if strange := (*how.unknown, *how.elsewhere):
        raise RecordError(f"record {digest} gives no statement: {strange[0]}")
    if decision.policy.anchored and not how.reliable:
        raise RecordError(
            f"record {digest} gives no statement: its policy is not verified here",
            "--trust FILE lists the keys that vouch for the record, and so for its policy",
        )
    verifier, version = _who(shelf, found, tag)
    try:
        if kind != OWN:
            approved = Approved(
                decision=decision,
                evidence=record.evidence,
                record=digest,
                verifier=verifier,
                version=version,
            )
        if kind in FORMS:
            return statements(kind, approved)
    except FormError as error:
        raise RecordError(f"record {digest} has no statement {kind}: {error}") from error
    of = [Named(record=digest, tag=each, verifier=verifier, version=version) for each in decision.image.tags]
    return tuple(statement_of(decision, named) for named in of if tag in (None, named.tag))


def _who(shelf: Shelf, found: Opened, tag: str | None) -> tuple[str, str]:
    """Who verified, and by which version, as a listed key says; else as this program would say it."""
    summary = found.record.summary
    vouched = shelf.signatures.vouched(summary.digest, summary.subject.digest)
    named = next((each.named for each in vouched if tag in (None, each.named.tag)), None)
    return (named.verifier, named.version) if named else (VERIFIER, __version__)

"""What will be beside an image that was decided on, before it is sent: its record, and what is signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial

import msgspec
from msgspec.structs import replace

from pushpolicy import __version__
from pushpolicy.admission import Outcome, PushRequest, Signature
from pushpolicy.attach.audience import Audience, shown
from pushpolicy.errors import InputError, UsageError
from pushpolicy.images import Image
from pushpolicy.model.text import first_of
from pushpolicy.records.build import Contents, NewRecord, build_record
from pushpolicy.records.forms import Approved, FormError, NoApprovalError, NothingToTellError, statements
from pushpolicy.records.statement import VERIFIER, Named, Statement, is_approval, sign, signed
from pushpolicy.registry.interface import Artifact
from pushpolicy.signing.keys import Signer, SigningError
from pushpolicy.signing.verify import deciders, signer_name

_NO_FORMS = "put right what is named, or leave --statement out; nothing was pushed"
_NOT_TOLD = "give the evidence that it tells of, or leave this --statement out; nothing was pushed"


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """An image that is allowed, with everything that will be beside it; nothing was sent."""

    request: PushRequest
    image: Image
    outcome: Outcome
    record: NewRecord
    statements: tuple[Artifact, ...] = ()
    audience: Audience | None = None


def with_record(request: PushRequest, image: Image, judged: Outcome, stack: ExitStack) -> Prepared:
    """With its record, and what is signed about it where something signs."""
    record = stack.enter_context(build_record(_contents(request, image, judged)))
    prepared = Prepared(request=request, image=image, outcome=judged, record=record)
    return with_statements(prepared, request.signer) if request.signer else prepared


def _contents(request: PushRequest, image: Image, judged: Outcome) -> Contents:
    return Contents(
        subject=image.top.descriptor,
        evidence=judged.evidence,
        decision=judged.decision,
        policy=request.policy.bundle(),
        reports=judged.gathered.reports,
        raw=request.raw,
    )


def with_statements(work: Prepared, opened: Callable[[], Signer]) -> Prepared:
    """With a statement for each tag. What signs is asked for last, when there is something to sign."""
    keys, record = work.request.policy.trust.keys, work.record
    try:
        signer = opened()
        name = signer_name(signer.public, keys, work.request.target.repository, decided_at(work.outcome))
        verifier = (keys[name].verifier if name else None) or VERIFIER
        digest = record.artifact.manifest.digest
        of = partial(Named, record=digest, verifier=verifier, version=__version__)
        image, at = work.image.top.descriptor, record.decision.evaluated_at
        tags = [signed(image, record.decision, of(tag=tag), signer) for tag in work.request.target.tags]
        forms, notes = _other_forms(work, verifier)
        others = [sign(image, each, digest, at, signer) for told in forms.values() for each in told]
    except SigningError as error:
        raise UsageError(f"the decision cannot be signed: the key {error.message}", error.hint) from error
    approval = is_approval(record.decision)
    signature = Signature(
        key=signer.public.fingerprint, name=name, approval=approval, forms=tuple(forms) or None
    )
    outcome = replace(work.outcome, signature=signature, notes=(*work.outcome.notes, *notes))
    return replace(work, statements=(*tags, *others), outcome=outcome)


def _other_forms(work: Prepared, verifier: str) -> tuple[Mapping[str, tuple[Statement, ...]], Sequence[str]]:
    """What is signed beside the decision's own statements, by name; and why one that is asked for is not."""
    found, notes = dict[str, tuple[Statement, ...]](), list[str]()
    for name in work.request.forms:
        try:
            approved = Approved(
                decision=work.record.decision,
                evidence=work.record.evidence,
                record=work.record.artifact.manifest.digest,
                verifier=verifier,
                version=__version__,
            )
            found[name] = statements(name, approved)
        except NothingToTellError as error:
            notes.append(f"there is no statement {name}: {error}")
        except NoApprovalError as error:
            raise UsageError(f"--statement {name}: {error}", _NO_FORMS) from error
        except FormError as error:
            raise InputError(f"--statement {name}: {error}", _NOT_TOLD) from error
    return found, notes


def with_audience(work: Prepared) -> Prepared:
    """Before the first push of these tags, it is found out who can read their record."""
    decision, onlooker = work.record.decision, work.request.onlooker
    if onlooker is None or any(link.previous for link in decision.chain.values()):
        return work
    return replace(work, audience=Audience(onlooker, shown(work.record, onlooker.repository)))


def told(work: Prepared) -> Prepared:
    """With what is to be said of who can read the record."""
    note = work.audience.note() if work.audience else None
    return replace(work, outcome=replace(work.outcome, notes=(*work.outcome.notes, note))) if note else work


def with_signers(work: Prepared) -> Outcome:
    """The outcome; with a note where nothing signs it, and the policy lists keys for that."""
    keys, target = work.request.policy.trust.keys, work.request.target.repository
    listed = deciders(keys, target, decided_at(work.outcome))
    if work.request.signer or not listed:
        return work.outcome
    who = first_of(listed, 5)
    note = f"the record is not signed (--key), and who trusts the keys of this policy ({who}) will refuse it"
    return replace(work.outcome, notes=(*work.outcome.notes, note))


def decided_at(judged: Outcome) -> datetime:
    """When it was decided, which is when a key has to count."""
    return datetime.fromisoformat(judged.decision.evaluated_at)

"""One push from beginning to end: the order of design section 2, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from msgspec.structs import replace

from pushpolicy.admission import Outcome, PushRequest
from pushpolicy.attach import attach_artifacts
from pushpolicy.attach.denial import keep_denial
from pushpolicy.budget import Budget
from pushpolicy.errors import InputError, PushPolicyError, RecordError
from pushpolicy.gather import Gathered, Shared
from pushpolicy.http.parallel import beside
from pushpolicy.images import Image
from pushpolicy.judging import budget_of, gather_about, judge_all, open_all, opened, tags_now
from pushpolicy.place import Lists, listed_now, with_place
from pushpolicy.proof import Prepared, told, with_audience, with_record, with_signers
from pushpolicy.push import (
    Permit,
    Pushed,
    Sent,
    Verified,
    carry_referrers,
    issue,
    log_in,
    move_all_tags,
    push_by_digest,
    read_content,
    send_blobs,
    verify_push,
)
from pushpolicy.registry.interface import Attached

__all__ = ["Outcome", "PushRequest", "admit", "admit_all", "check", "check_all", "collect"]


def admit(request: PushRequest) -> Outcome:
    """Judge an image and publish it if it is allowed, with the proof beside it before any tag names it.

    Raises:
        InputError: the image or named evidence cannot be read, or a secret would be stored.
        PolicyError: the policy or the engine failed.
        PushError: the repository refused; no tag was moved.
        IncompleteError: the image is there by digest, and what follows is not complete.
    """
    (outcome,) = admit_all((request,))
    return outcome


def admit_all(requests: Sequence[PushRequest]) -> tuple[Outcome, ...]:
    """Judge several images, or one for several targets, and publish all if all are allowed, or none.

    Raises:
        PushPolicyError: as `admit` does; no tag is moved before every image is there with its record.
    """
    with ExitStack() as stack:
        layers, budget = stack.enter_context(ExitStack()), budget_of(requests)
        with budget.spend(InputError):
            images = open_all(requests, layers)
        look = beside(partial(tags_now, requests, to_push=True))
        listed = beside(partial(listed_now, requests, images, look))
        judged = judge_all(requests, images, look, stack.enter_context(Shared()), budget)
        if not all(outcome.decision.allowed for outcome in judged):
            return tuple(map(_denied, requests, images, judged))
        requests, judged = _with_credentials(requests, images, judged)
        work = _prepared(requests, images, judged, listed, budget, stack, to_push=True)
        sent: list[Sent] = []
        for each in work:
            sent.append(_send(each, sent))
        # No manifest is put before all content of all images was read and is what it should be.
        landed = [_land(each, one) for each, one in zip(work, sent, strict=True)]
        # All is sent. Freeing the disk space of the layers takes a while, in which the records settle.
        layers.close()
        verified = [_verify(request, *one) for request, one in zip(requests, landed, strict=True)]
        published = move_all_tags(verified)
        outcomes = map(with_signers, map(told, work))
        return tuple(replace(outcome, published=at) for outcome, at in zip(outcomes, published, strict=True))


def check(request: PushRequest) -> Outcome:
    """Judge an image as `admit` does, and write nothing to the target."""
    (outcome,) = check_all((request,))
    return outcome


def check_all(requests: Sequence[PushRequest]) -> tuple[Outcome, ...]:
    """Judge several images as `admit_all` does, and write nothing to the targets.

    What is allowed is prepared as for a push, so that what stops one stops this, too. Layers are read where
    that is asked for, else it is said that they were not.
    """
    with ExitStack() as stack:
        budget = budget_of(requests)
        with budget.spend(InputError):
            images = open_all(requests, stack)
        look = beside(partial(tags_now, requests))
        listed = beside(partial(listed_now, requests, images, look))
        judged = judge_all(requests, images, look, stack.enter_context(Shared()), budget)
        if not all(outcome.decision.allowed for outcome in judged):
            return judged
        work = _prepared(requests, images, judged, listed, budget, stack)
        return tuple(map(_as_read, map(told, work)))


def collect(request: PushRequest) -> Gathered:
    """Gather as `admit` does, and decide nothing."""
    with budget_of((request,)).spend(InputError), opened(request) as image, Shared() as shared:
        return gather_about(request, image, beside(partial(tags_now, (request,))), shared)[0]


def _denied(request: PushRequest, image: Image, judged: Outcome) -> Outcome:
    """Nothing is pushed. A denial is recorded where that is asked for, and stays one where that fails."""
    if judged.decision.allowed:
        return judged
    if request.denials is None:
        note = "this denial leaves no trace: --denials REPOSITORY would record it"
        return replace(judged, notes=(*judged.notes, note))
    request.progress.step("recording the denial")
    try:
        with ExitStack() as stack:
            # Its statement has one form, which is no approval.
            work = with_record(replace(request, forms=()), image, judged, stack)
            return replace(work.outcome, denial=keep_denial(work.record, work.statements, request.denials))
    except PushPolicyError as error:
        note = f"this denial leaves no trace: it could not be recorded: {error.message}"
        return replace(judged, notes=(*judged.notes, note), untraced=error)


def _with_credentials(
    requests: Sequence[PushRequest], images: Sequence[Image], judged: Sequence[Outcome]
) -> tuple[tuple[PushRequest, ...], tuple[Outcome, ...]]:
    """Everything was allowed: what --login names is obtained now, for all before anything is sent."""
    work: list[tuple[PushRequest, Outcome]] = []
    for request, image, outcome in zip(requests, images, judged, strict=True):
        if request.login is None:
            work.append((request, outcome))
            continue
        request.progress.step("obtaining the credential")
        client, named = log_in(_permit(request, image, outcome), request.login, outcome.evidence)
        client.prepare()
        work.append((replace(request, client=client), replace(outcome, previous=named)))
    return tuple(request for request, _ in work), tuple(outcome for _, outcome in work)


def _prepared(
    requests: Sequence[PushRequest],
    images: Sequence[Image],
    judged: Sequence[Outcome],
    listed: Lists,
    budget: Budget,
    stack: ExitStack,
    *,
    to_push: bool = False,
) -> list[Prepared]:
    """The records of images that are allowed; all that is done for a push before anything is sent."""
    work = []
    for request, image, outcome in zip(requests, images, judged, strict=True):
        known = listed().get(request.target, {})
        allowed = partial(budget.spend, RecordError, "stopped", request.job.limits.max_record_seconds)
        placed = with_place(request, image, outcome, known, allowed, to_push=to_push)
        work.append(with_audience(with_record(request, image, placed, stack)))
    return work


def _send(work: Prepared, sent: Sequence[Sent]) -> Sent:
    request, record = work.request, work.record
    # The empty config is that of all of them.
    along = {
        blob.descriptor.digest: blob for each in (record.artifact, *work.statements) for blob in each.blobs
    }
    return send_blobs(
        _permit(request, work.image, work.outcome),
        image=work.image,
        target=request.target,
        record=record,
        client=request.client,
        records=request.records,
        statements=work.statements,
        beside=() if request.records else tuple(along.values()),
        progress=request.progress,
        sent=sent,
        mount_from=request.mount_from,
        named=work.outcome.previous if request.login else None,
    )


def _land(work: Prepared, sent: Sent) -> tuple[Pushed, tuple[Attached, ...]]:
    """The image by its digest, and its record beside it; no tag names it yet."""
    progress, audience = work.request.progress, work.audience
    if audience and (note := audience.note()):
        progress.note(note)
    pushed = push_by_digest(sent)
    progress.step("attaching the record")
    attached = attach_artifacts(carry_referrers(pushed))
    if audience:
        audience.look_again(work.record.artifact.manifest.digest)
    return pushed, attached


def _verify(request: PushRequest, pushed: Pushed, attached: tuple[Attached, ...]) -> Verified:
    request.progress.step("reading it back")
    return verify_push(pushed, attached, full=request.full)


def _permit(request: PushRequest, image: Image, judged: Outcome) -> Permit:
    return issue(
        judged.decision,
        decision_document=judged.decision.document(),
        evidence=judged.evidence,
        image=image,
        target=request.target,
    )


def _as_read(work: Prepared) -> Outcome:
    """What a push would find of the layers."""
    judged, permit = work.outcome, _permit(work.request, work.image, work.outcome)
    if work.request.full:
        read_content(work.image, permit)
    elif compared := len(permit.terms.compared):
        note = f"layers: not compared with the config that a report is bound by: {compared} of them"
        return replace(judged, notes=(*judged.notes, f"{note}; --verify=full reads them, and so does a push"))
    return judged

"""One push from beginning to end: the order of design section 2, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial

from msgspec.structs import replace

from pushpolicy.admission import Outcome, PushRequest
from pushpolicy.attach import attach_artifacts
from pushpolicy.attach.audience import Audience, shown
from pushpolicy.attach.denial import keep_denial
from pushpolicy.budget import Budget
from pushpolicy.errors import EngineError, InputError, PushPolicyError, RecordError
from pushpolicy.evaluate import start_decision
from pushpolicy.gather import (
    Gathered,
    GatherRequest,
    Previous,
    Shared,
    gather,
    named_now,
    refuse_secrets,
    secret_values,
    told_now,
)
from pushpolicy.http.parallel import beside
from pushpolicy.images import Image, Selection, open_image
from pushpolicy.images import Limits as ImageLimits
from pushpolicy.model.reference import Target
from pushpolicy.place import Lists, listed_now, with_place
from pushpolicy.proof import Prepared, with_signers, with_statements
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
from pushpolicy.records.build import Contents, build_record
from pushpolicy.registry.interface import Attached

# What the tags of each target name; waits for the registry's answers.
Look = Callable[[], Mapping[Target, Previous]]

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
        opened, budget = stack.enter_context(ExitStack()), _budget(requests)
        with budget.spend(InputError):
            images = _open_all(requests, opened)
        look = beside(partial(_named_now, requests, to_push=True))
        listed = beside(partial(listed_now, requests, images, look))
        judged = _judge_all(requests, images, look, stack.enter_context(Shared()), budget)
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
        opened.close()
        verified = [_verify(request, *one) for request, one in zip(requests, landed, strict=True)]
        published = move_all_tags(verified)
        outcomes = map(with_signers, map(_told, work))
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
        budget = _budget(requests)
        with budget.spend(InputError):
            images = _open_all(requests, stack)
        look = beside(partial(_named_now, requests))
        listed = beside(partial(listed_now, requests, images, look))
        judged = _judge_all(requests, images, look, stack.enter_context(Shared()), budget)
        if not all(outcome.decision.allowed for outcome in judged):
            return judged
        work = _prepared(requests, images, judged, listed, budget, stack)
        return tuple(map(_as_read, map(_told, work)))


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
            work = _with_record(replace(request, forms=()), image, judged, stack)
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


def _as_read(work: Prepared) -> Outcome:
    """What a push would find of the layers."""
    judged, permit = work.outcome, _permit(work.request, work.image, work.outcome)
    if work.request.full:
        read_content(work.image, permit)
    elif compared := len(permit.terms.compared):
        note = f"layers: not compared with the config that a report is bound by: {compared} of them"
        return replace(judged, notes=(*judged.notes, f"{note}; --verify=full reads them, and so does a push"))
    return judged


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
        work.append(_with_audience(_with_record(request, image, placed, stack)))
    return work


def _with_audience(work: Prepared) -> Prepared:
    """Before the first push of these tags, it is found out who can read their record."""
    decision, onlooker = work.record.decision, work.request.onlooker
    if onlooker is None or any(link.previous for link in decision.chain.values()):
        return work
    return replace(work, audience=Audience(onlooker, shown(work.record, onlooker.repository)))


def _told(work: Prepared) -> Prepared:
    """With what is to be said of who can read the record."""
    note = work.audience.note() if work.audience else None
    return replace(work, outcome=replace(work.outcome, notes=(*work.outcome.notes, note))) if note else work


def _with_record(request: PushRequest, image: Image, judged: Outcome, stack: ExitStack) -> Prepared:
    record = stack.enter_context(build_record(_contents(request, image, judged)))
    prepared = Prepared(request=request, image=image, outcome=judged, record=record)
    return with_statements(prepared, request.signer) if request.signer else prepared


def collect(request: PushRequest) -> Gathered:
    """Gather as `admit` does, and decide nothing."""
    with _budget((request,)).spend(InputError), _opened(request) as image, Shared() as shared:
        return _gather(request, image, beside(partial(_named_now, (request,))), shared)[0]


def _budget(requests: Sequence[PushRequest]) -> Budget:
    """What the images of one run may need together, by the limits of their job, which are the same."""
    limits = requests[0].job.limits
    return Budget(
        limits.max_run_seconds, limits.max_memory, image=limits.max_image_size, disk=limits.max_disk
    )


def _open_all(requests: Sequence[PushRequest], stack: ExitStack) -> list[Image]:
    """The image of each request; one for several targets is read, and its layers compressed, once."""
    opened: dict[tuple[str, Selection], Image] = {}
    images = []
    for request in requests:
        # Where it goes matters to its referrers alone: those at the source stay there.
        destination = request.selection.destination if request.selection.referrers else None
        key = (request.image, replace(request.selection, destination=destination, on_compressed=None))
        if key not in opened:
            opened[key] = stack.enter_context(_opened(request))
        images.append(opened[key])
    return images


def _opened(request: PushRequest) -> AbstractContextManager[Image]:
    request.progress.step("reading the image")
    limits = ImageLimits(unpacked_size=request.job.limits.max_image_size)
    return open_image(request.image, limits=limits, selection=request.selection, client=request.source)


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


def _permit(request: PushRequest, image: Image, judged: Outcome) -> Permit:
    return issue(
        judged.decision,
        decision_document=judged.decision.document(),
        evidence=judged.evidence,
        image=image,
        target=request.target,
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


def _judge_all(
    requests: Sequence[PushRequest], images: Sequence[Image], look: Look, shared: Shared, budget: Budget
) -> tuple[Outcome, ...]:
    work = zip(requests, images, strict=True)
    return tuple(_judge(request, image, look, shared, budget) for request, image in work)


def _judge(request: PushRequest, image: Image, look: Look, shared: Shared, budget: Budget) -> Outcome:
    # OPA starts on another processor while the registry is asked and the reports are read.
    started = nullcontext(request.decide) if request.decide else None
    with started or start_decision(request.policy, request.engine) as decide:
        request.progress.step("gathering evidence")
        with budget.spend(InputError):
            gathered, previous = _gather(request, image, look, shared)
        request.progress.step("deciding")
        with budget.spend(EngineError):
            decision = decide(gathered.evidence.document())
    stored = {"the decision": decision.document().content} | {
        f"policy file {path}": content for path, content in request.policy.files.items()
    }
    refuse_secrets(stored, (), _secrets(request, gathered))
    return Outcome(gathered=gathered, decision=decision, previous=previous.digests, notes=image.notes)


def _gather(request: PushRequest, image: Image, look: Look, shared: Shared) -> tuple[Gathered, Previous]:
    """The evidence, and what the tags of the target name."""
    shared.read(request.job)  # the registry answers meanwhile
    previous = look()[request.target]
    gathered = gather(
        GatherRequest(
            job=request.job,
            image=image,
            target=request.target,
            previous=previous,
            insecure=request.client.insecure,
            authorities=request.client.authorities,
            clock=request.client.clock,
            client=request.client,
            source=request.source,
            records=request.records,
        ),
        shared,
    )
    documents = {"the evidence": gathered.evidence.document().content}
    refuse_secrets(documents, gathered.reports, _secrets(request, gathered))
    return gathered, previous


def _secrets(request: PushRequest, gathered: Gathered) -> dict[str, str]:
    return secret_values(
        request.job.environ,
        request.job.credential or (request.login.reader if request.login else None),
        request.source_credential,
        request.job.records.credential if request.job.records else None,
        request.engine_credential,
        request.denials_credential,
        remote=gathered.remote_secrets,
        token=gathered.token_secrets,
        not_secret=request.job.not_secret,
    )


def _named_now(requests: Sequence[PushRequest], *, to_push: bool = False) -> Mapping[Target, Previous]:
    """What each tag of the targets names before the push; for which a distant registry is connected to."""
    named = {request.target: _previous(request) for request in requests}
    if to_push:
        requests[0].client.prepare()
    return named


def _previous(request: PushRequest) -> Previous:
    if request.login:
        return told_now(request.client, request.target.tags, may_pull=request.login.may_pull)
    return named_now(request.client, request.target.tags)


def _contents(request: PushRequest, image: Image, judged: Outcome) -> Contents:
    return Contents(
        subject=image.top.descriptor,
        evidence=judged.evidence,
        decision=judged.decision,
        policy=request.policy.bundle(),
        reports=judged.gathered.reports,
        raw=request.raw,
    )

"""What is known of an image, and what the policy says of it: steps 1 to 3 of design section 2."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext

from msgspec.structs import replace

from pushpolicy.admission import Outcome, PushRequest
from pushpolicy.budget import Budget
from pushpolicy.errors import EngineError, InputError
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
from pushpolicy.images import Image, Selection, open_image
from pushpolicy.images import Limits as ImageLimits
from pushpolicy.model.reference import Target

# What the tags of each target name; waits for the registry's answers.
Look = Callable[[], Mapping[Target, Previous]]


def budget_of(requests: Sequence[PushRequest]) -> Budget:
    """What the images of one run may need together, by the limits of their job, which are the same."""
    limits = requests[0].job.limits
    return Budget(
        limits.max_run_seconds, limits.max_memory, image=limits.max_image_size, disk=limits.max_disk
    )


def open_all(requests: Sequence[PushRequest], stack: ExitStack) -> list[Image]:
    """The image of each request; one for several targets is read, and its layers compressed, once."""
    found: dict[tuple[str, Selection], Image] = {}
    images = []
    for request in requests:
        # Where it goes matters to its referrers alone: those at the source stay there.
        destination = request.selection.destination if request.selection.referrers else None
        key = (request.image, replace(request.selection, destination=destination, on_compressed=None))
        if key not in found:
            found[key] = stack.enter_context(opened(request))
        images.append(found[key])
    return images


def opened(request: PushRequest) -> AbstractContextManager[Image]:
    """The image of one request, whose manifests and configs are read and checked."""
    request.progress.step("reading the image")
    limits = ImageLimits(unpacked_size=request.job.limits.max_image_size)
    return open_image(request.image, limits=limits, selection=request.selection, client=request.source)


def tags_now(requests: Sequence[PushRequest], *, to_push: bool = False) -> Mapping[Target, Previous]:
    """What each tag of the targets names before the push; for which a distant registry is connected to."""
    named = {request.target: _previous(request) for request in requests}
    if to_push:
        requests[0].client.prepare()
    return named


def _previous(request: PushRequest) -> Previous:
    if request.login:
        return told_now(request.client, request.target.tags, may_pull=request.login.may_pull)
    return named_now(request.client, request.target.tags)


def judge_all(
    requests: Sequence[PushRequest], images: Sequence[Image], look: Look, shared: Shared, budget: Budget
) -> tuple[Outcome, ...]:
    """What is decided about each image, on what. The shared evidence is gathered once."""
    work = zip(requests, images, strict=True)
    return tuple(_judge(request, image, look, shared, budget) for request, image in work)


def _judge(request: PushRequest, image: Image, look: Look, shared: Shared, budget: Budget) -> Outcome:
    # OPA starts on another processor while the registry is asked and the reports are read.
    started = nullcontext(request.decide) if request.decide else None
    with started or start_decision(request.policy, request.engine) as decide:
        request.progress.step("gathering evidence")
        with budget.spend(InputError):
            gathered, previous = gather_about(request, image, look, shared)
        request.progress.step("deciding")
        with budget.spend(EngineError):
            decision = decide(gathered.evidence.document())
    stored = {"the decision": decision.document().content} | {
        f"policy file {path}": content for path, content in request.policy.files.items()
    }
    refuse_secrets(stored, (), _secrets(request, gathered))
    return Outcome(gathered=gathered, decision=decision, previous=previous.digests, notes=image.notes)


def gather_about(request: PushRequest, image: Image, look: Look, shared: Shared) -> tuple[Gathered, Previous]:
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

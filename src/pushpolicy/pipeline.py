"""One push from beginning to end: the order of design section 2, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pushpolicy.admission import Outcome, PushRequest
from pushpolicy.attach import attach_record
from pushpolicy.evaluate import evaluate
from pushpolicy.gather import Gathered, GatherRequest, gather, refuse_secrets
from pushpolicy.images import Image, open_image
from pushpolicy.model.digest import Digest
from pushpolicy.push import issue, move_tags, push_by_digest, verify_push
from pushpolicy.records import Contents, build_record, records_before

__all__ = ["Outcome", "PushRequest", "admit", "check", "collect"]


def admit(request: PushRequest) -> Outcome:
    """Judge an image and publish it if it is allowed, with the proof beside it before any tag names it.

    Raises:
        InputError: the image or named evidence cannot be read, or a secret would be stored.
        PolicyError: the policy or the engine failed.
        PushError: the repository refused; no tag was moved.
        IncompleteError: the image is there by digest, and what follows is not complete.
    """
    with open_image(request.image) as image:
        judged = _judge(request, image)
        if not judged.decision.allowed:
            return judged
        permit = issue(
            judged.decision,
            decision_document=judged.decision.document(),
            evidence=judged.evidence,
            image=image,
            target=request.target,
        )
        with build_record(_contents(request, image, judged)) as record:
            pushed = push_by_digest(
                permit,
                image=image,
                target=request.target,
                record=record,
                client=request.client,
                progress=request.progress,
            )
            attached = attach_record(pushed)
            verified = verify_push(pushed, attached, full=request.full)
            return replace(judged, published=move_tags(verified))


def check(request: PushRequest) -> Outcome:
    """Judge an image as `admit` does, and write nothing to the target."""
    with open_image(request.image) as image:
        return _judge(request, image)


def collect(request: PushRequest) -> Gathered:
    """Gather as `admit` does, and decide nothing."""
    with open_image(request.image) as image:
        return _gather(request, image, _named_now(request))


def _judge(request: PushRequest, image: Image) -> Outcome:
    previous = _named_now(request)
    gathered = _gather(request, image, previous)
    evidence = gathered.evidence.document()
    decision = evaluate(request.policy, evidence, request.engine)
    stored = {"the decision": decision.document().content} | {
        f"policy file {path}": content for path, content in request.policy.files.items()
    }
    refuse_secrets(stored, (), request.environ, request.credential)
    return Outcome(gathered=gathered, evidence=evidence, decision=decision, previous=previous)


def _gather(request: PushRequest, image: Image, previous: Mapping[str, Digest]) -> Gathered:
    gathered = gather(
        GatherRequest(
            image=image,
            target=request.target,
            previous=previous,
            insecure=request.client.insecure,
            clock=request.client.clock,
            workspace=request.workspace,
            environ=request.environ,
            credential=request.credential,
            named=request.named,
            expected=request.expected,
            evaluated_at=request.evaluated_at,
            limits=request.limits,
        )
    )
    documents = {"the evidence": gathered.evidence.document().content}
    refuse_secrets(documents, gathered.reports, request.environ, request.credential)
    return gathered


def _named_now(request: PushRequest) -> Mapping[str, Digest]:
    """What each tag of the target names before the push."""
    found = {tag: request.client.resolve(tag) for tag in request.target.tags}
    return {tag: manifest.digest for tag, manifest in found.items() if manifest}


def _contents(request: PushRequest, image: Image, judged: Outcome) -> Contents:
    return Contents(
        subject=image.top.descriptor,
        evidence=judged.evidence,
        decision=judged.decision,
        policy=request.policy.bundle(),
        reports=judged.gathered.reports,
        previous=records_before(request.client, judged.previous),
        raw=request.raw,
    )

"""The place of a record among those of its tags, and what is beside the image there; nothing was sent yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from pushpolicy.admission import Outcome, PushRequest
from pushpolicy.evaluate import is_of_known_policy
from pushpolicy.gather import Previous
from pushpolicy.http.parallel import beside
from pushpolicy.images import Image
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Target
from pushpolicy.proof import decided_at
from pushpolicy.records.chain import Allowed, listed_with, records_before
from pushpolicy.records.crowd import crowd_notes, old_signatures
from pushpolicy.records.signed import Trusted
from pushpolicy.records.statement import is_approval
from pushpolicy.registry.interface import RepositoryClient

_UNVERIFIED = (
    "the record before was not verified, as no trust file lists a key for decisions (--trust FILE): who "
    "verifies this one later will refuse a chain with one that no listed key signed"
)
# What is listed with images, as far as it was read; by target, for whoever waits for it.
Listed = Mapping[Digest, tuple[Descriptor, ...]]
Lists = Callable[[], Mapping[Target, Listed]]


def listed_now(
    requests: Sequence[PushRequest], images: Sequence[Image], look: Callable[[], Mapping[Target, Previous]]
) -> Mapping[Target, Listed]:
    """What is listed with each image, and with those that the tags name: read while it is decided.

    Of a push with a login that waits for its credential.
    """
    named, found = look(), dict[Target, Listed]()
    for request, image in zip(requests, images, strict=True):
        if not request.login:
            before = named[request.target].digests.values()
            found[request.target] = listed_with(_kept_in(request), before, image.top.digest)
    return found


def with_place(
    request: PushRequest, image: Image, judged: Outcome, listed: Listed, allowed: Allowed, *, to_push: bool
) -> Outcome:
    """With the place of its record after those that there are, for each tag.

    Args:
        request: what was asked.
        image: what is pushed.
        judged: that it is allowed.
        listed: what is listed with images, as far as that was read.
        allowed: what reading one record may take.
        to_push: whether the credential of the push is there, where it is obtained after the decision.

    Raises:
        PushError: when what is listed with an image cannot be read.
    """
    # A push that moved no tag may have left one. Who has no credential yet may not be told of it.
    left = [image.top.digest] if to_push or not request.login else []
    about = {
        tag: [*([judged.previous[tag]] if tag in judged.previous else []), *left]
        for tag in request.target.tags
    }
    kept_in, hides = _kept_in(request), request.signer and is_approval(judged.decision)
    old = beside(partial(old_signatures, kept_in, image.top.digest)) if hides else tuple
    if to_push and not listed:
        listed = listed_with(kept_in, judged.previous.values(), image.top.digest)
    trusted = _trusted(request, judged)
    before = records_before(kept_in, about, is_of_known_policy, allowed, request.client, trusted, listed)
    crowd = before.listed.get(image.top.digest, 0)
    notes = tuple(crowd_notes(old(), crowd)) if request.signer else ()
    if request.signer and not trusted and any(link.previous for link in before.chain.values()):
        notes = (*notes, _UNVERIFIED)
    for note in notes:
        request.progress.note(note)
    decision = replace(judged.decision, chain=before.chain)
    return replace(judged, decision=decision, notes=(*judged.notes, *before.ignored, *notes))


def _kept_in(request: PushRequest) -> RepositoryClient:
    return request.records or request.client


def _trusted(request: PushRequest, judged: Outcome) -> Trusted | None:
    """The keys whose word counts for decisions about the target; None where the policy lists none."""
    repository, listed = request.target.repository, request.policy.trust.keys
    keys = {name: key for name, key in listed.items() if key.role == "decide" and key.covers(repository)}
    return Trusted(keys=keys, repository=repository, at=decided_at(judged)) if keys else None

"""What must hold, whatever the order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pushpolicy.audit.history import find_record
from pushpolicy.audit.shelf import Shelf
from pushpolicy.errors import PushPolicyError
from pushpolicy.model.reference import Reference
from pushpolicy.push.tag import Published
from pushpolicy.registry import RepositoryClient
from pushpolicy.registry.move import Guarantee
from tests.simulation.world import Actor, World


def at_any_time(client: RepositoryClient, ours: frozenset[str]) -> Iterator[str]:
    """No tag of ours without its record, as audit finds it."""
    for tag in client.tags():
        named = client.resolve(tag)
        if named is None or str(named.digest) not in ours:
            continue
        try:
            record = find_record(Shelf.of(client), Reference(repository=client.repository, tag=tag))
        except PushPolicyError as error:
            yield f"tag {tag} has no record: {error.message}"
            continue
        if record.summary.subject.digest != named.digest or tag not in record.decision.image.tags:
            yield f"tag {tag} has the record of something else"


def at_the_end(world: World, client: RepositoryClient, pushers: Sequence[Actor]) -> Iterator[str]:
    """No record lost, no success that was none, no tag over what a condition excludes."""
    for pusher in pushers:
        published = pusher.result
        if not isinstance(published, Published):
            continue
        if published.record.digest not in {entry.digest for entry in client.referrers(published.digest)}:
            yield f"the record of {pusher.name}, which ended well, is not listed"
        for tag in published.target.tags:
            yield from _success(world, pusher, published, tag)


def _success(world: World, pusher: Actor, published: Published, tag: str) -> Iterator[str]:
    ours = str(published.digest)
    if pusher.looked.get(tag) != ours:
        yield f"{pusher.name} ended well, and {tag} did not name its image when it was read last"
    judged = pusher.judged.get(tag)
    for move in world.moves:
        is_its = (move.who, move.tag) == (pusher.name, tag)
        if is_its and published.guarantee is Guarantee.CONDITIONAL and move.before != judged:
            yield f"{pusher.name} moved {tag} over {move.before}, on the condition that it names {judged}"

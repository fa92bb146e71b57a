"""Who does what: pushes of one or of two images to the same tags, a mover of tags, an auditor."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pushpolicy.errors import PushPolicyError
from pushpolicy.model.reference import Target
from pushpolicy.push.tag import Published
from pushpolicy.registry import Access, RepositoryClient, open_repository
from tests.clients import login
from tests.faults.images import layered
from tests.judged import make_image, publish
from tests.registries import PASSWORD, USERNAME
from tests.registry_kinds import KINDS
from tests.simulation import laws
from tests.simulation.wire import connected
from tests.simulation.world import REPOSITORY, Actor, Fate, KilledError, World

_TARGET = Target.parse(f"127.0.0.1:5000/{REPOSITORY}:1.0")
_IMAGES = (layered("one", 300), layered("two", 400), make_image())
_FOREIGN = layered("foreign", 500)
# A registry that takes no record and one that cannot be asked for a blob publish nothing, whatever the order.
NAMES = tuple(name for name in KINDS if name not in ("known-types", "gitlab", "no-head", "no-location"))


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is to happen at once.

    Attributes:
        kind: of registry.
        images: for each pusher, which of the images.
        tags: for each pusher, the tags.
        mover: whether somebody else moves the first tag.
    """

    kind: str
    images: tuple[int, ...] = (0, 1)
    tags: tuple[tuple[str, ...], ...] = (("1.0",), ("1.0",))
    mover: bool = False

    @classmethod
    def drawn(cls, draw: random.Random, kind: str) -> Scenario:
        """Two or three pushers, with or without a mover."""
        count = draw.choice((2, 2, 3))
        tags = (("1.0",), ("1.0", "stable"), ("stable", "1.0"))
        return cls(
            kind=kind,
            images=tuple(draw.choices(range(len(_IMAGES)), (4, 3, 1), k=count)),
            tags=tuple(draw.choices(tags, (3, 1, 1), k=count)),
            mover=draw.random() < 0.2,
        )


@dataclass(kw_only=True)
class Played:
    """How it went.

    Attributes:
        broken: laws that did not hold, in words.
        steps: who did what, and what became of it.
        ended_well: whose push ended well without being run again.
    """

    broken: list[str]
    steps: list[str]
    ended_well: list[str]


Choose = Callable[[World, Sequence[Actor]], tuple[Actor, Fate]]


def play(scenario: Scenario, choose: Choose) -> Played:
    """Let it happen in the order that is chosen, then run again whoever did not end well."""
    world = World(KINDS[scenario.kind])
    ours = frozenset(str(_IMAGES[number].top.digest) for number in scenario.images)
    steps, broken = list[str](), list[str]()

    def look(law: Iterator[str]) -> None:
        broken.extend(f"{what} (after step {len(steps)})" for what in law)

    with connected(world):
        client = _client()
        pushers = _begin(world, scenario, client)
        while ready := world.ready():
            actor, fate = choose(world, ready)
            steps.append(f"{actor.name}: {actor.pending} {fate}")
            before = (dict(world.held.tags), len(world.held.manifests))
            world.go_on(actor, fate)
            if before != (world.held.tags, len(world.held.manifests)):
                look(laws.at_any_time(client, ours))
        ended_well = [pusher.name for pusher in pushers if isinstance(pusher.result, Published)]
        look(laws.at_the_end(world, client, pushers))
        for number, pusher in enumerate(pushers):
            if not isinstance(pusher.result, KilledError | PushPolicyError | Published):
                broken.append(f"{pusher.name}: {pusher.result!r}")
            if not isinstance(pusher.result, Published):
                again = world.add(f"{pusher.name} again", _push(scenario, number, hour=20 + number))
                while again.pending:
                    world.go_on(again)
                pushers[number] = again
                look(_finished(again))
        look(laws.at_any_time(client, ours))
        look(laws.at_the_end(world, client, [one for one in pushers if one.name.endswith("again")]))
    return Played(broken=broken, steps=steps, ended_well=ended_well)


def _client() -> RepositoryClient:
    access = Access(plain_http=True, credential=login(USERNAME, PASSWORD), first_pause=0.1)
    return open_repository(_TARGET.repository, access)


def _begin(world: World, scenario: Scenario, client: RepositoryClient) -> list[Actor]:
    world.registry.create(REPOSITORY)
    pushers = [
        world.add(f"pusher {number}", _push(scenario, number, hour=10 + number))
        for number in range(len(scenario.images))
    ]
    if scenario.mover:
        for blob in _FOREIGN.blobs:
            client.put_blob(blob, _FOREIGN.content.open_blob(blob))
        client.put_manifest(_FOREIGN.top)
        world.add("mover", lambda: _client().put_manifest(_FOREIGN.top, "1.0"))
    return pushers


def _push(scenario: Scenario, number: int, *, hour: int) -> Callable[[], Published]:
    image, tags = _IMAGES[scenario.images[number]], scenario.tags[number]
    target = Target(repository=_TARGET.repository, tags=tags)
    return lambda: publish(image, _client(), target, at=f"2026-11-02T{hour}:00:00Z")


def _finished(again: Actor) -> Iterator[str]:
    """A rerun finishes, or names the one conflict that none can solve.

    That is a tag that stays, a list of referrers that can be written once, or none that may be read.
    """
    error = again.result
    if isinstance(error, PushPolicyError):
        told = f"{error.message} {error.hint}"
        if not any(words in told for words in (" stays", "--records", ": referrers of sha256:")):
            yield f"{again.name}: {told}"

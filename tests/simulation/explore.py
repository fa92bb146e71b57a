"""Orders: every one of two pushers, or some of more by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tests.simulation.scenarios import NAMES, Choose, Played, Scenario, play
from tests.simulation.world import Actor, Fate, World

# Two pushers of one tag, of which every order is played.
SMALL = (
    Scenario(kind="full"),
    Scenario(kind="full", images=(0, 0)),
    Scenario(kind="fallback"),
    Scenario(kind="fallback", images=(0, 0)),
    Scenario(kind="conditions"),
    Scenario(kind="multi-tag", tags=(("1.0", "stable"), ("1.0", "stable"))),
)
# How many of a drawn run's steps meet something.
_UNLUCKY = 0.05


def at_random(seed: int, kinds: Sequence[str] = NAMES) -> tuple[Scenario, Played]:
    """The scenario and the order of a seed."""
    draw = random.Random(seed)
    scenario = Scenario.drawn(draw, kinds[seed % len(kinds)])
    unlucky = draw.choice((0.0, _UNLUCKY))

    def choose(_: World, ready: Sequence[Actor]) -> tuple[Actor, Fate]:
        actor = draw.choice(ready)
        fates = actor.pending.fates if actor.pending else ()
        return actor, draw.choice(fates[1:]) if draw.random() < unlucky else Fate.DONE

    return scenario, play(scenario, choose)


def every(scenario: Scenario, faults: int) -> Iterator[tuple[tuple[int, ...], Played]]:
    """Every order of the steps that are shared, each state that can be come to once, with so many faults.

    Pushers are what their answers make them: where what is stored and what each has seen is the same, what
    follows is the same too.
    """
    known = set[int]()
    open_ends: list[tuple[int, ...]] = [()]
    while open_ends:
        begun = open_ends.pop()
        taken, further = list[int](), list[tuple[int, ...]]()
        played = play(scenario, _following(begun, taken, further, known, faults))
        open_ends += further
        yield tuple(taken), played


def _following(
    begun: tuple[int, ...],
    taken: list[int],
    further: list[tuple[int, ...]],
    known: set[int],
    faults: int,
) -> Choose:
    """Goes on from a beginning as it comes, and notes the other ways from states that are new."""
    met = 0

    def choose(world: World, ready: Sequence[Actor]) -> tuple[Actor, Fate]:
        nonlocal met
        ways = [
            (actor, fate)
            for actor in ready
            for fate in (actor.pending.fates if actor.pending and met < faults else (Fate.DONE,))
        ]
        number = 0
        if len(taken) < len(begun):
            number = begun[len(taken)]
        elif (state := hash((world.state(), met))) not in known:
            known.add(state)
            further.extend((*taken, other) for other in range(1, len(ways)))
        taken.append(number)
        met += ways[number][1] is not Fate.DONE
        return ways[number]

    return choose

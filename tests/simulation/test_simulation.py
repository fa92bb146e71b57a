"""The laws of a publish, whatever the order of what happens at once."""

from __future__ import annotations

import pytest

from tests.simulation.explore import SMALL, at_random, every
from tests.simulation.scenarios import Scenario, play
from tests.simulation.world import Fate

_SCHEDULES = 1_000
_PARTS = 20

# Seeds that broke a law once, with what the mechanism was.
_KEPT = (
    # A list under a fallback tag was sent again after its answer was lost, over what another had added since.
    (27, "gitea"),
)


@pytest.mark.parametrize("part", range(_PARTS))
def test_no_schedule_breaks_a_law(part: int) -> None:
    """A thousand, drawn; `make simulate` plays a hundred thousand."""
    ended_well = 0
    for seed in range(part, _SCHEDULES, _PARTS):
        scenario, played = at_random(seed)
        assert played.broken == [], f"seed {seed}, {scenario}"
        ended_well += len(played.ended_well)
    assert ended_well > _SCHEDULES / _PARTS / 2


@pytest.mark.parametrize("scenario", SMALL, ids=lambda scenario: f"{scenario.kind}-{scenario.images}")
def test_no_order_of_two_pushers_breaks_a_law(scenario: Scenario) -> None:
    played = [one for _, one in every(scenario, faults=0)]
    assert [one.broken for one in played if one.broken] == []
    assert len(played) > 50


@pytest.mark.parametrize(("seed", "kind"), _KEPT)
def test_what_broke_a_law_once_does_not_any_more(seed: int, kind: str) -> None:
    scenario, played = at_random(seed)
    assert scenario.kind == kind
    assert played.broken == []


def test_a_tag_without_its_record_is_noticed() -> None:
    """The laws themselves: a registry that forgets a record breaks one."""

    def choose(world, ready):  # type: ignore[no-untyped-def]
        for digest in [d for d, one in world.held.manifests.items() if b"pushpolicy.record" in one.content]:
            if world.held.tags:
                del world.held.manifests[digest]
        return ready[0], Fate.DONE

    assert any("has no record" in what for what in play(Scenario(kind="full"), choose).broken)

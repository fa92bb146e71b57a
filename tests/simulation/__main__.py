"""Play schedules, drawn by their numbers, and every order of two pushers; print what broke a law.

python -m tests.simulation [--schedules N] [--first SEED] [--kinds NAME,...] [--jobs N]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.explore import SMALL, at_random, every
from tests.simulation.scenarios import NAMES

_CHUNK = 50


def main() -> int:
    """Play, and print.

    Returns:
        1 when a law was broken; the seed or the order is printed, and can be played again.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--schedules", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--kinds", default=",".join(NAMES), metavar="NAME,...")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    kinds, begun = given.kinds.split(","), time.monotonic()
    chunks = range(given.first, given.first + given.schedules, _CHUNK)
    counts, broken = Counter[str](), list[str]()
    with ProcessPoolExecutor(given.jobs) as pool:
        for ended, found in pool.map(partial(_drawn, kinds=kinds), chunks):
            counts += ended
            broken += found
        orders = list(pool.map(_ordered, range(len(SMALL))))
    for runs, found in orders:
        counts["orders"] += runs
        broken += found
    print("\n".join(broken))
    print(", ".join(f"{number} {name}" for name, number in sorted(counts.items())))
    print(f"{len(broken)} broke a law; {time.monotonic() - begun:.0f} s")
    return 1 if broken else 0


def _drawn(first: int, kinds: Sequence[str]) -> tuple[Counter[str], list[str]]:
    counts, broken = Counter[str](), list[str]()
    for seed in range(first, first + _CHUNK):
        scenario, played = at_random(seed, kinds)
        counts += Counter(schedules=1, pushes=len(scenario.images), successes=len(played.ended_well))
        broken += [f"seed {seed}, {scenario}: {what}" for what in played.broken]
    return counts, broken


def _ordered(number: int) -> tuple[int, list[str]]:
    runs, broken = 0, list[str]()
    for order, played in every(SMALL[number], faults=1):
        runs += 1
        broken += [f"{SMALL[number]} in the order {order}: {what}" for what in played.broken]
    return runs, broken


if __name__ == "__main__":
    sys.exit(main())

"""Every byte of every kept record, changed: `python -m tests.flips [--number N] [--seed N]`, minutes."""

from __future__ import annotations

import argparse

from pushpolicy.engines import find_engine
from tests.flips import outcomes

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.flips")
    parser.add_argument("--number", type=int, help="bytes of each part; all without it")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for (part, sealed, what), count in sorted(outcomes(find_engine(), given.number, given.seed).items()):
        print(f"{part:9} {'digest put right' if sealed else 'digest as it was':17} {what:14} {count}")

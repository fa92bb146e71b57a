"""Push an image through every kind of fault at every request, and print what was survived.

    python -m tests.faults [--image 3-layer|large|index] [--registry KIND] [--stride N]

Each registry has a process of its own. Needs the programs of `make tools`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.faults.course import ALL
from tests.faults.images import IMAGES
from tests.faults.report import measure


def main() -> int:
    """Measure and print.

    Returns:
        1 when anything is not as it has to be.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--image", choices=IMAGES, default="3-layer")
    parser.add_argument("--registry", choices=ALL, action="append")
    parser.add_argument("--stride", type=int, default=1, help="have every Nth request meet a fault, not all")
    given = parser.parse_args()
    measured = partial(measure, image=given.image, stride=given.stride)
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("forkserver")) as pool:
        reports = list(pool.map(measured, given.registry or ALL))
    for lines, _ in reports:
        print("\n".join(lines))
    return 0 if all(good for _, good in reports) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Run every scenario on every registry, and print what came of it and where that is not as expected.

    python -m tests.registry_table [REGISTRY...]

A registry that cannot be had here (zot) is left out. Needs the programs of `make tools`, and Debian's
docker-registry.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests import workspace
from tests.registry_table.subjects import NAMES
from tests.registry_table.table import Row, expected, measure, rendered


def main() -> int:
    """Measure and print.

    Returns:
        1 when anything is not as expected.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.registry_table", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("registry", nargs="*", default=NAMES)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = workspace.build(Path(folder))
        context = multiprocessing.get_context("forkserver")
        # One registry, one process: a command changes the folder and the environment it runs in.
        with ProcessPoolExecutor(mp_context=context, max_tasks_per_child=1) as pool:
            rows, differences, known = list[Row](), list[str](), expected()
            for row in pool.map(partial(measure, project=project), given.registry):
                if isinstance(row, Row):
                    found = row.differences(known.get(row.name, {}))
                    print("\n".join([f"{row.name}: {len(found)} not as expected", *found]), flush=True)
                    rows.append(row)
                    differences += found
                else:
                    print(row, flush=True)
    print("\n".join(["", *rendered(rows)]))
    print(f"\n{sum(len(row.cells) for row in rows)} cells, {len(differences)} not as expected")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())

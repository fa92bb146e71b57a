"""Replaying recorded decisions on one worker of a Dask cluster, and on two, of one processor each.

OPA has GOMAXPROCS=1 there, as on any worker. Scheduler, workers and the client that reads the records share
this machine. Prints Markdown for docs/benchmarks.md.

    python -m bench.cluster [--records N] [--findings N] [--policy own|pack] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Command, run
from bench.replay import OWN
from tests.dask_cluster import dask_cluster


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--findings", type=int, default=20)
    parser.add_argument("--policy", choices=["own", "pack"], default="pack")
    parser.add_argument("--rounds", type=int, default=3, help="the least of the rounds counts")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-cluster-") as name:
        history = Path(name) / "history"
        made = (str(history), str(given.records), str(given.findings), given.policy)
        subprocess.run([sys.executable, "-m", "bench.history", *made], check=True)
        print(
            f"\n{given.records} records of {given.findings} findings, {given.policy}\n\n"
            "| workers | wall s | decisions a second | client: CPU ms a record | to one worker |\n"
            "| --- | --- | --- | --- | --- |"
        )
        one = 0.0
        for workers in (1, 2):
            wall, cpu = _replayed(history, workers, given.rounds, Path(name) / "used.json")
            one = one or wall
            print(
                f"| {workers} | {wall:.1f} | {given.records / wall:.0f} | {cpu / given.records * 1000:.2f} "
                f"| {one / wall:.2f} times |",
                flush=True,
            )


def _replayed(history: Path, workers: int, rounds: int, used: Path) -> tuple[float, float]:
    """The least seconds of a replay, and of them those of the client's processor."""
    with dask_cluster(workers=workers) as cluster:
        cluster.wait_for_workers(workers)
        asked = ["audit", "replay", f"export:{history}", "--format", "jsonl", "--scheduler", cluster.address]
        argv = [sys.executable, "-c", OWN, str(used), *asked, "--limit", "max-run-seconds=36000"]
        found = list[tuple[float, float]]()
        for _ in range(rounds):
            sample = run(Command(name="pushpolicy", argv=argv))
            python, _, _ = json.loads(used.read_text())
            found.append((sample.wall, python))
    return min(found)


if __name__ == "__main__":
    main()

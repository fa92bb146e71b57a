"""Fair timing of whole commands: interleaved rounds, medians, peak memory of each process tree.

Python's own are timed as installed, with bytecode beside their sources.
"""

from __future__ import annotations

import compileall
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CHILD = Path(__file__).parent / "child.py"
_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command line to time, with the exit code that shows it did its work."""

    name: str
    argv: Sequence[str]
    stdin: Path | None = None
    env: Mapping[str, str] | None = None
    folder: Path | None = None
    expected: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run: wall-clock seconds, CPU seconds, and peak resident memory in MiB of its largest process."""

    wall: float
    cpu: float
    rss: float


def run(command: Command) -> Sample:
    """Run a command once.

    Raises:
        SystemExit: when it does not end with the expected code: then the figure would mean nothing.
    """
    _compile()
    with (command.stdin or Path(os.devnull)).open("rb") as stdin:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(_CHILD), *command.argv],
            stdin=stdin,
            capture_output=True,
            env=command.env,
            cwd=command.folder,
            check=True,
        )
    code, wall, cpu, rss = json.loads(done.stdout)
    if code != command.expected:
        sys.exit(f"{command.name} ended with {code}: {done.stderr.decode(errors='replace')[-2000:]}")
    # ru_maxrss is bytes on macOS and KiB elsewhere
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Sample(wall=wall, cpu=cpu, rss=rss / unit)


@cache
def _compile() -> None:
    # As pip does; where Python may not write bytecode, each run would compile anew.
    for place in ("src", "packages/opa", "bench", "tests"):
        compileall.compile_dir(_ROOT / place, quiet=1)


def interleave(commands: Sequence[Command], rounds: int) -> dict[str, list[Sample]]:
    """Run all commands in turn, round by round, after one unmeasured round."""
    samples: dict[str, list[Sample]] = {command.name: [] for command in commands}
    for number in range(rounds + 1):
        for command in commands:
            sample = run(command)
            if number:
                samples[command.name].append(sample)
    return samples


def row(name: str, samples: Sequence[Sample]) -> str:
    """A line of a Markdown table: name, median wall with range, median CPU, median peak memory."""
    walls = [sample.wall * 1000 for sample in samples]
    cpu = statistics.median(sample.cpu * 1000 for sample in samples)
    rss = statistics.median(sample.rss for sample in samples)
    wall = f"{statistics.median(walls):.0f} ({min(walls):.0f}-{max(walls):.0f})"
    return f"| {name} | {wall} | {cpu:.0f} | {rss:.0f} |"


def median_wall(samples: Sequence[Sample]) -> float:
    """The median wall-clock time in seconds."""
    return statistics.median(sample.wall for sample in samples)

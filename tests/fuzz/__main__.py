"""Fuzzing of every parser of the table: mutated samples and real reports through the whole of gather.

    python -m tests.fuzz [--seconds N] [--seed N] [--guided] [--keep FOLDER]

With ``--guided``, atheris (`pip install atheris`, Linux) chooses what to mutate by coverage; without, chance
does. Ends with 1 at the first input that breaks the rule of `target`, which is kept for a test. Its memory is
bounded, and so is the time that one input may take.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from tests.fuzz.mutations import mutate
from tests.report_files import ReportFile, corpus, samples

if TYPE_CHECKING:  # atheris has to see these imported
    from tests.fuzz.target import Target

MAX_SEED_SIZE = 16 * 1024
MAX_SECONDS = 10
MAX_MEMORY = 2048 * 1024 * 1024


class Hang(BaseException):
    """One input takes too long; nothing that is tested may catch it."""


def main() -> int:
    arguments = _arguments()
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    seeds = [*samples(), *corpus(MAX_SEED_SIZE)]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        if arguments.guided:
            from tests.fuzz import guided

            guided.run(Path(folder), seeds, arguments.seconds, arguments.keep, timeout=MAX_SECONDS)
        return by_chance(Path(folder), seeds, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--guided", action="store_true")
    parser.add_argument("--keep", type=Path, default=Path(".fuzz"))
    return parser.parse_args()


def by_chance(folder: Path, seeds: Sequence[ReportFile], arguments: argparse.Namespace) -> int:
    """Mutate seeds in turn until the time is over; gives the exit code."""
    from tests.fuzz.target import Target, read_as

    target, random, outcomes = Target(folder), Random(arguments.seed), Counter[str]()
    formats = [_format_of(target, seed) for seed in seeds]
    end, slowest = time.monotonic() + arguments.seconds, 0.0
    signal.signal(signal.SIGALRM, _hang)
    while time.monotonic() < end:
        number = random.randrange(len(seeds))
        content = mutate(seeds[number].content, random, random.choice(seeds).content)
        file = ReportFile(seeds[number].name, content)
        start = time.monotonic()
        try:
            signal.alarm(MAX_SECONDS)
            evidence = target.check(file)
            if formats[number]:
                read_as(formats[number], content)
        except BaseException as error:
            signal.alarm(0)
            print(f"{file.name}: {error!r:.300}; the input is {keep(file, arguments.keep)}", file=sys.stderr)
            raise
        signal.alarm(0)
        slowest = max(slowest, time.monotonic() - start)
        outcomes[evidence.reports[0].format if evidence.reports else "not read"] += 1
    print(f"{outcomes.total()} inputs, the slowest {slowest:.2f} s, {_memory()} MiB at most")
    print(", ".join(f"{name} {number}" for name, number in outcomes.most_common()))
    return 0


def _format_of(target: Target, seed: ReportFile) -> str:
    reports = target.check(seed).reports
    return reports[0].format if reports else ""


def keep(file: ReportFile, folder: Path) -> Path:
    """Write an input down, under a name that its content gives."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{hashlib.sha256(file.content).hexdigest()[:12]}-{file.name}"
    path.write_bytes(file.content)
    return path


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _hang(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Hang(f"more than {MAX_SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())

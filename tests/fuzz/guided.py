"""The same by coverage of gather's code, with atheris (libFuzzer); see the program."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NoReturn

import atheris

from tests.fuzz.mutations import MAX_SIZE, mutate
from tests.report_files import ReportFile


def run(folder: Path, seeds: Sequence[ReportFile], seconds: float, kept: Path, *, timeout: int) -> NoReturn:
    """Fuzz until the time is over; libFuzzer ends the process, with 77 for a finding that it kept."""
    with atheris.instrument_imports(include=["pushpolicy.gather"]):
        from tests.fuzz.target import Target, read_as

    def one_input(content: bytes) -> None:
        reports = target.check(ReportFile("report.json", content)).reports
        if reports:
            read_as(reports[0].format, content)

    def changed(content: bytes, limit: int, seed: int) -> bytes:
        return mutate(content, Random(seed))[:limit]

    def crossed(content: bytes, other: bytes, limit: int, seed: int) -> bytes:
        return mutate(content, Random(seed), other)[:limit]

    known = folder / "known"
    for place in (known, kept):
        place.mkdir(exist_ok=True)
    for seed in seeds:
        (known / seed.name).write_bytes(seed.content)
    workspace = folder / "workspace"
    workspace.mkdir()
    target = Target(workspace)
    options = {
        "max_total_time": int(seconds),
        "max_len": MAX_SIZE,
        "timeout": timeout,
        "artifact_prefix": f"{kept}/",
        "print_final_stats": 1,
    }
    arguments = [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(known)]
    atheris.Setup(arguments, one_input, custom_mutator=changed, custom_crossover=crossed)
    atheris.Fuzz()
    raise AssertionError("libFuzzer ends the process")

"""All rounds on one registry, as a table."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.faults.course import course
from tests.faults.images import IMAGES
from tests.faults.rounds import IN_TIME, MISLEADING, TRANSIENT, Case, double, ended_well, lasting, single
from tests.proxy import Fault


def measure(registry: str, *, image: str, stride: int) -> tuple[list[str], bool]:
    """The table of one registry as lines of Markdown, and whether all is as it has to be."""
    with tempfile.TemporaryDirectory() as name, course(registry, IMAGES[image], Path(name) / "r") as place:
        title = f"{registry}, {image} image, {place.requests()} requests a push"
        singles = single(place, (*TRANSIENT, Fault.SILENT, Fault.BROKEN_OFF), stride)
        doubles = double(place, TRANSIENT, stride)
        lastings = lasting(place, (*TRANSIENT, Fault.SILENT, *MISLEADING), stride)
        misleading = single(place, MISLEADING, stride)
    wrong = [case for case in (*singles, *doubles, *lastings, *misleading) if case.result.wrong]
    late = [case for case in lastings if not ended_well(case)]
    lost = [case for case in singles if not case.result.survived]
    lines = [
        f"## {title}",
        "",
        "| fault | one | two in a row |",
        "| --- | --- | --- |",
        *(_row(fault, singles, doubles) for fault in dict.fromkeys(case.fault for case in singles)),
        f"| all | {_share(singles)} | {_share(doubles)} |",
        "",
        f"Lasting faults: {len(lastings) - len(late)}/{len(lastings)} ended with 40 or 41 within "
        f"{IN_TIME:.0f} s, the longest after "
        f"{max((case.result.seconds for case in lastings), default=0):.1f} s.",
        f"Wrong tags, tags without record or false successes: {len(wrong)} in "
        f"{_all(singles, doubles, lastings, misleading)} pushes.",
        *(f"- {case}" for case in (*lost, *late, *wrong)),
        "",
    ]
    nearly_all = sum(case.result.survived for case in doubles) >= 0.95 * len(doubles)
    return lines, not (lost or late or wrong) and nearly_all


def _row(fault: Fault, *columns: Sequence[Case]) -> str:
    shares = (_share([case for case in cases if case.fault is fault]) for cases in columns)
    return f"| {fault} | {' | '.join(shares)} |"


def _share(cases: Sequence[Case]) -> str:
    return f"{sum(case.result.survived for case in cases)}/{len(cases)}" if cases else "-"


def _all(*rounds: Sequence[Case]) -> int:
    return sum(map(len, rounds))

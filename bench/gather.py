"""Reading large reports beside `json.load` and `xml.etree` on the same file, and usual ones by themselves.

All are whole processes: ours starts pushpolicy's gather, recognises the file, hashes it, reads it in a
process of its own, which is counted, hands it over and counts; "in one process" does the same without that,
so that nothing is handed over; theirs only parses. Prints Markdown for docs/benchmarks.md.

    python -m bench.gather [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import reports
from bench.measure import Command, Sample, interleave, median_wall, row

if TYPE_CHECKING:
    from pushpolicy.reports.format import ReadFile
    from pushpolicy.reports.limits import Limits

MB = 1_000_000
_JSON = "import json, sys; json.load(open(sys.argv[1], 'rb'))"
_XML = "import sys, xml.etree.ElementTree; xml.etree.ElementTree.parse(sys.argv[1])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Large:
    """A large report, its peer, and the goals: time and peak memory against the peer's, or MiB in all."""

    report: reports.Report
    size: int
    peer: str
    program: str
    time: float
    memory: float | None = None
    mebibytes: float | None = None


LARGE = (
    Large(report=reports.TRIVY, size=100 * MB, peer="json.load", program=_JSON, time=0.8, memory=0.6),
    Large(report=reports.SARIF, size=100 * MB, peer="json.load", program=_JSON, time=0.8, memory=0.6),
    Large(report=reports.CYCLONEDX, size=50 * MB, peer="json.load", program=_JSON, time=0.8, memory=0.6),
    Large(
        report=reports.JUNIT, size=100 * MB, peer="ElementTree.parse", program=_XML, time=1.5, mebibytes=64
    ),
)
USUAL = ((reports.TRIVY, 500), (reports.SARIF, 500), (reports.CYCLONEDX, 500), (reports.JUNIT, 1000))
USUAL_GOAL = 0.04


def main() -> None:
    if sys.argv[1:2] == ["--read"]:
        return read(Path(sys.argv[2]))
    if sys.argv[1:2] == ["--read-here"]:
        return read_here(Path(sys.argv[2]))
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        for large in LARGE:
            _compare(large, Path(name), rounds)
        print("\n| usual report | items | ms, median of 20 | goal |\n| --- | --- | --- | --- |")
        for report, items in USUAL:
            path = report.write(Path(name), items=items)
            print(f"| {report.file_name} | {items} | {_usual(path) * 1000:.1f} | {USUAL_GOAL * 1000:.0f} |")
    return None


def read(path: Path) -> None:
    """What gather does with one report, whatever it is, in a process that is forked as for a push."""
    from pushpolicy.reports import reader

    reader.start()
    _count(reader.read, path)


def read_here(path: Path) -> None:
    """The same without another process, as no push does it."""
    from pushpolicy.reports.recognise import read

    _count(read, path)


def _count(read: Callable[[Path, Limits], ReadFile], path: Path) -> None:
    from pushpolicy.reports.facts import ScanFacts, of_type
    from pushpolicy.reports.limits import Limits
    from pushpolicy.reports.scans import count

    file = read(path, Limits())
    if file.format.kind == "scans":
        for scan in of_type(ScanFacts, file.facts):
            count(scan.findings)


def _compare(large: Large, folder: Path, rounds: int) -> None:
    path = large.report.write(folder, size=large.size)
    program = [sys.executable, "-m", "bench.gather"]
    ours = Command(name="pushpolicy", argv=[*program, "--read", str(path)])
    here = Command(name="in one process", argv=[*program, "--read-here", str(path)])
    peer = Command(name=large.peer, argv=[sys.executable, "-c", large.program, str(path)])
    samples = interleave([ours, here, peer], rounds)
    size = path.stat().st_size / MB
    path.unlink()
    print(f"\n{large.report.file_name}, {size:.0f} MB, median of {rounds} interleaved rounds\n")
    print("| | wall ms (range) | CPU ms | peak MiB |\n| --- | --- | --- | --- |")
    for command in (ours, here, peer):
        print(row(command.name, samples[command.name]))
    child = _ratio("cpu", samples[ours.name], samples[here.name])
    print(f"\npushpolicy / in one process: {child:.2f} x the CPU time")
    print("\n" + _verdict(large, samples[ours.name], samples[peer.name]))


def _verdict(large: Large, ours: Sequence[Sample], peer: Sequence[Sample]) -> str:
    cpu, memory = _ratio("cpu", ours, peer), _ratio("rss", ours, peer)
    wall = median_wall(ours) / median_wall(peer)
    bound = f"{large.memory} x" if large.memory else f"{large.mebibytes} MiB"
    figures = f"{wall:.2f} x the wall time, {cpu:.2f} x the CPU time and {memory:.2f} x the memory"
    return f"pushpolicy / {large.peer}: {figures} (goal: at most {large.time} x, and {bound})"


def _ratio(name: str, ours: Sequence[Sample], peer: Sequence[Sample]) -> float:
    one, other = (statistics.median(getattr(sample, name) for sample in each) for each in (ours, peer))
    return float(one / other)


def _usual(path: Path) -> float:
    """Seconds of processor time to read it in a process that has read one before, without handing it over."""
    from pushpolicy.reports.recognise import read

    times = []
    for _ in range(21):
        start = time.process_time()
        _count(read, path)
        times.append(time.process_time() - start)
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()

"""How often a registry is asked for a push, by what for, and how many answers are waited for in a row.

An image of five small layers is pushed, and pushed again, beside crane and oras. What is waited for in a row
is the wall time with round trips of 50 ms, less the time without them, divided by 50 ms.
Prints Markdown for docs/benchmarks.md.

    python -m bench.requests [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bench.delay import delayed
from bench.measure import Sample, run
from bench.push import GATE, Row, commands, made_folder, project_of, ram_disk
from pushpolicy.demo.shell import Shell
from tests import workspace
from tests.registries import Registry, Request, distribution_registry, olareg_registry

ROUND_TRIP = 0.05
ROW = Row(title="5 x 48 KiB", layers=5, size=48 * 1024)
REGISTRIES: dict[str, Callable[..., AbstractContextManager[Registry]]] = {
    "distribution (no referrers API)": distribution_registry,
    "olareg (referrers API)": olareg_registry,
}
_PUSHERS = ("crane", "oras", GATE)
_KINDS = ("read before", "image", "record", "list", "read back", "tags")
_UPLOAD, _DIGEST = re.compile(r"/blobs/uploads/"), re.compile(r"sha256(?::|%3A)[0-9a-f]{64}")
_FALLBACK = re.compile(r"/manifests/sha256-[0-9a-f]{64}$|/referrers/")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="bench-requests-", dir=ram_disk()) as name:
        place = Path(name)
        shell = workspace.build(made_folder(place, "project"))
        project = project_of(ROW, shell, place)
        for title, start in REGISTRIES.items():
            print(f"\n{ROW.title}, {title}, median of {rounds} interleaved rounds\n")
            print(f"| push | requests | {' | '.join(_KINDS)} | in a row |")
            print(f"| --- | --- |{' --- |' * len(_KINDS)} --- |")
            _print(_measure(start, project, shell, place, rounds))


class Results:
    """What was measured of one command: seconds near, far and of the processor, and what was asked for."""

    def __init__(self) -> None:
        self.near: list[float] = []
        self.far: list[float] = []
        self.cpu: list[float] = []
        self.asked: list[Counter[str]] = []

    def add(self, sample: Sample, asked: Counter[str], *, far: bool) -> None:
        """One more run."""
        (self.far if far else self.near).append(sample.wall)
        self.cpu.append(sample.cpu)
        self.asked.append(asked)

    @property
    def requests(self) -> int:
        """How many there were at most."""
        return max(map(Counter.total, self.asked))

    def in_a_row(self, round_trip: float) -> float:
        """How many answers were waited for one after the other, with what is computed meanwhile."""
        return (statistics.median(self.far) - statistics.median(self.near)) / round_trip


def _measure(
    start: Callable[..., AbstractContextManager[Registry]],
    project: Path,
    shell: Shell,
    place: Path,
    rounds: int,
) -> dict[str, Results]:
    found: dict[str, Results] = {}
    image = digests(project / "image")
    for number in range(rounds + 1):
        for pusher in _PUSHERS:
            for round_trip in (0.0, ROUND_TRIP):
                with fresh(start, place, round_trip) as (registry, host):
                    for title in (pusher, f"{pusher}, again"):
                        before = len(registry.requests())
                        sample = _push(pusher, host, registry, project, shell)
                        if number:
                            asked = by_purpose(registry.requests()[before:], image)
                            found.setdefault(title, Results()).add(sample, asked, far=round_trip > 0)
    return found


def _push(pusher: str, host: str, registry: Registry, project: Path, shell: Shell) -> Sample:
    assert registry.ca_file is not None
    named = {command.name: command for command in commands(project, host, registry.ca_file, shell)}
    return run(named[pusher])


@contextmanager
def fresh(
    start: Callable[..., AbstractContextManager[Registry]], place: Path, round_trip: float
) -> Iterator[tuple[Registry, str]]:
    """An empty registry, and the address at which it is to be reached."""
    folder = place / "registry"
    try:
        with start(folder, tls=True) as registry:
            if not round_trip:
                yield registry, registry.host
                return
            with delayed(int(registry.host.rpartition(":")[2]), round_trip) as port:
                yield registry, f"127.0.0.1:{port}"
    finally:
        shutil.rmtree(folder)


def digests(layout: Path) -> frozenset[str]:
    """Of the image: its manifest, its config and its layers."""
    (top,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads((layout / "blobs" / top["digest"].replace(":", "/")).read_text())
    return frozenset(item["digest"] for item in (top, manifest["config"], *manifest["layers"]))


def by_purpose(requests: Sequence[Request], image: frozenset[str]) -> Counter[str]:
    """How many requests were for what; the POST of an upload belongs to what was uploaded then.

    A list that was written is read back, as everything else is.
    """
    asked, opened, written, listed = Counter[str](), 0, False, False
    for request in requests:
        digest = _DIGEST.search(request.path)
        of = "image" if digest and digest[0].replace("%3A", ":") in image else "record"
        if _FALLBACK.search(request.path):
            kind = "read back" if listed else "list" if written else "read before"
            listed = listed or request.method == "PUT"
        elif _UPLOAD.search(request.path):
            # Peers send chunks, whose address has no digest; the record of ours is sent without.
            kind, written = "image" if request.method == "PATCH" else of, True
            if request.method == "POST" and not digest:
                opened += 1
                continue
            if request.method == "PUT" and opened:
                opened -= 1
                asked[of] += 1
        elif digest and request.method == "GET":
            kind = "read back" if written else "read before"
        elif digest or "/blobs/" in request.path:
            kind, written = of, written or request.method == "PUT"
        else:
            kind = "tags"
        asked[kind] += 1
    asked["image"] += opened
    return asked


def _print(found: dict[str, Results]) -> None:
    for title, results in found.items():
        most = max(results.asked, key=Counter.total)
        columns = " | ".join(str(most[kind]) for kind in _KINDS)
        print(f"| {title} | {most.total()} | {columns} | {results.in_a_row(ROUND_TRIP):.0f} |")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

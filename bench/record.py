"""What it costs that a decision is signed, and to verify 1,000 records of a repository.

An image of five small layers is pushed to an empty registry: unsigned, signed by the key of a file, and by
one that a script holds (openssl). What is waited for in a row is computed as by bench.requests. Records are
made in a layout, fifty to an image, and listed with their signatures and without.
Prints Markdown for docs/benchmarks.md.

    python -m bench.record [--rounds N] [--records N] [--round-trip SECONDS]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from msgspec import structs

from bench.measure import Command, interleave, row, run
from bench.push import GATE, commands, made_folder, project_of, ram_disk
from bench.requests import REGISTRIES, ROUND_TRIP, ROW, Results, by_purpose, digests, fresh
from pushpolicy.demo.shell import Shell
from pushpolicy.engines import find_engine
from pushpolicy.evaluate import load_policy
from pushpolicy.model.reference import Target
from pushpolicy.pipeline import admit
from pushpolicy.registry import Access, open_repository
from tests import workspace
from tests.jobs import GOOD, Job
from tests.keys import key
from tests.layouts import LayoutMaker
from tests.plugins import kept_folder, plugin
from tests.registries import Registry

_MORE_IN_A_ROW, _MORE_MS = 5, 150
_TAGS = 50
_NONE = "unsigned"
_LISTED, _VERIFIED = "audit list", "audit list --trust"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--round-trip", type=float, default=ROUND_TRIP, help="a long one drowns other work")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-record-", dir=ram_disk()) as name, kept_folder() as kept:
        place = Path(name)
        shell = workspace.build(made_folder(place, "project"))
        signers = {_NONE: None, "--key FILE": f"{kept}/ci.key", "--key exec:PROGRAM": f"exec:{plugin(kept)}"}
        pushes = _Pushes(
            signers=signers,
            project=project_of(ROW, shell, place),
            shell=shell,
            place=place,
            rounds=given.rounds,
            round_trip=given.round_trip,
        )
        for title in REGISTRIES:
            pushes.report(title)
        _verify(place, kept / "ci.pub", shell, given.records, given.rounds)


@dataclass(frozen=True, kw_only=True)
class _Pushes:
    """The same push, signed by different keys; each is the `--key` of its name.

    Attributes:
        round_trip: seconds to the registry when it is far.
    """

    signers: Mapping[str, str | None]
    project: Path
    shell: Shell
    place: Path
    rounds: int
    round_trip: float

    def report(self, title: str) -> None:
        found = self._measured(title)
        print(f"\n{ROW.title}, {title}, median of {self.rounds} interleaved rounds\n")
        print(
            "| whole gate | wall ms (range) | CPU ms | requests | in a row |\n| --- | --- | --- | --- | --- |"
        )
        for signer, results in found.items():
            walls = [wall * 1000 for wall in results.near]
            wall = f"{statistics.median(walls):.0f} ({min(walls):.0f}-{max(walls):.0f})"
            cpu, in_a_row = statistics.median(results.cpu) * 1000, results.in_a_row(self.round_trip)
            print(f"| {signer} | {wall} | {cpu:.0f} | {results.requests} | {in_a_row:.1f} |")
        none = found.pop(_NONE)
        for signer, one in found.items():
            more = statistics.median(one.near) - statistics.median(none.near)
            in_a_row = one.in_a_row(self.round_trip) - none.in_a_row(self.round_trip)
            print(
                f"\n{signer}: {more * 1000:.0f} ms more (goal: at most {_MORE_MS}),"
                f" {in_a_row:.1f} more in a row (goal: at most {_MORE_IN_A_ROW}),"
                f" {one.requests - none.requests} more requests"
            )
        sys.stdout.flush()

    def _measured(self, title: str) -> dict[str, Results]:
        found = {signer: Results() for signer in self.signers}
        image = digests(self.project / "image")
        for number in range(self.rounds + 1):
            for signer, key_ in self.signers.items():
                for round_trip in (0.0, self.round_trip):
                    with fresh(REGISTRIES[title], self.place, round_trip) as (registry, host):
                        sample = run(self._command(host, registry, key_))
                        if number:
                            found[signer].add(
                                sample, by_purpose(registry.requests(), image), far=round_trip > 0
                            )
        return found

    def _command(self, host: str, registry: Registry, key_: str | None) -> Command:
        assert registry.ca_file is not None
        named = {each.name: each for each in commands(self.project, host, registry.ca_file, self.shell)}
        return replace(named[GATE], argv=[*named[GATE].argv, *(["--key", key_] if key_ else [])])


def _verify(place: Path, public: Path, shell: Shell, records: int, rounds: int) -> None:
    layout = place / "records"
    tag = list(_record(place, layout, records))[-1]
    argv = [sys.executable, "-m", "pushpolicy", "audit"]
    trust = ["--trust", str(public)]
    environ = {**shell.environ, "PYTHONPATH": f"{Path(__file__).parent.parent}/src"}
    named = {
        _LISTED: ["list", f"oci:{layout}"],
        _VERIFIED: ["list", f"oci:{layout}", *trust],
        "audit verify --trust, of one": ["verify", f"oci:{layout}:{tag}", *trust],
    }
    timed = interleave(
        [Command(name=name, argv=[*argv, *words], env=environ) for name, words in named.items()], rounds
    )
    print(f"\n{records} signed records in a layout, median of {rounds} interleaved rounds\n")
    print("| command | wall ms (range) | CPU ms | peak MiB |\n| --- | --- | --- | --- |")
    for name, samples in timed.items():
        print(row(name, samples))
    listed, verified = (statistics.median(s.cpu for s in timed[name]) for name in (_LISTED, _VERIFIED))
    more = (verified - listed) / records * 1000
    print(f"\nTo verify one of those listed takes {more:.2f} ms of CPU more than to read it")


def _record(place: Path, layout: Path, records: int) -> Iterator[str]:
    """Push as many tags, each with a signed record of its own; gives their names."""
    engine = find_engine()
    policy = load_policy(["pack:tests_passed"], engine)
    job = Job(folder=place, engine=engine)
    at = datetime.now(UTC).replace(microsecond=0)
    first = Target.parse(f"oci:{layout}:v")
    request = job.request(GOOD, first, signer=key, policy=policy, evaluated_at=at)
    for number in range(records):
        image = place / f"image-{number // _TAGS}"
        if not image.exists():
            maker = LayoutMaker(image)
            maker.add(maker.image(content=str(number).encode()), name="1.0")
        target = Target.parse(f"oci:{layout}:v{number}")
        client = open_repository(target.repository, Access())
        outcome = admit(structs.replace(request, image=f"oci:{image}", target=target, client=client))
        assert outcome.published
        yield target.tags[0]


if __name__ == "__main__":
    main()

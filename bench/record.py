"""What it costs that a decision is signed, and to verify 1,000 records of a repository.

An image of five small layers is pushed to an empty registry: unsigned, signed by the key of a file, and by
one that a script holds (openssl). What is waited for in a row is computed as by bench.requests. Records are
made in a layout, fifty to an image, and listed with their signatures and without.
Prints Markdown for docs/benchmarks.md.

    python -m bench.record [--rounds N] [--records N]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
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

_MORE_IN_A_ROW, _MORE_MS = 5, 150
_TAGS = 50
_NONE = "unsigned"
_LISTED, _VERIFIED = "audit list", "audit list --trust"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-record-", dir=ram_disk()) as name, kept_folder() as kept:
        place = Path(name)
        program = plugin(kept)
        signers = {
            _NONE: (),
            "--key FILE": (str(kept / "ci.key"),),
            "--key exec:PROGRAM": (f"exec:{program}",),
        }
        shell = workspace.build(made_folder(place, "project"))
        project = project_of(ROW, shell, place)
        for title in REGISTRIES:
            _report(title, _pushed(title, signers, project, shell, place, given.rounds), given.rounds)
        _verify(place, kept / "ci.pub", shell, given.records, given.rounds)


def _pushed(
    title: str,
    signers: Mapping[str, tuple[str, ...]],
    project: Path,
    shell: Shell,
    place: Path,
    rounds: int,
) -> dict[str, Results]:
    found = {signer: Results() for signer in signers}
    image = digests(project / "image")
    for number in range(rounds + 1):
        for signer, keys in signers.items():
            for round_trip in (0.0, ROUND_TRIP):
                with fresh(REGISTRIES[title], place, round_trip) as (registry, host):
                    assert registry.ca_file is not None
                    named = {each.name: each for each in commands(project, host, registry.ca_file, shell)}
                    options = [word for each in keys for word in ("--key", each)]
                    sample = run(replace(named[GATE], argv=[*named[GATE].argv, *options]))
                    if number:
                        results = found[signer]
                        (results.far if round_trip else results.near).append(sample.wall)
                        results.cpu.append(sample.cpu)
                        results.asked.append(by_purpose(registry.requests(), image))
    return found


def _report(title: str, found: Mapping[str, Results], rounds: int) -> None:
    print(f"\n{ROW.title}, {title}, median of {rounds} interleaved rounds\n")
    print("| whole gate | wall ms (range) | CPU ms | requests | in a row |\n| --- | --- | --- | --- | --- |")
    for signer, results in found.items():
        walls = [wall * 1000 for wall in results.near]
        wall = f"{statistics.median(walls):.0f} ({min(walls):.0f}-{max(walls):.0f})"
        cpu = statistics.median(results.cpu) * 1000
        print(f"| {signer} | {wall} | {cpu:.0f} | {_requests(results)} | {_in_a_row(results):.1f} |")
    for signer in [each for each in found if each != _NONE]:
        one, none = found[signer], found[_NONE]
        more = statistics.median(one.near) - statistics.median(none.near)
        print(
            f"\n{signer}: {more * 1000:.0f} ms more (goal: at most {_MORE_MS}),"
            f" {_in_a_row(one) - _in_a_row(none):.1f} more in a row (goal: at most {_MORE_IN_A_ROW}),"
            f" {_requests(one) - _requests(none)} more requests"
        )
    sys.stdout.flush()


def _requests(results: Results) -> int:
    return max(map(Counter.total, results.asked))


def _in_a_row(results: Results) -> float:
    return (statistics.median(results.far) - statistics.median(results.near)) / ROUND_TRIP


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

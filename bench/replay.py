"""Replaying recorded decisions beside `opa exec`, `conftest test` and a cold `opa eval` for each.

The same evidence and the same program for all but conftest, which runs v1 twins of the rules. Of opa exec and
conftest, which want a file for each document, and of opa eval a sample is run, and its figures are scaled.
Processor time is that of the program and its children. Prints Markdown for docs/benchmarks.md.

    python -m bench.replay [--records N] [--findings N] [--policy own|pack] [--sample N] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pushpolicy_opa
from bench.check import named, opa_eval
from bench.history import RULES, VERSIONS, policies, sources
from bench.measure import Command, Sample, run
from bench.policy import twin
from pushpolicy.engines import Program
from pushpolicy.evaluate.program import laid_out
from tests.programs import built

_COLD = 50
_COLUMNS = ("", "wall ms a record", "CPU ms a record", "wall to opa exec", "CPU to opa exec")
_HEAD = f"| {' | '.join(_COLUMNS)} |\n" + "| --- " * len(_COLUMNS) + "|"
# What runs a command of pushpolicy and says how much of it was Python's.
OWN = """
import json, re, resource, sys
from pathlib import Path
from pushpolicy.cli.main import main
code = main(sys.argv[2:])
own, others = (resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
used = [each.ru_utime + each.ru_stime for each in (own, others)]
Path(sys.argv[1]).write_text(json.dumps([*used, int(peak[1]) / 1024]))
sys.exit(code)
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run over so many records: seconds, of them of Python, and its peak in MiB where it is ours."""

    records: int
    wall: float
    cpu: float
    python: float = 0
    peak: float = 0

    def row(self, name: str, other: Measured) -> str:
        """A line of the table."""
        wall, cpu = self.wall / self.records * 1000, self.cpu / self.records * 1000
        walls, cpus = (of / other.records * 1000 for of in (other.wall, other.cpu))
        return f"| {name} | {wall:.2f} | {cpu:.2f} | {wall / walls:.2f} | {cpu / cpus:.2f} |"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--findings", type=int, default=20)
    parser.add_argument("--policy", choices=["own", "pack"], default="own")
    parser.add_argument("--sample", type=int, default=1000, help="documents for opa exec and conftest")
    parser.add_argument("--rounds", type=int, default=1, help="the least of the rounds counts")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-replay-") as name:
        folder, history = Path(name), Path(name) / "history"
        made = (str(history), str(given.records), str(given.findings), given.policy)
        subprocess.run([sys.executable, "-m", "bench.history", *made], check=True)
        print(
            f"\n{given.records} records of {given.findings} findings, {VERSIONS} versions of "
            f"{'the shipped pack' if given.policy == 'pack' else f'{RULES} own rules'}, "
            f"{(history / 'records.jsonl').stat().st_size / 1e6:.0f} MB as an export\n\n{_HEAD}"
        )
        found = dict(_measured(folder, history, given))
        for each, result in found.items():
            print(result.row(each, found["opa exec"]), flush=True)
        ours = found["audit replay"]
        opa = ours.cpu - ours.python
        print(
            f"\naudit replay: Python {ours.python / ours.records * 1000:.2f} ms of CPU a record, OPA "
            f"{opa / ours.records * 1000:.2f}; together {ours.cpu / opa:.2f} of that of OPA (goal: at most "
            f"1.15); Python's peak {ours.peak:.0f} MiB (goal: at most 150)"
        )


def _measured(folder: Path, history: Path, given: argparse.Namespace) -> Iterator[tuple[str, Measured]]:
    documents = folder / "documents"
    groups = _documents(history, documents, given.sample)
    programs = _programs(folder, given.policy)

    def least(command: Sequence[Command], records: int) -> Measured:
        rounds = [[run(each) for each in command] for _ in range(given.rounds)]
        return Measured(
            records=records,
            wall=min(sum(each.wall for each in samples) for samples in rounds),
            cpu=min(sum(each.cpu for each in samples) for samples in rounds),
        )

    number = sum(map(len, groups))
    replay = ["audit", "replay", f"export:{history}", "--format", "jsonl", "--limit", "max-run-seconds=36000"]
    yield "audit replay", _ours(folder, replay, given)
    changed = sources(folder / "changed", given.policy, VERSIONS)
    tried = [word for source in changed for word in ("--policy", source)]
    yield (
        "audit replay --policy: another version",
        _ours(folder, [*replay, *tried, "--fail-on", "none"], given),
    )
    yield (
        "opa exec",
        least([_exec(program, documents / str(at)) for at, program in enumerate(programs)], number),
    )
    if given.policy == "own" and (conftest := built("conftest")):
        twins = folder / "twins"
        twins.mkdir()
        for rule in range(RULES):
            (twins / f"r{rule}.rego").write_text(twin(rule))
        argv = [str(conftest), "test", "--no-color", "--policy", str(twins), str(documents)]
        yield "conftest test", least([Command(name="conftest", argv=argv, expected=1)], number)
    cold = [path for group in groups for path in group][:: max(1, number // _COLD)][:_COLD]
    evals = [Command(name="opa eval", argv=opa_eval(programs[0]), stdin=path) for path in cold]
    yield f"opa eval, each of {len(cold)} by itself", least(evals, len(cold))


def _ours(folder: Path, argv: Sequence[str], given: argparse.Namespace) -> Measured:
    used, found = folder / "used.json", list[Measured]()
    for _ in range(given.rounds):
        sample: Sample = run(Command(name="pushpolicy", argv=[sys.executable, "-c", OWN, str(used), *argv]))
        python, opa, peak = json.loads(used.read_text())
        found.append(
            Measured(records=given.records, wall=sample.wall, cpu=python + opa, python=python, peak=peak)
        )
    return min(found, key=lambda each: each.cpu)


def _documents(history: Path, folder: Path, sample: int) -> list[list[Path]]:
    """A file for each of some documents of the history, by the version of the policy that decided."""
    lines = (history / "records.jsonl").open("rb")
    groups: dict[str, list[Path]] = {}
    with lines:
        total = sum(1 for _ in lines)
        lines.seek(0)
        chosen = set(Random(1).sample(range(total), min(sample, total)))
        for number, line in enumerate(lines):
            if number not in chosen:
                continue
            value = json.loads(line)
            group = groups.setdefault(value["policy"], [])
            path = folder / str(list(groups).index(value["policy"])) / f"{number}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value["evidence"]))
            group.append(path)
    return list(groups.values())


def _programs(folder: Path, kind: str) -> list[Program]:
    found = list[Program]()
    for number, policy in enumerate(policies(folder / "policies", kind)):
        place = folder / f"program-{number}"
        place.mkdir()
        with laid_out(policy) as program:
            found.append(named(program, place))
    return found


def _exec(program: Program, documents: Path) -> Command:
    bundles = [word for bundle in program.bundles for word in ("-b", str(bundle))]
    opa, decision = str(pushpolicy_opa.binary()), "pushpolicy/main/decision"
    return Command(name="opa exec", argv=[opa, "exec", *bundles, "--decision", decision, str(documents)])


if __name__ == "__main__":
    main()

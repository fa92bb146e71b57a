"""Run the mutants and print which survived.

    python -m tests.mutants [--sample N] [--jobs N] [--packages push,records] [--tests FOLDER ...] [--reached]

The first part records which tests reach which check; the second switches each check off in turn and runs its
tests, the quickest first. What survives is listed; docs/assurance.md says why each that is left is no fault.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.mutants import instrument

ROOT = Path(__file__).parents[2]
TESTS = ("tests/unit", "tests/integration", "tests/attacks")
# Of survivors, those that were looked at and found to change nothing, by file and text; docs/assurance.md.
EQUIVALENT = ROOT / "tests" / "mutants" / "equivalent.json"


def main() -> int:
    """Record, run, print.

    Returns:
        1 when more than 5 in 100 survive, or one that is not known to be equivalent.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("--sample", type=int, help="every so many'th mutant only, so that about N are run")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--packages", help="of these packages only, as push,records")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="the tests that may notice")
    parser.add_argument("--reached", action="store_true", help="those only that one of these tests reaches")
    parser.add_argument("--recorded", type=Path, help="what an earlier run recorded; else written there")
    options = parser.parse_args()
    found = instrument.checks()
    if options.packages:
        chosen = tuple(f"{package}/" for package in options.packages.split(","))
        found = {name: text for name, text in found.items() if name.startswith(chosen)}
    if options.sample:
        names = list(found)[:: max(1, len(found) // options.sample)]
        found = {name: found[name] for name in names}
    with tempfile.TemporaryDirectory(prefix="pushpolicy-mutants-") as folder:
        reaching = _recorded(options.recorded or Path(folder) / "recorded", options.jobs, options.tests)
        if options.reached:
            found = {name: text for name, text in found.items() if reaching.get(name)}
        if not any(reaching.get(name) for name in found):
            sys.exit("these tests reach no check of these packages")
        killed = _run(found, reaching, Path(folder), options.jobs, options.tests)
    return _print(found, reaching, killed)


def _recorded(path: Path, jobs: int, among: Sequence[str]) -> dict[str, list[str]]:
    """Check to the tests that reach it, the quickest first."""
    if not path.exists():
        tests = _record(path, jobs, among)
        reaching = defaultdict(list)
        for test, about in sorted(tests.items(), key=lambda item: item[1].get("seconds", 0.0)):
            for check in about.get("checks", ()) if about.get("passed") else ():
                reaching[check].append(test)
        path.write_text(json.dumps({"digest": instrument.digest(), "reaching": reaching}))
    recorded = json.loads(path.read_text())
    if recorded["digest"] != instrument.digest():
        sys.exit(f"{path} was recorded with other sources: remove it")
    known: dict[str, list[str]] = recorded["reaching"]
    return known


def _record(path: Path, jobs: int, among: Sequence[str]) -> dict[str, dict[str, Any]]:
    command = _command("--mutants-record", str(path), "--numprocesses", str(jobs), *among)
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    tests = {}
    for part in path.parent.glob(f"{path.name}.*"):
        tests.update(json.loads(part.read_text()))
        part.unlink()
    if not tests:
        sys.exit("no test was recorded")
    return tests


def _run(
    found: Mapping[str, str], reaching: Mapping[str, list[str]], folder: Path, jobs: int, among: Sequence[str]
) -> dict[str, str | None]:
    """Check to the test that noticed; None for a survivor."""
    given = {name: reaching[name] for name in found if reaching.get(name)}
    running = []
    for job in range(jobs):
        part, out = folder / f"given.{job}", folder / f"out.{job}"
        part.write_text(json.dumps(dict(list(given.items())[job::jobs])))
        command = _command("--mutants-run", str(part), "--mutants-out", str(out), "-n", "0", *among)
        running.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL))
    for process in running:
        process.wait()
    killed: dict[str, str | None] = dict.fromkeys(found)
    for job in range(jobs):
        killed |= json.loads((folder / f"out.{job}").read_text())
    return killed


def _command(*arguments: str) -> list[str]:
    options = ["-q", "-p", "tests.mutants.plugin", "-p", "no:cacheprovider"]
    return [sys.executable, "-m", "pytest", *options, *arguments]


def _print(
    found: Mapping[str, str], reaching: Mapping[str, list[str]], killed: Mapping[str, str | None]
) -> int:
    equivalent: dict[str, str] = json.loads(EQUIVALENT.read_text())
    survived = {name: text for name, text in found.items() if killed[name] is None}
    unexplained = 0
    for name, text in survived.items():
        file = name.partition(":")[0]
        why = equivalent.get(f"{file}: {text}")
        unexplained += why is None
        reached = f"{len(reaching.get(name, ()))} tests reach it"
        print(f"survived  {name:<44} {text}\n          {why or reached}")
    print(
        f"{len(found)} found, {len(found) - len(survived)} killed, {len(survived)} survived,"
        f" {len(survived) - unexplained} of them equivalent"
    )
    return int(unexplained > 0 or len(survived) * 20 > len(found))


if __name__ == "__main__":
    sys.exit(main())

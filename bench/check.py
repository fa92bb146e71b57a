"""`pushpolicy evaluate` beside `opa eval` and `conftest test`: the same policy, the same documents.

opa gets exactly the program that pushpolicy gives it. conftest 0.71.1 embeds an OPA without `rego.v2`, so it
runs one rule, a v1 twin of scan_severity, where the others run ten: the comparison favours it.
Prints Markdown for docs/benchmarks.md.

    python -m bench.check [ROUNDS]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pushpolicy_opa
from bench.documents import evidence
from bench.measure import Command, interleave, median_wall, row
from pushpolicy.engines import Program, find_engine
from pushpolicy.evaluate import PACK, load_policy
from pushpolicy.evaluate.program import laid_out
from tests.programs import built

_TWIN = """package main

deny contains msg if {
	some scan in input.scans.items
	some finding in scan.findings
	not finding.severity in {"medium", "low", "negligible"}
	msg := sprintf("%s %s", [finding.severity, finding.id])
}
"""
_GOALS = {500: ("conftest test", 3.0), 5_000: ("opa eval", 1.5)}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    policy = load_policy([PACK], find_engine())
    conftest = built("conftest") or sys.exit("conftest is not built; run `make tools`")
    with tempfile.TemporaryDirectory() as name, laid_out(policy) as loaded:
        folder = Path(name)
        loaded = named(loaded, folder)
        (folder / "twin").mkdir()
        (folder / "twin" / "twin.rego").write_text(_TWIN)
        for findings in _GOALS:
            document = folder / f"evidence-{findings}.json"
            document.write_bytes(evidence(findings).content)
            commands = [
                Command(name="pushpolicy evaluate", argv=_pushpolicy(document)),
                Command(name="opa eval", argv=opa_eval(loaded), stdin=document, env={}),
                Command(
                    name="conftest test",
                    argv=[str(conftest), "test", "--policy", str(folder / "twin"), str(document)],
                ),
            ]
            _report(findings, document.stat().st_size, commands, rounds)


def _pushpolicy(document: Path) -> list[str]:
    return [sys.executable, "-m", "pushpolicy", "evaluate", str(document)]


def named(program: Program, folder: Path) -> Program:
    """The same program in files that have names, for a process that is not given the open ones."""
    for path in (*program.bundles, program.schema, program.capabilities):
        (folder / path.name).write_bytes(path.read_bytes())
    return Program(
        folder=folder,
        bundles=tuple(folder / path.name for path in program.bundles),
        schema=folder / program.schema.name,
        capabilities=folder / program.capabilities.name,
        query=program.query,
        digest=program.digest,
    )


def opa_eval(program: Program) -> list[str]:
    """The command that pushpolicy gives the program to, reading the document from standard input."""
    bundles = [word for bundle in program.bundles for word in ("-b", str(bundle))]
    return [
        *(str(pushpolicy_opa.binary()), "eval", "--format", "json", "--strict-builtin-errors"),
        *("--disable-early-exit", "--timeout", "10s", "--schema", str(program.schema)),
        *("--capabilities", str(program.capabilities), *bundles, "--stdin-input", program.query),
    ]


def _report(findings: int, size: int, commands: list[Command], rounds: int) -> None:
    samples = interleave(commands, rounds)
    print(f"\n{findings} findings, {size / 1000:.0f} kB, median of {rounds} interleaved rounds\n")
    print("| command | wall ms (range) | CPU ms | peak MiB of one process |\n| --- | --- | --- | --- |")
    for command in commands:
        print(row(command.name, samples[command.name]))
    peer, goal = _GOALS[findings]
    ratio = median_wall(samples["pushpolicy evaluate"]) / median_wall(samples[peer])
    print(f"\npushpolicy / {peer}: {ratio:.2f} (goal: at most {goal})")


if __name__ == "__main__":
    main()

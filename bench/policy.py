"""Deciding over numbers of rules, findings and waivers, beside `opa eval` and `conftest test`: the same work.

Each rule is one of the user's, which looks through every finding. opa is given exactly the program that
pushpolicy gives it. conftest 0.71.1 embeds an OPA without `rego.v2`, so it runs v1 twins of the rules.
Processor time (user and system, of the process and its children) by the least of the rounds, which other work
disturbs least. Prints Markdown for docs/benchmarks.md.

    python -m bench.policy [--rounds N] [--rules N,N] [--findings N,N] [--waivers N,N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.check import named, opa_eval
from bench.documents import evidence
from bench.measure import Command, interleave
from pushpolicy.engines import find_engine
from pushpolicy.evaluate import load_policy
from pushpolicy.evaluate.program import laid_out
from tests.policies import METADATA, write_policy
from tests.programs import built

FINDINGS, RULES = 500, 10
_BODY = """deny contains {head} if {{
	some scan in input.scans.items
	some finding in scan.findings
	finding.severity == "critical"
	finding.id != "CVE-{number}"
	msg := sprintf("%s %s", [finding.severity, finding.id])
}}
"""
# How a finding of the document is named by a waiver.
_WAIVED = {"id": "id: CVE-2026-{number}", "purl": 'purl: "pkg:deb/debian/libsample{product}@*"'}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rules", type=_numbers, default=[1, 10, 30, 100, 300])
    parser.add_argument("--findings", type=_numbers, default=[10, 100, 1_000, 10_000, 50_000])
    parser.add_argument("--waivers", type=_numbers, default=[500, 5_000])
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"\n{FINDINGS} findings\n\n{_HEAD.format('own rules')}")
        for rules in options.rules:
            _compare(folder / f"rules-{rules}", rules, FINDINGS, rules, options.rounds)
        print(f"\n{RULES} rules\n\n{_HEAD.format('findings')}")
        for findings in options.findings:
            _compare(folder / f"findings-{findings}", RULES, findings, findings, options.rounds)
        print(
            "\nas many waivers as findings, the shipped pack\n\n| waivers | none | by id | by purl |\n"
            + "| --- " * 4
            + "|"
        )
        for waivers in options.waivers:
            _waived(folder / f"waivers-{waivers}", waivers, options.rounds)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


_HEAD = (
    "| {} | pushpolicy evaluate | opa eval | conftest test | to opa | to conftest |\n" + "| --- " * 6 + "|"
)


def _compare(folder: Path, rules: int, findings: int, shown: int, rounds: int) -> None:
    """One line: the same rules over the same document by each program, in CPU ms."""
    conftest = built("conftest") or sys.exit("conftest is not built; run `make tools`")
    source = write_policy(folder / "policy", dict(own_rules(rules)))
    (folder / "twins").mkdir()
    for number in range(rules):
        (folder / "twins" / f"r{number}.rego").write_text(twin(number))
    document = folder / "evidence.json"
    document.write_bytes(evidence(findings).content)
    with laid_out(load_policy([source], find_engine())) as program:
        (folder / "program").mkdir()
        commands = [
            Command(name="pushpolicy", argv=_evaluate(document, source)),
            Command(name="opa", argv=opa_eval(named(program, folder / "program")), stdin=document, env={}),
            Command(
                name="conftest",
                argv=[str(conftest), "test", "--policy", str(folder / "twins"), str(document)],
            ),
        ]
    own, opa, peer = _least(commands, rounds)
    print(
        f"| {shown} | {own:.0f} | {opa:.0f} | {peer:.0f} | {own / opa:.2f} | {own / peer:.2f} |", flush=True
    )


def own_rules(count: int) -> Iterator[tuple[str, str]]:
    """So many rules, each by its name."""
    for number in range(count):
        body = _BODY.format(head='{"at": finding, "msg": msg}', number=number)
        yield f"r{number}", f"{METADATA}package pushpolicy.rules.r{number}\n\nimport rego.v2\n\n{body}"


def twin(number: int) -> str:
    """The same rule for conftest."""
    return f"package main\n\n{_BODY.format(head='msg', number=number)}"


def _waived(folder: Path, count: int, rounds: int) -> None:
    """One line: findings that the pack denies, each waived by one waiver, in CPU ms."""
    folder.mkdir()
    document = folder / "evidence.json"
    document.write_bytes(evidence(count, severity="high").content)
    commands = [Command(name="none", argv=_evaluate(document, "pack"), expected=10)]
    for key, named_by in _WAIVED.items():
        lines = (
            f"  - {{rule: scan_severity, {named_by.format(number=10_000 + number, product=number)},"
            ' reason: r, approver: a, expires: "2026-12-20T00:00:00Z"}'
            for number in range(count)
        )
        source = write_policy(folder / key, {}, waivers="waivers:\n" + "\n".join(lines) + "\n")
        commands.append(Command(name=key, argv=_evaluate(document, "pack", source)))
    print(f"| {count} |" + "".join(f" {cpu:.0f} |" for cpu in _least(commands, rounds)), flush=True)


def _evaluate(document: Path, *sources: str) -> list[str]:
    policies = [word for source in sources for word in ("--policy", source)]
    return [sys.executable, "-m", "pushpolicy", "evaluate", str(document), *policies]


def _least(commands: Sequence[Command], rounds: int) -> list[float]:
    """The least processor time of each command, in ms."""
    samples = interleave(commands, rounds)
    return [min(sample.cpu for sample in samples[command.name]) * 1000 for command in commands]


if __name__ == "__main__":
    main()

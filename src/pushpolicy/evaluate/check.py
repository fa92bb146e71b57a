"""What `pushpolicy policy check` finds beyond what stops a push."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from pushpolicy.engines.interface import Problem, Toolchain
from pushpolicy.evaluate.authority import part_of_pack
from pushpolicy.evaluate.examples import Example, ExamplesError, disagreements, read, unshown
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.program import laid_out
from pushpolicy.evaluate.sources import EXAMPLES, fail_if, policies
from pushpolicy.records.floor import rollout_days, rollout_state, waiver_days, waiver_state


def check(policy: PolicySet, engine: Toolchain, sources: Sequence[str]) -> PolicySet:
    """The same set, when nothing is wrong with it: with its waivers, optional paths and examples, too.

    Raises:
        PolicyError: with every problem, one a line.
        EngineError: when OPA fails.
    """
    with laid_out(policy) as program:
        problems = [_line(problem, sources) for problem in engine.check(program)]
    fail_if([*problems, *policy.warnings])
    found = list[Example]()
    for name, folder in rule_folders(policy, sources):
        try:
            examples = read(folder, name)
        except ExamplesError as error:
            problems.append(str(error))
            continue
        problems += unshown(folder, examples, policy.index.rules[name].optional)
        found += examples
    problems += disagreements(policy, engine, found)
    fail_if(problems)
    return policy


def unproven(policy: PolicySet, sources: Sequence[str]) -> Iterator[str]:
    """Which rules of a checked set that can deny have no example that shows it."""
    for name, folder in rule_folders(policy, sources):
        shown = {example.expect for example in read(folder, name)}
        if "deny" in policy.index.rules[name].heads and "violated" not in shown:
            file = folder / EXAMPLES
            yield f"no example shows what {name} denies: add one that expects `violated` to {file}"


def not_honoured(policy: PolicySet, at: datetime) -> Iterator[str]:
    """What is written in the set's data and a push at that time would not honour, one sentence each."""
    grounds, enforcement = policy.grounds, policy.grounds.enforcement
    now = int(at.timestamp()) * 10**9
    for waiver in policy.waivers:
        named = waiver.get("id") or waiver.get("purl") or waiver.get("evidence")
        what = f"the waiver of {waiver['rule']} {named} is not honoured"
        match waiver_state(waiver, grounds, now):
            case "unwaivable":
                yield f"{what}: nobody can waive this rule"
            case "refused":
                yield f"{what}: {waiver.get('refused', 'the judged checkout may not waive this rule')}"
            case "ended":
                yield f"{what}: it ended on {waiver['expires']}"
            case "long":
                days = waiver_days(waiver, grounds)
                yield f"{what}: it lasts longer than the {days} days that the policy allows"
    measures = [
        (f"the rollout of {rule} (mode {measure['mode']})", measure["until"])
        for rule, measure in enforcement.get("rules", {}).items()
        if measure["mode"] != "enforce"
    ]
    measures += [("observe mode", enforcement["observe"]["until"])] if "observe" in enforcement else []
    latest = at + timedelta(days=rollout_days(enforcement))
    for name, until in measures:
        match rollout_state(until, enforcement, now):
            case "ended":
                yield f"{name} softens nothing: it ended on {until}"
            case "long":
                yield f"{name} softens nothing: it may end on {latest:%Y-%m-%d} at the latest, not on {until}"


def rule_folders(policy: PolicySet, sources: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """The folder of each rule, where its examples and tests are."""
    for source in sources:
        folder = Path(source) if part_of_pack(source) is None else policies() / "rules"
        for name in policy.index.rules:
            if folder.name == f"{name}.rego":
                yield name, folder.parent
            elif (folder / name / f"{name}.rego").is_file():
                yield name, folder / name


def _line(problem: Problem, sources: Sequence[str]) -> str:
    """OPA saw the file in our bundle; the writer knows it in the policy folder."""
    path = problem.file.removeprefix("rules/")
    for source in sources:
        for file in (Path(source) / path, Path(source)):
            if (
                part_of_pack(source) is None
                and path.endswith(".rego")
                and file.name == Path(path).name
                and file.is_file()
            ):
                return f"{file}:{problem.row}: {problem.message}"
    return str(problem)

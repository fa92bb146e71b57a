"""What `pushpolicy policy check` finds beyond what stops a push."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from pushpolicy.engines.interface import Problem, Toolchain
from pushpolicy.evaluate.approvals import ADDED, told
from pushpolicy.evaluate.authority import RepositoryPolicy, part_of_pack
from pushpolicy.evaluate.examples import Example, ExamplesError, disagreements, read, unshown
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.program import laid_out
from pushpolicy.evaluate.removed import explain
from pushpolicy.evaluate.sources import EXAMPLES, WAIVERS, fail_if, policies
from pushpolicy.files import is_file
from pushpolicy.model import strict_yaml
from pushpolicy.model.text import nearest
from pushpolicy.records.floor import nanoseconds, rollout_days, rollout_state, waiver_days, waiver_state

if TYPE_CHECKING:
    from pushpolicy.model.decision import Decision

# How long before its end a waiver is warned of.
_SOON_DAYS = 14
_DAY = 24 * 3600 * 10**9


def check(policy: PolicySet, engine: Toolchain, sources: Sequence[str]) -> PolicySet:
    """The same set, when nothing is wrong with it: with its waivers, optional paths and examples, too.

    Raises:
        PolicyError: with every problem, one a line.
        EngineError: when OPA fails.
    """
    # What conftest takes is no matter of `--strict`, and was checked when it was loaded.
    own = {path: content for path, content in policy.files.items() if not path.startswith("conftest/")}
    with laid_out(replace(policy, files=own)) as program:
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


def not_honoured(policy: PolicySet, at: datetime, places: Mapping[str, str]) -> Iterator[str]:
    """What is written in the set's data and a push at that time would not honour, or soon, one sentence each.

    Args:
        policy: the set.
        at: the time.
        places: where waivers stand, as `waiver_places` knows it.
    """
    grounds, enforcement = policy.grounds, policy.grounds.enforcement
    now = int(at.timestamp()) * 10**9
    for waiver in policy.waivers:
        what = f"{places.get(_key(waiver), '')}the waiver of {waiver['rule']} {_named(waiver)}"
        state = waiver_state(waiver, grounds, now, "")
        if state == "counts" and "quorum" in waiver:
            have = told(waiver, policy.files, now, "")
            yield f"{what} has {have}; that of whoever sets off a run does not count there"
        match state:
            case "unwaivable":
                yield f"{what} is not honoured: nobody can waive this rule"
            case "refused":
                yield f"{what} is not honoured: {_refused(waiver, policy, now)}"
            case "ended":
                yield f"{what} is not honoured: it ended on {waiver['expires']}"
            case "long":
                days = waiver_days(waiver, grounds)
                yield f"{what} is not honoured: it lasts longer than the {days} days that the policy allows"
            case "counts" if (nanoseconds(waiver["expires"]) or 0) - now <= _SOON_DAYS * _DAY:
                yield f"{what} ends on {waiver['expires']}; fix what it is for, or grant another"
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


def _refused(waiver: Mapping[str, Any], policy: PolicySet, now: int) -> str:
    if "quorum" in waiver and "refused" not in waiver:
        return told(waiver, policy.files, now, "")
    return str(waiver.get("refused", "the judged checkout may not waive this rule"))


def unmatched(decision: Decision, places: Mapping[str, str]) -> Iterator[str]:
    """Which waivers name nothing of what a decision found, with the nearest that there is."""
    for use in decision.waivers:
        if use.state == "unused":
            waiver = use.waiver
            found = {
                str(each.at.get("purl", each.id) if "purl" in waiver else each.id)
                for each in (*decision.violations, *decision.warnings, *decision.waived)
                if each.rule == waiver["rule"]
            }
            meant = nearest(_named(waiver), found)
            yield (
                f"{places.get(_key(waiver), '')}the waiver of {waiver['rule']} {_named(waiver)} matches"
                f" nothing in this evidence{meant}"
            )


def waiver_places(sources: Sequence[str], repository: RepositoryPolicy) -> dict[str, str]:
    """Where each waiver of these folders and of the configuration stands: FILE:LINE, and a colon.

    They were read before; what cannot be read any more is left out.
    """
    files = {str(Path(source) / WAIVERS): Path(source) / WAIVERS for source in sources}
    places = _in_file(repository.file, repository.content)
    for name, file in files.items():
        if is_file(file):
            places |= _in_file(name, file.read_bytes())
    return places


def _in_file(name: str, content: bytes) -> dict[str, str]:
    lines = strict_yaml.lines(content) if content else {}
    found = (strict_yaml.read(content) or {}).get("waivers") if content else None
    return {_key(waiver): f"{name}:{lines['waivers', number]}: " for number, waiver in enumerate(found or ())}


def _key(waiver: Mapping[str, Any]) -> str:
    return json.dumps({key: value for key, value in waiver.items() if key not in ADDED}, sort_keys=True)


def _named(waiver: Mapping[str, Any]) -> str:
    return str(waiver.get("id") or waiver.get("purl") or waiver.get("evidence"))


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
    path, message = problem.file.removeprefix("rules/"), explain(problem.message)
    for source in sources:
        for file in (Path(source) / path, Path(source)):
            if (
                part_of_pack(source) is None
                and path.endswith(".rego")
                and file.name == Path(path).name
                and file.is_file()
            ):
                return f"{file}:{problem.row}: {message}"
    return str(problem)

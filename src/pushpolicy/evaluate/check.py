"""What `pushpolicy policy check` finds beyond what stops a push."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pushpolicy.engines.interface import Compiler, Problem
from pushpolicy.evaluate.authority import PACK
from pushpolicy.evaluate.examples import unshown
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.program import laid_out
from pushpolicy.evaluate.sources import fail_if


def check(policy: PolicySet, compiler: Compiler, sources: Sequence[str]) -> PolicySet:
    """The same set, when nothing is wrong with it, waivers of unknown rules and optional paths included.

    Raises:
        PolicyError: with every problem, one a line.
    """
    with laid_out(policy) as program:
        problems = [_line(problem, sources) for problem in compiler.check(program)]
    problems += [
        problem for source in sources if source != PACK for problem in _unshown(policy, Path(source))
    ]
    fail_if([*problems, *policy.warnings])
    return policy


def _unshown(policy: PolicySet, source: Path) -> Iterator[str]:
    """What the rules of a source call optional, and no example of theirs is without."""
    for name, rule in policy.index.rules.items():
        if source.name == f"{name}.rego":
            yield from unshown(source.parent, rule.optional)
        elif (source / name / f"{name}.rego").is_file():
            yield from unshown(source / name, rule.optional)


def _line(problem: Problem, sources: Sequence[str]) -> str:
    """OPA saw the file in our bundle; the writer knows it in the policy folder."""
    path = problem.file.removeprefix("rules/")
    for source in sources:
        for file in (Path(source) / path, Path(source)):
            if source != PACK and path.endswith(".rego") and file.name == Path(path).name and file.is_file():
                return f"{file}:{problem.row}: {problem.message}"
    return str(problem)

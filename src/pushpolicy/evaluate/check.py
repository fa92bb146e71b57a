"""What `pushpolicy policy check` finds beyond what stops a push."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pushpolicy.engines.interface import Compiler, Problem
from pushpolicy.evaluate.authority import PACK
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.program import laid_out
from pushpolicy.evaluate.sources import fail_if


def check(policy: PolicySet, compiler: Compiler, sources: Sequence[str]) -> PolicySet:
    """The same set, when OPA has nothing against it and every waiver is of a rule.

    Raises:
        PolicyError: with every problem, one a line.
    """
    with laid_out(policy) as program:
        problems = [_line(problem, sources) for problem in compiler.check(program)]
    fail_if([*problems, *policy.warnings])
    return policy


def _line(problem: Problem, sources: Sequence[str]) -> str:
    """OPA saw the file in our bundle; the writer knows it in the policy folder."""
    path = problem.file.removeprefix("rules/")
    for source in sources:
        for file in (Path(source) / path, Path(source)):
            if source != PACK and path.endswith(".rego") and file.name == Path(path).name and file.is_file():
                return f"{file}:{problem.row}: {problem.message}"
    return str(problem)

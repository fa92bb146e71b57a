"""Policies written for conftest, as rules of the set: one for each namespace, called ``conftest_NAMESPACE``.

What conftest 0.71.1 evaluates of a folder (policy/engine.go) is loaded into a bundle of its own, whose roots
are the packages of that folder; a generated rule takes over what it denies and warns of. So it is waived,
recorded and replayed as any rule is, and can only add to what the others deny. Where conftest passes over a
mistake (another form of ``deny``, a namespace that nothing has, an undefined name), the set does not load.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pushpolicy.engines.interface import Compiler
from pushpolicy.evaluate.authority import JudgedCheckout, Origin
from pushpolicy.evaluate.conftest.bundled import bundled, recorded
from pushpolicy.evaluate.conftest.confined import leaving
from pushpolicy.evaluate.conftest.given import Conftest, read_groups
from pushpolicy.evaluate.conftest.rules import Rule, all_rules, make_rules
from pushpolicy.evaluate.removed import explain
from pushpolicy.evaluate.sources import fail_if
from pushpolicy.model.index import RuleEntry

if TYPE_CHECKING:
    from pushpolicy.evaluate.policyset import PolicySet

__all__ = ["Added", "Conftest", "compile_problems", "read_conftest", "recorded_rules"]


# What a policy asks for that is about a file, not about a push.
_REMEDIES = {
    "undefined ref: input.": "their input is the evidence (`pushpolicy schema evidence`); a file of your own"
    " is input.extra.NAME in it, by --evidence extra.NAME=FILE",
    "undefined function parse_": "conftest's own functions are not there: hand the file over with --evidence"
    " extra.NAME=FILE, and read input.extra.NAME",
}


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """What they add to a policy set.

    Attributes:
        entries: the index's entries of the generated rules, by name.
        origins: where each comes from.
        files: the generated rules, the modules and the data, as the set holds them.
        places: of the modules, path in the set to where the user has it.
        warnings: what a push should say loudly, one line each.
    """

    entries: Mapping[str, RuleEntry]
    origins: Mapping[str, Origin]
    files: Mapping[str, bytes]
    places: Mapping[str, Path]
    warnings: tuple[str, ...]


def read_conftest(given: Conftest, compiler: Compiler, checkout: JudgedCheckout | None) -> Added:
    """Read the folders, and make a rule of each namespace.

    Raises:
        PolicyError: with everything that is wrong, one a line, with file and line.
        EngineError: when OPA itself fails.
    """
    groups = read_groups(given, compiler, checkout)
    fail_if(list(leaving(groups)))
    rules, warnings = make_rules(given.namespaces, groups)
    files, places = bundled(groups, given.rego)
    return Added(
        entries={rule.name: rule.entry for rule in rules},
        origins={rule.name: rule.origin for rule in rules},
        files=files | {f"rules/{rule.name}/{rule.name}.rego": rule.module for rule in rules},
        places=places,
        warnings=warnings,
    )


def recorded_rules(files: Mapping[str, bytes], compiler: Compiler) -> Mapping[str, Rule]:
    """What is made of the modules that a recorded set holds, by name; of each package that denies or warns.

    Raises:
        PolicyError: when a module is none.
        EngineError: when OPA itself fails.
    """
    return {rule.name: rule for rule in all_rules(recorded(files, compiler))}


def compile_problems(policy: PolicySet, compiler: Compiler, places: Mapping[str, Path]) -> Iterator[str]:
    """What OPA objects to in them: a field that is not in the evidence, a builtin that is removed.

    Raises:
        EngineError: when OPA itself fails.
    """
    from pushpolicy.evaluate.program import laid_out

    with laid_out(policy) as program:
        # Not strictly: conftest takes unused imports and variables, too.
        found = compiler.check(program, strict=False)
    for problem in found:
        place = places.get(problem.file)
        yield f"{place}:{problem.row}: {explain(problem.message)}" if place else str(problem)
    for part, remedy in _REMEDIES.items():
        if any(part in problem.message for problem in found):
            yield remedy

"""Small rules, each about one condition, with what following it finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate.absence import evidence_schema
from pushpolicy.evaluate.follow import follow
from tests.policies import rule


class Case(msgspec.Struct, frozen=True):
    """The conditions of a deny with what stands below it, and what is found.

    Attributes:
        leaves: paths that must be there; ``PATH filled`` for an array that must have an item.
        errors: a part of each error's text, in the order of the lines.
        needed: those of `optional` that a read needs.
        custom: more lines of METADATA below `custom`.
    """

    name: str
    body: str
    leaves: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    helpers: str = ""
    head: str = '{"at": {"id": "x"}, "msg": "no"}'
    optional: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    custom: str = ""


def of_build(body: str, **more: Any) -> Case:
    """A rule whose deny has these conditions."""
    return Case(body, body, **more)


def in_finding(body: str, **more: Any) -> Case:
    """The same for each finding of each scan."""
    return Case(f"of a finding: {body}", f"{SCAN}; {body}", **more)


def right(name: str, body: str, *leaves: str, **more: Any) -> Case:
    """A rule that loads, and the leaves it requires."""
    return Case(name, body, leaves, **more)


def wrong(name: str, body: str, *errors: str, **more: Any) -> Case:
    """A rule that does not load, and why."""
    return Case(name, body, errors=errors, **more)


SCAN = "some scan in input.scans.items; some f in scan.findings"
IN_FINDING = ("scans.items filled",)
ABSENT = "may be absent"
ANOTHER = 'deny contains {"at": {}, "msg": "x"} if '


def text_of(case: Case) -> str:
    imports = [line for line in case.helpers.splitlines() if line.startswith("import ")]
    others = [line for line in case.helpers.splitlines() if not line.startswith("import ")]
    body = "\n".join([*imports, f"deny contains {case.head} if {{ {case.body} }}", *others])
    return rule("r", body, custom=case.custom)


def name_of(case: Case) -> str:
    return case.name


def holds(case: Case, opa: Path) -> None:
    """Follow a small rule, and compare what is found with what is expected."""
    [tree] = LocalOpa(opa).parse([text_of(case).encode()])
    assert isinstance(tree, dict), tree
    followed = follow("r", tree)
    found = evidence_schema().requirements(followed.reads, followed.covered, frozenset(case.optional))
    problems = sorted({*followed.problems, *found.problems})
    assert len(problems) == len(case.errors), problems
    for (row, text), part in zip(problems, case.errors, strict=True):
        assert part in text
        assert row > 8, "the line of the condition, not of the METADATA"
    if not case.errors:
        leaves = [f"{leaf.path}{' filled' if leaf.filled else ''}" for leaf in found.leaves]
        assert leaves == sorted(case.leaves)
        assert found.needed == set(case.needed)

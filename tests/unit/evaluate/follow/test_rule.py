"""What a clause covers by a denial of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_rules import ANOTHER, Case, holds, name_of, right

COVERED = [
    right(
        "not where nothing is gone through",
        'input.ci.actor == "x"',
        "ci.actor",
        helpers=ANOTHER + "{ some c in input.source.changes; not input.ci.actor }",
    ),
    right(
        "not where the head says what is absent",
        "input.image.size > 0; not input.ci.actor",
        "ci.actor",
        helpers='deny contains {"at": {}, "msg": sprintf("%s", [input.ci.actor])} if not input.ci.actor',
    ),
    right(
        "not where the head is a helper's",
        'input.ci.actor == "x"',
        "ci.actor",
        helpers='deny contains {"at": {}, "msg": _m} if not input.ci.actor\n'
        '_m := "x" if input.image.size > 9',
    ),
    right(
        "not where the head is looked up",
        'input.ci.actor == "x"',
        "ci.actor",
        helpers='deny contains {"at": {}, "msg": ["x"][input.image.size]} if not input.ci.actor',
    ),
    right(
        "where the head is a text",
        'input.ci.actor == "x"',
        helpers='deny contains {"at": input.ci.trust, "msg": concat("", ["a", $"{_m}"])} if '
        "not input.ci.actor\n"
        "_m := 1 if input.image.size > 9",
    ),
    right(
        "not by what is only printed",
        'input.ci.actor == "x"',
        "ci.actor",
        helpers=ANOTHER + "not print(input.ci.actor)",
    ),
]
CASES = [*COVERED]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_what_a_rule_requires(case: Case, opa: Path) -> None:
    holds(case, opa)

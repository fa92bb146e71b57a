"""What a rule may refer to."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate.syntax import read_references
from tests.policies import rule


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        ("input.weather.sunny", "input.weather is not in the evidence"),
        ("input[input.evaluated_at]", "`input` as a whole"),
        ("input.extra[input.evaluated_at]", "`input.extra` as a whole"),
        ("data.settings.other.max > 1", "a rule reads only its own settings"),
    ],
)
def test_what_is_not_given_to_a_rule_is_refused(opa: Path, read: str, reason: str) -> None:
    text = rule("r", f'deny contains {{"at": {{}}, "msg": "x"}} if {read}')
    (tree,) = LocalOpa(opa).parse([text.encode()])
    assert isinstance(tree, dict)
    reads, problems = read_references("r", tree, tree["rules"])
    assert [(row, reason in said) for row, said in problems] == [(11, True)]
    assert reads.kinds == frozenset()

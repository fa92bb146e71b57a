from __future__ import annotations

import pytest

from pushpolicy.evaluate.authoring.deletions import leaves, named_kinds, without

DOCUMENT = {"a": {"b": [1, {"c": "x"}], "d": {}}, "e": []}


def test_leaves_have_names_and_each_can_be_deleted_alone() -> None:
    assert list(leaves(DOCUMENT)) == [("a", "b", 1, "c"), ("a", "d"), ("e",)]
    assert without(DOCUMENT, ("a", "b", 1, "c")) == {"a": {"b": [1, {}], "d": {}}, "e": []}
    assert without(DOCUMENT, ("e",)) == {"a": DOCUMENT["a"]}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("input.image.size > input.ci.run", {"image", "ci"}),
        ("# input as a whole\ninput.image.size", {"image"}),
        ('msg := "on standard input"; input.image.size', {"image"}),
        ('$"{input.ci.actor} on standard input"', {"ci"}),
        ('$"{input.ci.actor} and {input.tests.totals}"', {"ci", "tests"}),
        ("`input`", set()),
        # Anything else may be any kind.
        ("count(input)", None),
        ('input["ci"].actor', None),
        ('$"{input["ci"].actor}"', None),
        ('$"{object.get(input, ["ci"], "}")}"', None),
        ("$`{input[x]}`", None),
        ("import input as i", None),
        ("data.pushpolicy.lib.time.later(1)", None),
    ],
)
def test_a_rule_reads_the_kinds_that_it_names(text: str, kinds: set[str] | None) -> None:
    assert named_kinds(text) == kinds

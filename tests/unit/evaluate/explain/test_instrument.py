"""What is put into a rule's text, and that the rule stays what it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate.explain import instrument
from pushpolicy.evaluate.explain.asking import parse
from pushpolicy.evaluate.sources import policies
from tests.policies import rule

SHIPPED = sorted((policies() / "rules").glob("*/*.rego"))


def keyed(opa: Path, body: str) -> str:
    text = rule("r", body)
    return instrument.keyed(text, parse(LocalOpa(opa), text), "k").partition("import rego.v2\n\n")[2].rstrip()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("some f in input.reports", "some k0, f in input.reports"),
        ("some i, f in input.reports", "some i, f in input.reports"),
        (
            'input.reports[_].name == "é"; input.reports[_]',
            'input.reports[k1].name == "é"; input.reports[k0]',
        ),
        ('"é" == "é"; some x in input.reports', '"é" == "é"; some k0, x in input.reports'),
        ("not { some f in input.reports; f }", "not { some f in input.reports; f }"),
        ("every f in input.reports { f }", "every f in input.reports { f }"),
        ("count([1 | input.reports[_]]) > 1", "count([1 | input.reports[_]]) > 1"),
        ('some {"a": a} in input.reports', 'some k0, {"a": a} in input.reports'),
        ("x := { y |\n\t\tsome y in [1]\n\t}", "x := { y |\n\t\tsome y in [1]\n\t}"),
    ],
)
def test_items_get_numbers(opa: Path, before: str, after: str) -> None:
    head = 'deny contains {"at": {}, "msg": "x"} if {\n\t'
    assert keyed(opa, f"{head}{before}\n}}") == f"{head}{after}\n}}"


def test_helpers_stay_as_they_are(opa: Path) -> None:
    body = '_all := {x | some x in input.reports}\n\nwarn contains {"at": {}, "msg": "x"} if _all[_]'
    assert keyed(opa, body) == body.replace("[_]", "[k0]")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('print("a")', 'print("p11", "a")'),
        ("print()", 'print("p11")'),
        ('"é" == "é"; print( "(", 1)', '"é" == "é"; print("p11",  "(", 1)'),
        ("x := [y | some y in [1]; print(y)]", 'x := [y | some y in [1]; print("p11", y)]'),
        ("not { print(1) }", 'not { print("p11", 1) }'),
        ('x := "print(1)"', 'x := "print(1)"'),
    ],
)
def test_a_print_says_its_line(opa: Path, before: str, after: str) -> None:
    text = rule("r", f'deny contains {{"at": {{}}, "msg": "x"}} if {{ {before} }}')
    assert instrument.printing(text, parse(LocalOpa(opa), text), "p") == text.replace(before, after)


def test_what_is_put_in_is_no_name_of_the_rule() -> None:
    assert instrument.prefix("deny contains said_ if said__x") == "said___"


def test_every_shipped_rule_can_be_read_once_it_is_keyed(opa: Path) -> None:
    engine = LocalOpa(opa)
    texts = [path.read_text() for path in SHIPPED if not path.name.endswith("_test.rego")]
    trees = engine.parse([text.encode() for text in texts])
    marked = [
        instrument.keyed(text, tree, instrument.prefix(text))
        for text, tree in zip(texts, trees, strict=True)
        if isinstance(tree, dict)
    ]
    assert len(marked) > 30
    assert all(isinstance(tree, dict) for tree in engine.parse([text.encode() for text in marked]))
    assert all(a.count("\n") == b.count("\n") for a, b in zip(texts, marked, strict=True))

"""What is known of values: every operation keeps each value that it may keep."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from pushpolicy.evaluate.follow.domain import (
    ANYTHING,
    COMPARES,
    NEVER,
    SIZE,
    Domain,
    both,
    compared,
    either,
    few,
    kinds,
    narrowed,
    of_schema,
    truths,
)

VALUES: list[Any] = [None, False, True, -1, 0, 0.5, 1, 3, 9, 10, 10.5, 100, "", "0", "a", "high", "v1"]
DOMAINS = [
    ANYTHING,
    NEVER,
    SIZE,
    kinds("number"),
    kinds("string"),
    kinds("boolean"),
    kinds("array", "string"),
    few(["high", "low"]),
    few([1, 3]),
    few([1.0]),
    few([True, "a"]),
    few(range(100)),
    of_schema({"type": "integer", "minimum": 0, "maximum": 9}),
    of_schema({"type": "number", "minimum": 0, "maximum": 100}),
    of_schema({"type": "string", "pattern": "^v[0-9]+$"}),
    of_schema({"enum": ["high", 3, None]}),
    narrowed("gt", SIZE, few([3])),
    narrowed("lt", kinds("number"), few([10])),
    narrowed("gte", kinds("number", "string", "boolean"), few([3])),
    narrowed("gt", kinds("string"), few(["high"])),
    narrowed("lte", kinds("string", "null"), few(["high", "low"])),
]


def held(domain: Domain) -> list[Any]:
    return [value for value in VALUES if domain.holds(value)]


@pytest.mark.parametrize(("a", "b"), list(product(DOMAINS, DOMAINS)))
def test_nothing_is_ruled_out_that_can_be(a: Domain, b: Domain) -> None:
    left, right = held(a), held(b)
    assert set(map(repr, held(both(a, b)))) >= set(map(repr, left)) & set(map(repr, right))
    assert set(map(repr, held(either([a, b])))) >= set(map(repr, left)) | set(map(repr, right))
    for name in COMPARES:
        pairs = [(x, y) for x, y in product(left, right)]
        assert {compared(name, x, y) for x, y in pairs} <= truths(name, a, b)
        kept = [x for x in left if any(compared(name, x, y) for y in right)]
        assert all(map(narrowed(name, a, b).holds, kept))
    assert not a.is_empty or not left


@pytest.mark.parametrize(
    ("name", "a", "b", "outcomes"),
    [
        ("equal", few([1]), few([1.0]), {True}),
        ("equal", few([1]), few([True]), {False}),
        ("equal", kinds("string"), kinds("number"), {False}),
        ("neq", kinds("string"), kinds("number"), {True}),
        ("gte", SIZE, few([0]), {True}),
        ("lt", SIZE, few([0]), {False}),
        ("lte", SIZE, few([0]), {False, True}),
        ("lt", kinds("number"), kinds("string"), {True}),
        ("lt", kinds("number", "set"), kinds("string"), {False, True}),
        ("lt", narrowed("gt", SIZE, few([3])), few([4]), {False}),
        ("lt", narrowed("gt", kinds("number"), few([3])), few([4]), {False, True}),
        ("lte", narrowed("gt", kinds("number"), few([3])), few([3]), {False}),
        ("equal", NEVER, ANYTHING, set()),
        ("equal", of_schema({"type": "string", "pattern": "^v"}), few(["w"]), {False}),
    ],
)
def test_what_a_comparison_can_be(name: str, a: Domain, b: Domain, outcomes: set[bool]) -> None:
    assert truths(name, a, b) == outcomes


def test_bounds_are_whole_where_numbers_are() -> None:
    assert narrowed("lt", narrowed("gt", SIZE, few([0.5])), few([1])).is_empty
    assert both(narrowed("gt", SIZE, few([3])), narrowed("lt", SIZE, few([4]))).is_empty
    assert narrowed("lt", narrowed("gt", ANYTHING, few([3])), few([3])).is_empty
    assert narrowed("lt", narrowed("gt", ANYTHING, few(["b"])), few(["a"])).is_empty
    assert not narrowed("lte", narrowed("gte", ANYTHING, few(["a"])), few(["a"])).is_empty
    assert not narrowed("lt", narrowed("gt", kinds("number"), few([3])), few([4])).is_empty

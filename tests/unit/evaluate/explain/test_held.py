"""What evidence holds where a rule reads it."""

from __future__ import annotations

from typing import Any

import pytest

from pushpolicy.evaluate.absence import COMPUTED, EACH, ITEM, Steps
from pushpolicy.evaluate.explain.held import Held, Keys, places, reading

DOCUMENT = {
    "tests": {"totals": {"failed": 0}},
    "scans": {"items": [{"findings": [{"id": "a"}, {"id": "b", "cvss": 9.8}]}, {"findings": []}]},
    "ci": {"jobs": {"unit": "success", "org.example/x": False}},
}
FINDINGS = ("scans", "items", ITEM, "findings")

PLACES: dict[str, tuple[Steps, Keys, list[Held]]] = {
    "a scalar": (("tests", "totals", "failed"), {}, [Held(path="tests.totals.failed", value=0)]),
    "an object": (("tests", "totals"), {}, [Held(path="tests.totals", size=1)]),
    "as far as there is something": (
        ("tests", "coverage", "percent"),
        {},
        [Held(path="tests.coverage", absent=True)],
    ),
    "each item of each": (
        (*FINDINGS, ITEM, "cvss"),
        {},
        [
            Held(path="scans.items[0].findings[0].cvss", absent=True),
            Held(path="scans.items[0].findings[1].cvss", value=9.8),
        ],
    ),
    "an item whose number is known": (
        (*FINDINGS, ITEM, "id"),
        {("scans", "items"): frozenset({0}), FINDINGS: frozenset({1})},
        [Held(path="scans.items[0].findings[1].id", value="b")],
    ),
    "no item": ((*FINDINGS, ITEM, "id"), {("scans", "items"): frozenset({1})}, []),
    "each key": (
        ("ci", "jobs", EACH),
        {},
        [Held(path='ci.jobs["unit"]', value="success"), Held(path='ci.jobs["org.example/x"]', value=False)],
    ),
    "a key that is known": (
        ("ci", "jobs", COMPUTED),
        {("ci", "jobs"): frozenset({"org.example/x"})},
        [Held(path='ci.jobs["org.example/x"]', value=False)],
    ),
    "a key that is named": (
        ("ci", "jobs", '"lint'),
        {},
        [Held(path="ci.jobs.lint", absent=True)],
    ),
    "a key that is no word": (
        ("ci", "jobs", '"org.example/x'),
        {},
        [Held(path='ci.jobs["org.example/x"]', value=False)],
    ),
    "below a scalar": (
        ("tests", "totals", "failed", "x"),
        {},
        [Held(path="tests.totals.failed.x", absent=True)],
    ),
}


@pytest.mark.parametrize(("steps", "keys", "expected"), PLACES.values(), ids=PLACES)
def test_what_is_there(steps: Steps, keys: Keys, expected: list[Held]) -> None:
    assert list(places(DOCUMENT, steps, keys)) == expected


def test_a_reading_tells_what_is_absent_first_and_different_values_once() -> None:
    values: list[Any] = ["x"] * 50 + list(range(20)) + [None] * 3
    items = [{} if value is None else {"v": value} for value in values]
    found = reading({"a": items}, ("a", ITEM, "v"), {}, lines=[7, 3, 7], through=["_f", "_f"])
    assert (found.path, found.lines, found.through) == ("a[].v", (3, 7), ("_f",))
    assert (found.places, found.absent) == (73, 3)
    assert [each.absent for each in found.held[:3]] == [True] * 3
    assert [each.value for each in found.held[3:]] == ["x", 0]


def test_a_reading_of_one_item_is_named_by_it() -> None:
    keys: Keys = {("a",): frozenset({1})}
    found = reading({"a": [{"v": 1}, {"v": 2}]}, ("a", ITEM, "v"), keys, lines=[1], through=[])
    assert found.path == "a[1].v"
    assert found.held == (Held(path="a[1].v", value=2),)

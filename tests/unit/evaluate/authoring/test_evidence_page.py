"""docs/evidence.md says of every field of the evidence what it means, as its schema has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pushpolicy.evaluate.authoring.evidence_page import DOCUMENT, evidence_page, fields
from tests.policies import ROOT

SCHEMA = json.loads((ROOT / "policies/schema/evidence.v1.json").read_bytes())
FIELDS = list(fields(SCHEMA))
PAGE = (ROOT / DOCUMENT).read_text(encoding="utf-8")


def lines(start: str) -> list[str]:
    return [line for line in PAGE.splitlines() if line.startswith(start)]


def test_the_page_is_up_to_date() -> None:
    assert evidence_page() == PAGE, "run `make index`"


def test_every_field_has_a_meaning() -> None:
    assert [path for path, part, _ in FIELDS if not part.get("description", "").endswith(".")] == []
    assert len(FIELDS) > 400


def test_every_field_is_told_once() -> None:
    told = [path for path, _, _ in FIELDS if lines(f"| `{path}` |") or lines(f"## {path}")]
    assert told == [path for path, _, _ in FIELDS]
    assert len(lines("| `")) == len({path for path, _, _ in FIELDS if not lines(f"## {path}")})


@pytest.mark.parametrize(
    ("path", "cells"),
    [
        ("evaluated_at", "time |  |"),
        ("ci.tag", "text | a fact with `ci.ref_type` |"),
        ("ci.jobs[KEY]", "`success`, `failure`, `cancelled`, `skipped` | unknown |"),
        ("scans.items", "list of objects |  |"),
        ("scans.items[].findings[].suppressed_by", "text | a fact |"),
        ("scans.items[].findings[].fixed_in", "text | unknown |"),
        ("scans.items[].findings[].aliases", "list of text |  |"),
        ("image.platforms[].root", "true or false |  |"),
        ("scans.items[].findings[].cvss", "number, 0 to 10 | unknown |"),
        ("tests.coverage.reports", "list of objects, never empty |  |"),
        ("image.size", "integer, 0 or more |  |"),
        ("source.commit", "text |  |"),
    ],
)
def test_a_field_is_told_with_its_type_and_what_its_absence_does(path: str, cells: str) -> None:
    assert len(lines(f"| `{path}` | {cells}")) == 1


def test_what_an_empty_list_says_is_told() -> None:
    def unknown(part: Mapping[str, Any]) -> bool:
        return part.get("x-empty") == "unknown"

    assert {path for path, part, _ in FIELDS if unknown(part)} == {
        line.split("`")[1] for line in lines("| `") if line.endswith("None at all is unknown. |")
    }

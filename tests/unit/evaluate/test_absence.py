"""What the absence of a field of the evidence means: its schema says so for each that may be absent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pushpolicy.evaluate.absence import COMPUTED, EACH, RefusedError, Steps, evidence_schema
from tests.policies import ROOT

SCHEMA = json.loads((ROOT / "policies/schema/evidence.v1.json").read_bytes())
FILLED = {"image.platforms", "tests.reports", "scans.items", "sbom.items", "vex.items", "provenance.items"}


def nodes(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Each place of the schema, with its node and whether it may be absent."""
    required = {*node.get("required", ()), *node.get("then", {}).get("required", ())}
    for name, child in node.get("properties", {}).items():
        # That a kind is not there is told by its status.
        yield f"{path}.{name}".lstrip("."), child, name not in required and path != ""
        yield from nodes(child, f"{path}.{name}".lstrip("."))
    if isinstance(values := node.get("additionalProperties"), dict):
        yield f"{path}[KEY]", values, True
        yield from nodes(values, f"{path}[KEY]")
    if "items" in node:
        yield f"{path}[]", node["items"], False
        yield from nodes(node["items"], f"{path}[]")


PLACES = {path: (node, optional) for path, node, optional in nodes(SCHEMA)}


def test_each_optional_field_says_what_its_absence_means() -> None:
    optional = {path for path, (_, may_be_absent) in PLACES.items() if may_be_absent}
    assert len(optional) > 80
    assert [path for path in sorted(optional) if "x-absent" not in PLACES[path][0]] == []
    classes = {path: PLACES[path][0]["x-absent"] for path in optional}
    assert [
        path
        for path, said in classes.items()
        if said not in ("no", "unknown", "written") and (said.keys() != {"by"} or said["by"] not in PLACES)
    ] == []


def test_no_other_field_does() -> None:
    assert [path for path, (node, optional) in PLACES.items() if "x-absent" in node and not optional] == []


def test_only_lists_of_what_was_looked_for_are_no_fact_when_empty() -> None:
    assert {path for path, (node, _) in PLACES.items() if "x-empty" in node} == FILLED
    assert {node["x-empty"] for node, _ in PLACES.values() if "x-empty" in node} == {"unknown"}


@pytest.mark.parametrize(
    ("steps", "step", "reason"),
    [
        ((), COMPUTED, "`input` as a whole; name the kind"),
        ((), EACH, "`input` as a whole; name the kind"),
        (("extra",), COMPUTED, "`input.extra` as a whole; name it"),
        (("extra",), EACH, "`input.extra` as a whole; name it"),
        ((), "weather", "^input.weather is not in the evidence$"),
    ],
)
def test_a_read_names_a_kind_that_there_is(steps: Steps, step: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        evidence_schema().below(steps, step)

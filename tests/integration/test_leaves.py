"""The law of deletion on small rules of every shape: what one denies, it denies without any leaf."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pushpolicy.engines import find_engine
from pushpolicy.evaluate import load_policy
from pushpolicy.evaluate.absence import evidence_schema
from pushpolicy.evaluate.authoring.deletions import without
from pushpolicy.evaluate.examples import Example
from pushpolicy.evaluate.patches import merge
from tests.deletions import Place, leaves
from tests.integration.test_rules import BASE, decide, fits
from tests.policies import write_policy
from tests.small_rules import Case, text_of
from tests.unit.evaluate.follow import test_compare, test_places, test_rule, test_statements, test_terms

MODULES = (test_compare, test_places, test_rule, test_statements, test_terms)

# So that many of the small rules deny: each is about one of these values.
PATCH: dict[str, Any] = {
    "source": {"branch": "feature"},
    "ci": {
        "actor": "dana",
        "job": "b",
        "jobs": {"e2e": "failure"},
        "ref_type": "tag",
        "tag": "v1",
        "untrusted_trigger": "workflow_run",
    },
    "target": {"registry": "docker.io", "tags": ["latest", "a"], "new_tags": ["a"]},
    "image": {
        "annotations": {"a.b": "x"},
        "platforms": {"0": {"user": "root", "root": True, "labels": {"team": "x"}}},
    },
    "tests": {
        "totals": {"failed": 1},
        "coverage": {
            "covered": 5,
            "total": 10,
            "percent": 50,
            "reports": [
                {
                    "name": "c",
                    "format": "lcov",
                    "covered": 5,
                    "total": 10,
                    "sha256": "0" * 64,
                    "disagreements": [],
                }
            ],
        },
    },
    "scans": {"items": {"0": {"findings": {"0": {"severity": "high", "suppressed_by": "x", "cvss": 9}}}}},
    "extra": {"review": {"state": "open"}},
}
FULL = merge(BASE, PATCH)
OTHERS = [
    merge(FULL, {"ci": {"actor": "a"}}),
    merge(FULL, {"ci": {"actor": "x", "job": "a", "run": {"attempt": 2}}}),
    merge(FULL, {"ci": {"actor": None, "job": None, "event": "other"}}),
    merge(FULL, {"scans": {"items": []}, "tests": {"reports": []}}),
]


def rules() -> dict[str, Case]:
    """Those that OPA compiles, and that leave no absence to themselves or to the length of a map."""
    good = [
        case
        for module in MODULES
        for case in module.CASES
        if not case.errors and not case.optional and not _left_out(case)
    ]
    return {f"r{number}": case for number, case in enumerate(good)}


def _left_out(case: Case) -> bool:
    return "data.settings" in case.body or case.name.startswith(("circles", "each key of a map"))


def lacking(document: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The document without each of its fields whose absence is no stated fact; a list may be shorter."""
    for place in leaves(document):
        steps = tuple(_step(key, place[:number]) for number, key in enumerate(place))
        stated = [
            meaning
            for _, meaning in evidence_schema().absences(steps)
            if meaning not in ("unknown", "written")
        ]
        left = without(document, place)
        if not stated and isinstance(place[-1], str) and fits(left):
            yield place, left


def _step(key: str | int, before: Place) -> str:
    above = evidence_schema().node(tuple(_step(each, before[:n]) for n, each in enumerate(before)))
    if isinstance(key, int):
        return "[]"
    return key if "properties" in above else f'"{key}'


def test_what_a_small_rule_denies_it_denies_without_any_leaf(tmp_path: Path, opa: Path) -> None:
    engine = find_engine(str(opa))
    texts = {name: re.sub(r"rules\.r\b", f"rules.{name}", text_of(case)) for name, case in rules().items()}
    policy = load_policy([write_policy(tmp_path, texts)], engine)
    example = Example(file=tmp_path, rule=next(iter(texts)), name="small", expect="violated", evidence={})
    lost, denied = list[str](), set[str]()
    for document in (FULL, *OTHERS):
        assert fits(document)
        cases = list(lacking(document))
        whole, *answers = decide(
            policy, engine, [(example, each) for each in (document, *(left for _, left in cases))]
        )
        before = {found["rule"] for found in whole["violations"]}
        denied |= before
        for (place, _), answer in zip(cases, answers, strict=True):
            lost += [
                f"{rules()[name].name} without {place}"
                for name in sorted(before - {found["rule"] for found in answer["violations"]})
            ]
    assert len(denied) > len(texts) // 2, "too few deny: this test shows little"
    assert lost == []

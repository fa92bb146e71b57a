"""The floor and the Rego aggregator agree: over generated cases, either finds ALLOW where the other does.

Each case is evidence, an index, data and denials, made so that every condition is often met by a hair: times
that differ by a fraction of a second, globs that would cross a slash, limits that are hit to the nanosecond.
PUSHPOLICY_FLOOR_CASES sets how many are tried; `make floor` tries 80,000.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pushpolicy.model.index import Grounds, Leaf
from pushpolicy.records.floor import objections
from tests.policies import ROOT, rule_entry

CASES = int(os.environ.get("PUSHPOLICY_FLOOR_CASES", "1000"))
AT = "2026-11-02T10:00:00Z"
QUERY = """package cases

decisions := [allow |
	some case in data.cases.given
	document := case.evidence
	index := case.index
	waivers := case.waivers
	enforcement := case.enforcement
	allow := data.pushpolicy.main.decision.allow with input as document
		with data.pushpolicy.index as index
		with data.pushpolicy.waivers as waivers
		with data.pushpolicy.enforcement as enforcement
]
"""
TIMES = (
    AT,
    "2026-11-02T10:00:00.000000001Z",
    "2026-11-02T09:59:59.999999999Z",
    "2026-11-02T11:00:00+01:00",
    "2026-11-02T11:00:00.5+01:00",
    "2026-12-01T00:00:00Z",
    "2027-01-31T10:00:00Z",
    "2027-01-31T10:00:00.000000001Z",
    "2027-05-01T10:00:00Z",
    "2027-05-01T10:00:00.000000001Z",
    "2026-08-04T10:00:00Z",
    "2026-13-01T00:00:00Z",
    "soon",
)
IDS = ("CVE-1", "CVE-2", "GHSA-1")
PURLS = ("pkg:pypi/a@1", "pkg:pypi/b/c@2", "pkg:npm/a@1", "pkg:pypi/a<b>&c")
PURL_GLOBS = ("pkg:pypi/a@1", "pkg:pypi/*", "*", "**", "pkg:???/a@1", "pkg:pypi/?@1")
PLACES = (
    "reg.example/team/app",
    "reg.example/*",
    "reg.example/team/*",
    "reg.example/**",
    "**",
    "*",
    "reg?example/**",
)
ODD: tuple[Any, ...] = (
    1,
    "x",
    {"msg": "x"},
    {"at": "x", "msg": "x"},
    {"at": {}, "msg": 1},
    [],
    None,
    False,
)
LEAVES = [
    {"path": f"{steps[0][0]}.{number}", "kind": steps[0][0], "steps": steps, "filled": filled}
    for number, (steps, filled) in enumerate(
        [
            ([["tests", "duration"]], False),
            ([["tests", "reports"]], True),
            ([["tests", "reports"], ["time"]], False),
            ([["tests", "reports"], ["suites"], ["name"]], False),
            ([["tests", "reports"], ["suites"]], True),
            ([["image", "labels", "a.b"]], False),
            ([["reports"]], True),
            ([["target", "tags"], ["x"]], False),
            ([["scans", "items"]], True),
        ]
    )
]
KINDS = ("tests", "scans", "clock", "unread", "extra.review")


def case(rng: random.Random) -> dict[str, Any]:
    """One case, as JSON; `denials` is what its index says of deny."""
    rules = {
        name: rule(rng)
        for name in rng.sample(("r", "s", "t"), rng.randint(0 if rng.random() < 0.05 else 1, 3))
    }
    deny = {
        name: [denial(rng) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
        for name, entry in rules.items()
        if "deny" in entry["heads"]
    }
    deny = {name: unique(found) for name, found in deny.items()}
    enforcement: dict[str, Any] = {"rules": {name: measure(rng) for name in rules if rng.random() < 0.3}}
    if rng.random() < 0.1:
        enforcement["observe"] = {"until": rng.choice(TIMES), "reason": "x"}
    if rng.random() < 0.2:
        enforcement["max_days"] = rng.choice((29, 90, 181))
    waivers = {
        "max_days": rng.choice((28, 29, 90, 180)),
        "waivers": [waiver(rng, deny) for _ in range(rng.choice((0, 1, 1, 2, 4)))],
    }
    if rng.random() < 0.3:
        waivers["repo_max_days"] = rng.choice((28, 30))
    index = {"rules": rules, "deny": deny, "warn": {}, "not_applicable": {}}
    return {"evidence": document(rng), "index": index, "waivers": waivers, "enforcement": enforcement}


def document(rng: random.Random) -> dict[str, Any]:
    value: dict[str, Any] = {
        "schema": "pushpolicy.evidence/v1",
        "evaluated_at": rng.choice((AT, AT, AT, AT, "2026-11-02T10:00:00.000000001Z", "later")),
        "image": {"digest": "sha256:1"} | some(rng, labels=rng.choice(({}, {"a.b": ""}, {"a": "b"}))),
        "target": {"registry": "reg.example", "repository": "team/app", "tags": ["1"]},
        "reports": [],
        "tests": {"status": rng.choice(("collected", "collected", "missing"))}
        | some(
            rng, duration=rng.choice((0, 1.5)), reports=[report(rng) for _ in range(rng.choice((0, 1, 2)))]
        ),
        "scans": {"status": rng.choice(("collected", "collected", "failed"))} | some(rng, items=[{}]),
        "extra": {"review": None} if rng.random() < 0.7 else {},
        "ci": {"status": rng.choice(("collected", "collected", "collected", "failed"))}
        | some(rng, actor=rng.choice(("ann", "Bob", "dana", "")))
        | some(rng, trust=rng.choice(({"actor": "verified"},) * 5 + ({"actor": "asserted"}, {}, "verified"))),
    }
    if rng.random() < 0.7:
        value["clock"] = rng.choice(({"skew_seconds": 1}, {"skew_seconds": 1}, "now"))
    if rng.random() < 0.7:
        value["unread"] = rng.choice(([], [{"path": "a", "why": "b"}], "none"))
    if rng.random() < 0.03:
        value.pop(rng.choice(("schema", "image", "target", "reports", "extra", "tests")))
    return value


def report(rng: random.Random) -> dict[str, Any]:
    suites = [some(rng, name="a") for _ in range(rng.choice((0, 1, 2)))]
    return some(rng, time=AT, suites=rng.choice((suites, suites, {"a": {"name": "b"}}, "x", 7)))


def some(rng: random.Random, **fields: Any) -> dict[str, Any]:
    """Most of the fields."""
    return {name: value for name, value in fields.items() if rng.random() < 0.8}


def rule(rng: random.Random) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "requires": sorted(rng.sample(KINDS, rng.choice((0, 0, 1, 2)))),
        "integrity": rng.random() < 0.2,
        "leaves": [dict(leaf) for leaf in rng.sample(LEAVES, rng.choice((0, 0, 0, 1, 2)))],
        "heads": ["deny"] if rng.random() < 0.9 else ["warn"],
    }
    if rng.random() < 0.3:
        entry["effective_on"] = rng.choice(TIMES)
    return entry


def denial(rng: random.Random) -> Any:
    if rng.random() < 0.05:
        return rng.choice(
            (1, "x", {"msg": "x"}, {"at": "x", "msg": "x"}, {"at": {}, "msg": 1}, [], None, False)
        )
    at: dict[str, Any] = {}
    if rng.random() < 0.8:
        at["id"] = rng.choice((*IDS, "", 7))
    if rng.random() < 0.3:
        at["aliases"] = rng.choice((["GHSA-1", 7], ["CVE-2"], {"a": "CVE-1"}, "CVE-1"))
    if rng.random() < 0.5:
        at["purl"] = rng.choice((*PURLS, 7))
    if rng.random() < 0.2:
        at["file"] = "a/ü<>&\u2028"
    return {"at": at, "msg": "bad"}


def unique(found: list[Any]) -> list[Any]:
    """Denials are a set in Rego."""
    return [json.loads(text) for text in sorted({json.dumps(item, sort_keys=True) for item in found})]


def measure(rng: random.Random) -> dict[str, Any]:
    return {"mode": rng.choice(("warn", "off", "enforce")), "until": rng.choice(TIMES), "reason": "x"}


def waiver(rng: random.Random, deny: dict[str, list[Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {
        "rule": rng.choice(("r", "s", "t", "u")),
        "expires": rng.choice(TIMES),
        "origin": rng.choice(("local", "local", "checkout")),
    }
    given = [item["at"]["id"] for found in deny.values() for item in found if named(item)]
    which = rng.random()
    if which < 0.2:
        value["evidence"] = f"evidence:{rng.choice(KINDS)}"
    if 0.2 <= which < 0.8:
        value["id"] = rng.choice((*IDS, *given, "sha256:0"))
    if which >= 0.6:
        value["purl"] = rng.choice(PURL_GLOBS)
    if rng.random() < 0.4:
        value["repository"] = rng.choice(PLACES)
    if rng.random() < 0.3:
        value["not_before"] = rng.choice(TIMES)
    if rng.random() < 0.1:
        value["refused"] = "the checkout may not"
    if rng.random() < 0.4:
        value["quorum"] = quorum(rng)
    return value


def quorum(rng: random.Random) -> dict[str, Any]:
    """What a set says of a waiver's approvals."""
    names = rng.sample(("ann", "bob", "Carol"), rng.choice((0, 1, 2, 2, 3)))
    return {"needs": rng.choice((1, 1, 2)), "approved": [approver(rng, name) for name in names]}


def approver(rng: random.Random, name: str) -> dict[str, Any]:
    """One whose approval counts, perhaps at another time."""
    value = {"principal": name}
    for key in ("not_before", "not_after"):
        if rng.random() < 0.2:
            value[key] = rng.choice(TIMES)
    return value


def named(item: Any) -> bool:
    at = item.get("at") if isinstance(item, dict) else None
    return isinstance(at, dict) and isinstance(at.get("id"), str)


def grounds(given: dict[str, Any]) -> Grounds:
    rules = {
        name: rule_entry(
            requires=tuple(entry["requires"]),
            leaves=tuple(Leaf.from_json(leaf) for leaf in entry["leaves"]),
            heads=tuple(entry["heads"]),
            effective_on=entry.get("effective_on"),
            integrity=entry["integrity"],
        )
        for name, entry in given["index"]["rules"].items()
    }
    # What the checkout may do is decided when a policy is loaded; here it may waive everything.
    origins = {"repo_may": {name: ["waive"] for name in rules}}
    return Grounds(rules=rules, waivers=given["waivers"], enforcement=given["enforcement"], origins=origins)


def decided(opa: Path, cases: list[dict[str, Any]], folder: Path) -> Iterator[bool]:
    (folder / "cases.rego").write_text(QUERY)
    (folder / "cases.json").write_text(json.dumps({"cases": {"given": cases}}))
    command: list[str | Path] = [
        opa, "eval", "--format", "raw", "--data", folder / "cases.rego", "--data", folder / "cases.json",
        "--data", ROOT / "policies/system/main", "data.cases.decisions",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    yield from json.loads(done.stdout)


def test_the_floor_is_where_the_aggregator_is(opa: Path, tmp_path: Path) -> None:
    cases = [case(random.Random(number)) for number in range(CASES)]
    allowed = 0
    for number, (given, allow) in enumerate(zip(cases, decided(opa, cases, tmp_path), strict=True)):
        found = list(objections(given["evidence"], grounds(given), given["index"]["deny"]))
        assert allow is not bool(found), f"case {number}: Rego says {allow}, the floor {found}"
        allowed += allow
    assert CASES * 0.1 < allowed < CASES * 0.6, "the cases are one-sided"


def waived_case(rng: random.Random) -> dict[str, Any]:
    """One finding and one waiver of it, which counts but for its times and its approvals."""
    at = rng.choice((AT, AT, "2026-11-02T10:00:00.000000001Z"))
    given = waiver(rng, {}) | {"rule": "r", "id": "CVE-1", "origin": "local", "quorum": quorum(rng)}
    given |= {"expires": "2026-12-01T00:00:00Z"} if rng.random() < 0.8 else {}
    given = {key: given[key] for key in ("rule", "id", "origin", "expires", "quorum")}
    return {
        "evidence": {**document(random.Random(1)), "evaluated_at": at, "ci": document(rng).get("ci")},
        "index": {
            "rules": {"r": {"requires": [], "leaves": [], "integrity": False, "heads": ["deny"]}},
            "deny": {"r": [{"at": {"id": "CVE-1"}, "msg": "bad"}]},
            "warn": {},
            "not_applicable": {},
        },
        "waivers": {"max_days": 90, "waivers": [given]},
        "enforcement": {"rules": {}},
    }


def test_the_floor_counts_approvals_as_the_aggregator_does(opa: Path, tmp_path: Path) -> None:
    cases = [waived_case(random.Random(number)) for number in range(CASES)]
    decisive = 0
    for number, (given, allow) in enumerate(zip(cases, decided(opa, cases, tmp_path), strict=True)):
        found = list(objections(given["evidence"], grounds(given), given["index"]["deny"]))
        assert allow is not bool(found), f"case {number}: Rego says {allow}, the floor {found}"
        del given["waivers"]["waivers"][0]["quorum"]
        unasked = list(objections(given["evidence"], grounds(given), given["index"]["deny"]))
        decisive += bool(found) and not unasked
    assert CASES * 0.2 < decisive < CASES * 0.9, "the cases are one-sided"


def test_the_floor_wants_a_list_of_each_rule_that_denies_and_of_no_other() -> None:
    given: dict[str, Any] = {
        "evidence": document(random.Random(1)) | {"evaluated_at": AT},
        "index": {"rules": {"r": {"requires": [], "leaves": [], "integrity": False, "heads": ["deny"]}}},
        "waivers": {"max_days": 90, "waivers": []},
        "enforcement": {},
    }
    cases: list[tuple[dict[str, list[Any]], bool]] = [
        ({"r": []}, True),
        ({}, False),
        ({"r": [], "s": []}, False),
    ]
    for denials, fine in cases:
        assert (not list(objections(given["evidence"], grounds(given), denials))) is fine

"""Which waivers are for which findings: aggregator and floor look them up, here each is held against each."""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pushpolicy.model.index import Grounds
from pushpolicy.records.floor import objections
from tests.policies import ROOT, example, rule_entry

CASES = 400
QUERY = """package cases

found := [{"waived": waived, "pointed": pointed, "uses": uses} |
	some case in data.cases.given
	document := object.union(data.cases.document, case.evidence)
	index := {"rules": data.cases.rules, "deny": case.deny}
	waivers := {"max_days": 90, "waivers": case.waivers}
	waived := data.pushpolicy.main.waivers.waived with input as document
		with data.pushpolicy.index as index with data.pushpolicy.waivers as waivers
	pointed := data.pushpolicy.main.waivers.pointed with input as document
		with data.pushpolicy.index as index with data.pushpolicy.waivers as waivers
	uses := data.pushpolicy.main.waivers.uses with input as document
		with data.pushpolicy.index as index with data.pushpolicy.waivers as waivers
]
"""
DOCUMENT = example() | {"evaluated_at": "2026-11-02T10:00:00Z"}
RULES = {"r": ["tests"], "s": ["tests", "scans"]}
IDS = ("CVE-1", "CVE-2", "GHSA-1", "evidence:tests")
PURLS = (
    *("pkg:npm/a@1", "pkg:npm/a@1?vcs=git@b", "pkg:npm/a", "pkg:npm/ab@1", "pkg:npm/%40a/b@2"),
    *("pkg:npm/a@", "@", "", 7),
)
GLOBS = (
    *("pkg:npm/a@1", "pkg:npm/a@*", "pkg:npm/a@?", "pkg:npm/a", "pkg:npm/a*", "pkg:npm/a?@1", "pkg:npm/*"),
    *("*@1", "**", "pkg:npm/a@1*b", "*a@*", "pkg:npm/a@1?vcs=git@b", "@", "@*", "?", "pkg:npm/%40a/b@*"),
    "pkg:*@2",
)


def case(rng: random.Random) -> dict[str, Any]:
    """Denials of two rules, and waivers that all count at this time."""
    kinds = {kind: {"status": rng.choice(("collected", "missing"))} for kind in ("tests", "scans")}
    deny = {name: unique([finding(rng) for _ in range(rng.randint(0, 3))]) for name in RULES}
    return {
        "evidence": {kind: value | {"reason": "x"} for kind, value in kinds.items()},
        "deny": deny,
        "waivers": [waiver(rng) for _ in range(rng.randint(0, 5))],
    }


def finding(rng: random.Random) -> dict[str, Any]:
    at: dict[str, Any] = {"id": rng.choice(IDS), "number": rng.randint(0, 2)}
    if rng.random() < 0.3:
        at["aliases"] = rng.choice((["GHSA-1", 7], ["CVE-2"], {"a": "CVE-1"}, "CVE-1"))
    if rng.random() < 0.7:
        at["purl"] = rng.choice(PURLS)
    return {"at": at, "msg": "bad"}


def unique(found: list[Any]) -> list[Any]:
    return [json.loads(text) for text in sorted({json.dumps(item, sort_keys=True) for item in found})]


def waiver(rng: random.Random) -> dict[str, Any]:
    value = {"rule": rng.choice(("r", "s")), "expires": "2026-12-01T00:00:00Z", "origin": "local"}
    which = rng.choice(("evidence", "id", "purl", "both"))
    if which == "evidence":
        value["evidence"] = f"evidence:{rng.choice(('tests', 'scans'))}"
    if which in ("id", "both"):
        value["id"] = rng.choice(IDS)
    if which in ("purl", "both"):
        value["purl"] = rng.choice(GLOBS)
    return value


def naively(given: dict[str, Any]) -> tuple[dict[str, int], set[int]]:
    """Each finding that is waived, with the first of its waivers, and all waivers that are for one."""
    waived, used = dict[str, int](), set[int]()
    for rule, finding in findings(given):
        fit = {number for number, each in enumerate(given["waivers"]) if is_for(each, rule, finding)}
        used |= fit
        if fit:
            waived[key(rule, finding)] = min(fit)
    return waived, used


def findings(given: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for rule, kinds in RULES.items():
        for kind in kinds:
            if given["evidence"][kind]["status"] != "collected":
                yield rule, {"evidence": kind}
        for each in given["deny"][rule]:
            yield rule, each["at"]


def key(rule: str, at: dict[str, Any]) -> str:
    return json.dumps([rule, at], sort_keys=True)


def placed(told: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What a place in the denials of a rule stands for."""
    place = told.pop("denial", None)
    return told if place is None else {**told, **given["deny"][told["rule"]][place]}


def is_for(waiver: dict[str, Any], rule: str, at: dict[str, Any]) -> bool:
    if waiver["rule"] != rule:
        return False
    if "evidence" in at:
        return bool(waiver.get("evidence") == f"evidence:{at['evidence']}")
    aliases = at.get("aliases", [])
    names = [
        at["id"],
        *(aliases.values() if isinstance(aliases, dict) else aliases if isinstance(aliases, list) else []),
    ]
    if "id" in waiver and waiver["id"] not in names:
        return False
    if "purl" not in waiver:
        return "id" in waiver
    pattern = "".join(
        {"**": ".*", "*": ".*", "?": "."}.get(part, re.escape(part))
        for part in re.split(r"(\*\*|\*|\?)", waiver["purl"])
    )
    purl = at.get("purl")
    return isinstance(purl, str) and re.fullmatch(pattern, purl, re.DOTALL) is not None


def decided(opa: Path, cases: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    rules = {name: {"requires": kinds, "leaves": [], "integrity": False} for name, kinds in RULES.items()}
    data = {"cases": {"given": cases, "document": DOCUMENT, "rules": rules}}
    (folder / "cases.rego").write_text(QUERY)
    (folder / "cases.json").write_text(json.dumps(data))
    command: list[str | Path] = [
        opa, "eval", "--format", "raw", "--strict-builtin-errors", "--data", folder / "cases.rego",
        "--data", folder / "cases.json", "--data", ROOT / "policies/system/main", "data.cases.found",
    ]  # fmt: skip
    answer: list[dict[str, Any]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return answer


def test_each_finding_has_the_waivers_that_holding_each_against_each_finds(opa: Path, tmp_path: Path) -> None:
    cases = [case(random.Random(number)) for number in range(CASES)]
    purls = 0
    rules = {name: rule_entry(requires=tuple(kinds)) for name, kinds in RULES.items()}
    for number, (given, found) in enumerate(zip(cases, decided(opa, cases, tmp_path), strict=True)):
        waived, used = naively(given)
        assert {key(each["rule"], each["at"]): each["waiver"] for each in found["waived"]} == waived, number
        assert [placed(each, given) for each in found["pointed"]] == found["waived"], number
        assert {each["waiver"] for each in found["uses"] if each["state"] == "used"} == used, number
        purls += sum("id" not in given["waivers"][each] for each in used)
        grounds = Grounds(
            rules=rules, waivers={"max_days": 90, "waivers": given["waivers"]}, enforcement={}, origins={}
        )
        standing = len(list(findings(given))) > len(waived)
        assert bool(list(objections(DOCUMENT | given["evidence"], grounds, given["deny"]))) is standing, (
            number
        )
    assert purls > CASES / 10


def test_thousands_of_waivers_are_looked_up(opa: Path, tmp_path: Path) -> None:
    """Held each against each, two thousand would be four million comparisons: a minute."""
    numbers = range(2_000)
    deny = {
        "r": [{"at": {"id": f"C-{n}"}, "msg": "x"} for n in numbers],
        "s": [{"at": {"id": f"C-{n}", "purl": f"pkg:npm/{n}@1"}, "msg": "x"} for n in numbers],
    }
    ends = {"expires": "2026-12-01T00:00:00Z", "origin": "local"}
    waivers = [{"rule": "r", "id": f"C-{n}", **ends} for n in numbers]
    waivers += [{"rule": "s", "purl": f"pkg:npm/{n}@*", **ends} for n in numbers]
    collected = {kind: {"status": "collected"} for kind in ("tests", "scans")}
    cases = [{"evidence": collected, "deny": deny, "waivers": waivers}]
    [found] = decided(opa, cases, tmp_path)
    assert len(found["waived"]) == 4_000
    assert {each["state"] for each in found["uses"]} == {"used"}

"""What is put together from recorded results is what evaluating all of it gives, over generated sets.

Each case is two sets, the second the first with some parts changed, and documents to decide about.
PUSHPOLICY_REUSE_CASES sets how many are tried; `make floor` tries 5,000.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import EngineError
from pushpolicy.evaluate import PolicySet, load_policy
from pushpolicy.evaluate.authority import Origin
from pushpolicy.evaluate.batches import Question, decisions
from pushpolicy.evaluate.data import PolicyData, default_data
from pushpolicy.evaluate.policyset import INDEX_DATA, INDEX_MODULE
from pushpolicy.evaluate.reuse import Reuse
from pushpolicy.model.decision import Decision, RuleStatus
from pushpolicy.model.document import Document
from pushpolicy.model.index import Index, RuleEntry
from tests.policies import evidence, rule, scan, write_policy

CASES = int(os.environ.get("PUSHPOLICY_REUSE_CASES", "120"))
AT = "2026-03-02T10:00:00Z"
SOON, LATER, PAST, FAR = (
    "2026-03-05T00:00:00Z",
    "2026-05-01T00:00:00Z",
    "2026-03-01T00:00:00Z",
    "2027-03-01T00:00:00Z",
)
MOST = "settings:\n  most:\n    type: integer\n    default: 1\n    description: How many."
EACH = "some item in input.scans.items; some f in item.findings"
# Each in two versions, with other words for <>: its body, more METADATA, and those words.
BODIES: Mapping[str, tuple[str, str, tuple[str, str]]] = {
    "failed": (
        'deny contains {"at": {"id": "failed"}, "msg": "more"} if {\n'
        "\tinput.tests.totals.failed > data.settings.failed.most + <>\n}",
        MOST,
        ("0", "1"),
    ),
    "found": (
        f'deny contains {{"at": f, "msg": f.id}} if {{ {EACH}; f.severity == "<>" }}',
        "",
        ("high", "low"),
    ),
    "both": (
        f'deny contains {{"at": {{"id": f.id}}, "msg": "<>"}} if {{ {EACH}; f.severity == "high" }}\n\n'
        f'warn contains {{"at": {{"id": f.id}}, "msg": "<>"}} if {{ {EACH}; f.severity == "low" }}',
        "",
        ("a", "b"),
    ),
    "perhaps": (
        'deny contains {"at": {"id": "tag"}, "msg": "<>"} if count(input.target.tags) > 1\n\n'
        'not_applicable contains "no tests" if not input.tests.status == "collected"',
        "",
        ("a", "b"),
    ),
    "aside": (
        'deny contains {"at": {"id": "never"}, "msg": "x"} if input.target.repository == "<>"\n\n'
        'not_applicable contains "small" if input.image.size < 1000',
        "",
        ("x", "y"),
    ),
    "firm": (
        'deny contains {"at": {}, "msg": "<>"} if input.ci.branch != "main"',
        "integrity: true",
        ("a", "b"),
    ),
    "needy": (
        'deny contains {"at": {"id": "x"}, "msg": "<>"} if input.extra.review.ok == false',
        "",
        ("a", "b"),
    ),
    "graced": (
        f'deny contains {{"at": f, "msg": "<>"}} if {{ {EACH}; f.severity != "low" }}',
        f'effective_on: "{LATER}"',
        ("a", "b"),
    ),
    "advice": (
        f'warn contains {{"at": f, "msg": "<>"}} if {{ {EACH}; f.severity == "low" }}',
        "",
        ("a", "b"),
    ),
}
IDS = ("CVE-1", "CVE-2", "failed", "tag", "x", "GHSA-1")


class Pool:
    """Every rule in every version, each indexed once."""

    def __init__(self, folder: Path, engine: LocalOpa) -> None:
        self.versions = list[PolicySet]()
        for number in range(2):
            texts = {
                name: rule(name, body.replace("<>", words[number]), custom)
                for name, (body, custom, words) in BODIES.items()
            }
            self.versions.append(load_policy([write_policy(folder / str(number), texts)], engine))

    def made(self, given: Mapping[str, Any]) -> PolicySet:
        """The set of a description: versions of rules by name, and its data."""
        base, entries = self.versions[0], dict[str, RuleEntry]()
        files = {path: content for path, content in base.files.items() if not path.startswith("rules/")}
        for name, version in given["rules"].items():
            entries[name] = self.versions[version].index.rules[name]
            path = f"rules/{name}/{name}.rego"
            files[path] = self.versions[version].files[path]
        index = Index(rules=entries, lib=base.index.lib)
        data = default_data(index, {name: Origin(given["origins"][name]) for name in entries})
        settings = {**data.settings}
        told: dict[str, dict[str, str]] = {}
        if "failed" in entries and given["most"] is not None:
            settings["failed"], told["failed"] = {"most": given["most"]}, {"most": given["from"]}
        enforcement = {**given["enforcement"]}
        enforcement["rules"] = {name: each for name, each in enforcement["rules"].items() if name in entries}
        made = PolicyData(
            settings=settings,
            waivers=given["waivers"],
            enforcement=enforcement,
            origins={**data.origins, "settings": told},
            warnings=(),
        )
        files |= {INDEX_DATA: index.data(), INDEX_MODULE: index.module(), **made.files()}
        return PolicySet.of(files, "policy")


def described(chance: random.Random) -> dict[str, Any]:
    """A set, as data."""
    names = {"found", *chance.sample(sorted(BODIES), chance.randint(1, len(BODIES)))}
    return {
        "rules": dict.fromkeys(sorted(names), 0),
        "origins": {
            name: chance.choice(["local", "local", "local", "artifact", "checkout"]) for name in BODIES
        },
        "most": chance.choice([None, 0, 2]),
        "from": chance.choice(["local", "checkout"]),
        "enforcement": enforcement(chance),
        "waivers": {
            "max_days": chance.choice([30, 90]),
            "waivers": [waiver(chance) for _ in range(chance.choice([0, 2, 4, 8]))],
        }
        | ({"repo_max_days": 20} if chance.random() < 0.2 else {}),
    }


def enforcement(chance: random.Random) -> dict[str, Any]:
    value: dict[str, Any] = {"rules": {}}
    for name in BODIES:
        if name != "firm" and chance.random() < 0.15:
            value["rules"][name] = measure(chance) | {"mode": chance.choice(["warn", "off", "enforce"])}
    if chance.random() < 0.2:
        value["observe"] = measure(chance)
    if chance.random() < 0.1:
        value["max_days"] = chance.choice([30, 100])
    return value


def measure(chance: random.Random) -> dict[str, Any]:
    return {
        "until": chance.choice([LATER, LATER, PAST, FAR]),
        "reason": chance.choice("rs"),
        "origin": "local",
    }


def waiver(chance: random.Random) -> dict[str, Any]:
    name = chance.choice([*BODIES, "nobody", *["found", "graced", "needy", "failed"] * 4])
    value = {
        "rule": name,
        "reason": "r",
        "approver": "ann",
        "expires": chance.choice([SOON, LATER, LATER, PAST, FAR]),
        "origin": chance.choice(["local", "local", "artifact"]),
    }
    kind = chance.random()
    if kind < 0.2:
        value["evidence"] = chance.choice(["evidence:extra.review", "evidence:scans", "evidence:tests"])
    elif kind < 0.4:
        value["purl"] = chance.choice(["pkg:deb/*", "pkg:pypi/a@*", "pkg:pypi/**"])
    else:
        value["id"] = "failed" if name == "failed" else chance.choice(IDS)
    if chance.random() < 0.15:
        value["repository"] = chance.choice(["registry.example.com/shop/*", "registry.example.com/other"])
    if chance.random() < 0.1:
        value |= {"origin": "checkout", "refused": "the checkout may not"}
    return value


def altered(chance: random.Random, given: Mapping[str, Any]) -> dict[str, Any]:
    """The same set with some of its parts changed, mostly few."""
    value: dict[str, Any] = copy.deepcopy(dict(given))
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        kind = chance.choice(
            [
                "text",
                "text",
                "add",
                "remove",
                "settings",
                "waiver",
                "waiver",
                "measure",
                "origin",
                "data",
                "data",
            ]
        )
        names = sorted(value["rules"])
        if kind == "text":
            value["rules"][chance.choice(names)] = 1
        elif kind == "add":
            value["rules"].setdefault(chance.choice(sorted(BODIES)), chance.choice([0, 1]))
        elif kind == "remove" and len(names) > 1:
            del value["rules"][chance.choice(names)]
        elif kind == "settings":
            value["most"] = chance.choice([None, 0, 2])
        elif kind == "waiver":
            waivers = value["waivers"]["waivers"]
            if waivers and chance.random() < 0.5:
                waivers.pop(chance.randrange(len(waivers)))
            else:
                waivers.insert(chance.randint(0, len(waivers)), waiver(chance))
        elif kind == "measure":
            value["enforcement"]["rules"][chance.choice([name for name in BODIES if name != "firm"])] = (
                measure(chance) | {"mode": chance.choice(["warn", "off", "enforce"])}
            )
        elif kind == "origin":
            value["origins"] = {name: chance.choice(["local", "artifact"]) for name in BODIES}
            for each in (*value["waivers"]["waivers"], *value["enforcement"]["rules"].values()):
                each["origin"] = "artifact" if each["origin"] == "local" else each["origin"]
        elif chance.random() < 0.5:
            value["enforcement"] = enforcement(chance)
        else:
            value["waivers"]["max_days"] = chance.choice([30, 90])
    return value


def documents(chance: random.Random) -> list[Document]:
    """Evidence of which some lacks something."""
    return [document(chance) for _ in range(4)]


def document(chance: random.Random) -> Document:
    findings = [
        {
            "id": chance.choice(IDS[:2]),
            "severity": chance.choice(["high", "low", "medium"]),
            "kind": "vulnerability",
            "title": str(number),
            "aliases": chance.choice([[], ["GHSA-1"]]),
            "package": "a",
            "version": "1",
            "purl": chance.choice(["pkg:pypi/a@1", "pkg:deb/debian/b@2"]),
        }
        for number in range(chance.choice([0, 0, 1, 3]))
    ]
    base: dict[str, Any] = json.loads(evidence().content)
    failed, absent = chance.choice([0, 1, 2, 3]), {"status": "missing", "reason": "none"}
    tests = base["tests"]
    tests["totals"]["failed"] = failed
    changes: dict[str, Any] = {
        "evaluated_at": chance.choice([AT, "2026-03-04T10:00:00Z", "2026-02-20T10:00:00Z"]),
        "image": {**base["image"], "size": chance.choice([10, 10_000])},
        "target": {**base["target"], "tags": chance.choice([["1"], ["1", "2"]])},
        "tests": chance.choice([tests, tests, absent]),
        "scans": chance.choice([scan(findings), scan(findings), scan(findings), absent]),
        "ci": chance.choice([base["ci"], base["ci"], {**base["ci"], "branch": "next"}, absent]),
        "extra": chance.choice([{}, {"review": {"ok": True}}, {"review": {"ok": False}}, {"review": {}}]),
    }
    return evidence(**changes)


def decided(policy: PolicySet, given: Sequence[Document], engine: LocalOpa) -> list[Decision]:
    found = dict[int, Decision]()
    for number, outcome in decisions(
        (Question(number, policy, each) for number, each in enumerate(given)), engine
    ):
        assert isinstance(outcome, Decision), outcome
        found[number] = outcome
    return [found[number] for number in range(len(given))]


def substance(found: Iterable[Decision]) -> list[bytes]:
    return [replace(each.substance(), engine=None).document().content for each in found]


def test_what_is_recorded_of_a_rule_is_held_against_the_evidence_where_it_would_allow(
    pool: Pool, opa: Path
) -> None:
    engine = LocalOpa(opa)
    given = described(random.Random(0)) | {
        "rules": {"needy": 0, "perhaps": 0},
        "enforcement": {"rules": {}},
        "waivers": {"max_days": 90, "waivers": []},
        "origins": dict.fromkeys(BODIES, "local"),
    }
    before, after = pool.made(given), pool.made({**given, "rules": {"needy": 0}})
    about = evidence(extra={})
    (recorded,) = decided(before, [about], engine)
    assert {item.rule for item in recorded.violations} == {"needy", "perhaps"}
    lying = replace(
        recorded,
        violations=tuple(item for item in recorded.violations if item.rule == "perhaps"),
        rules=tuple(
            replace(each, status=RuleStatus.PASSED) if each.name == "needy" else each
            for each in recorded.rules
        ),
    )
    reuse = Reuse.of(before, after)
    assert reuse.asked is None
    assert not reuse.decision(recorded, None, about).allowed
    with pytest.raises(EngineError, match="what is recorded of its rules contradicts its evidence: needy"):
        reuse.decision(lying, None, about)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory, opa: Path) -> Pool:
    """The rules of all cases."""
    return Pool(tmp_path_factory.mktemp("pool"), LocalOpa(opa))


def test_put_together_it_is_what_evaluating_all_of_it_gives(pool: Pool, opa: Path) -> None:
    engine, reused, flipped = LocalOpa(opa), 0, set[tuple[str, str]]()
    for seed in range(CASES):
        chance = random.Random(seed)
        given = described(chance)
        before, after = pool.made(given), pool.made(altered(chance, given))
        evidence_of = documents(chance)
        recorded, whole = decided(before, evidence_of, engine), decided(after, evidence_of, engine)
        reuse = Reuse.of(before, after)
        reused += len(after.index.rules) - len(reuse.changed)
        answered: Sequence[Decision | None] = [None] * len(evidence_of)
        if reuse.asked is not None:
            answered = decided(reuse.asked, list(map(reuse.of_evidence, evidence_of)), engine)
        made = [reuse.decision(*each) for each in zip(recorded, answered, evidence_of, strict=True)]
        assert substance(made) == substance(whole), f"case {seed}"
        flipped |= {(one.verdict, other.verdict) for one, other in zip(recorded, whole, strict=True)}
    assert reused > CASES  # or it says nothing
    assert len(flipped) == 4

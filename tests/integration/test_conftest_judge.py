"""conftest itself is the judge: where it fails, pushpolicy denies, in both languages that it reads."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import EngineError, PolicyError
from pushpolicy.evaluate import evaluate, load_policy
from pushpolicy.evaluate.conftest import Conftest
from pushpolicy.model.decision import Decision
from pushpolicy.model.document import Document
from tests.conftest_cases import CASES, Case, evidence_of, v0, v1
from tests.policies import example
from tests.programs import tool

# One rule of the pack, since conftest's are never the only ones. It passes on all documents here.
PACK = ("pack:user_not_root",)
SEEDS = int(os.environ.get("CONFTEST_SEEDS", "30"))


class Judged(NamedTuple):
    """What conftest says: whether it fails, and the messages for which."""

    fails: bool
    messages: set[str]


def judge(
    folder: Path, document: Mapping[str, Any], rego: str, namespaces: Sequence[str] = ("main",)
) -> Judged:
    file = folder.parent / "evidence.json"
    file.write_text(json.dumps(document))
    options = [f"--namespace={name}" for name in namespaces]
    given = ["--policy", str(folder), "--rego-version", rego, "--output", "json", *options]
    run = subprocess.run(
        [tool("conftest"), "test", *given, str(file)], capture_output=True, text=True, check=False, timeout=60
    )
    if run.returncode != 0 and not run.stdout.strip():
        return Judged(True, set())
    failures = [each for result in json.loads(run.stdout) for each in result.get("failures") or ()]
    assert (run.returncode != 0) is bool(failures), run.stderr
    return Judged(bool(failures), {each["msg"] for each in failures})


def decide(folder: Path, documents: Sequence[Mapping[str, Any]], rego: str, opa: Path) -> list[Decision]:
    engine = LocalOpa(opa)
    given = Conftest(folders=(str(folder),), namespaces=("main",), rego=rego)
    policy = load_policy(PACK, engine, conftest=given)
    return [evaluate(policy, Document.of(document), engine) for document in documents]


def test_there_are_enough_of_them() -> None:
    """Each in two languages, with evidence that conftest fails and evidence that it passes."""
    assert len({case.name for case in CASES}) == len(CASES)
    assert 2 * len(CASES) >= 60


@pytest.mark.parametrize("rego", ["v0", "v1"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_denies_what_conftest_fails_and_passes_what_conftest_passes(
    tmp_path: Path, opa: Path, case: Case, rego: str
) -> None:
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "policy.rego").write_text(v0(case) if rego == "v0" else v1(case))
    denied, passed = evidence_of(case, case.denied), evidence_of(case, case.passed)
    failing, passing = judge(folder, denied, rego), judge(folder, passed, rego)
    assert failing.fails
    assert not passing.fails
    denial, allowance = decide(folder, (denied, passed), rego, opa)
    assert not denial.allowed
    assert {item.msg for item in denial.violations} == failing.messages
    assert {item.rule for item in denial.violations} == {"conftest_main"}
    assert allowance.allowed


NAMES = (
    "deny",
    "deny_a",
    "deny_a_b",
    "violation",
    "violation_a",
    "warn",
    "warn_a",
    "denied",
    "helper",
    "deny_A",
)
RESULTS = (
    '"no"',
    'sprintf("%v", [x])',
    '{"msg": "no"}',
    '{"msg": "no", "x": [x, null]}',
    "x",
    '{"x": x}',
    '["no"]',
)
CONDITIONS = (
    "x := input.target.tags[_]",
    "x := input.source.dirty",
    "x := {t | t := input.target.tags[_]}",
    "x := count(input.target.tags); x > 1",
    "x := 1; not input.source.dirty",
    "x := input.extra.doc[_]",
    "x := object.get(input.extra.doc, `a`, 3)",
    "x := 1; not input.extra.doc.a",
    "x := to_number(input.extra.doc.a)",
    "x := 1; helper_set[_] with input.target.tags as [`1`]",
    "x := input.unheard_of",
    "walk(input.extra.doc, [_, x]); is_string(x)",
    "x := 1; every t in input.target.tags { t != `latest` }",
)


def some_policy(pick: random.Random, rego: str) -> str:
    """A module of a few rules in this language, most of which conftest evaluates."""
    lines = ["package main", "import rego.v1" if rego == "v1" else "import future.keywords"]
    lines.append("helper_set contains t if { t := input.target.tags[_] }")
    for _ in range(pick.randint(1, 4)):
        name, result, condition = pick.choice(NAMES), pick.choice(RESULTS), pick.choice(CONDITIONS)
        head = f"{name}[{result}]" if rego == "v0" and pick.random() < 0.7 else f"{name} contains {result} if"
        if pick.random() < 0.1:
            head = f"{name} = [{result}] if"
        lines.append(f"{head} {{ {condition} }}")
    if pick.random() < 0.3:
        excepted = pick.choice(("", "a", "a_b", "other"))
        lines.append(f'exception contains ["{excepted}"] if {{ {pick.choice(CONDITIONS)} }}')
    return "\n".join(lines) + "\n"


def some_evidence(pick: random.Random) -> dict[str, Any]:
    value = example()
    value["target"]["tags"] = pick.choice((["1"], ["1", "latest"]))
    value["source"]["dirty"] = pick.choice((True, False))
    return value | {"extra": {"doc": pick.choice(({"a": "b"}, {"b": ["c", 1]}, {"a": "1"}))}}


def test_of_policies_made_by_chance_it_denies_what_conftest_fails(tmp_path: Path, opa: Path) -> None:
    """Where conftest fails, or ends with an error, there is no push."""
    failed = loaded = denied = 0
    folder = tmp_path / "policy"
    folder.mkdir()
    for seed in range(SEEDS):
        pick = random.Random(seed)
        rego = pick.choice(("v0", "v1"))
        (folder / "policy.rego").write_text(text := some_policy(pick, rego))
        judged = judge(folder, document := some_evidence(pick), rego)
        failed += judged.fails
        try:
            [decision] = decide(folder, [document], rego, opa)
        except (PolicyError, EngineError):
            continue
        loaded, denied = loaded + 1, denied + (not decision.allowed)
        assert not (judged.fails and decision.allowed), (seed, text)
        assert judged.messages <= {item.msg for item in decision.violations}, (seed, text)
    # Else it could hold because none loads, or all deny.
    assert min(failed, denied, loaded - denied) >= SEEDS / 15

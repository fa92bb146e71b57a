"""Odd rules are refused, innocent ones are not; and the odd ones deny nothing, if OPA decides after all."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.engines import LocalOpa
from pushpolicy.errors import EngineError, PolicyError
from pushpolicy.evaluate import evaluate, load_policy
from pushpolicy.evaluate.examples import decide
from pushpolicy.evaluate.follow import Followed, Settings, follow
from pushpolicy.model.document import Document
from tests.innocent_rules import INNOCENT
from tests.integration.test_leaves import FULL, OTHERS
from tests.integration.test_rules import EXAMPLES
from tests.odd_rules import NOT_KNOWN, ODD
from tests.policies import write_policy
from tests.small_rules import Case, text_of

# Only OPA's own compiler refuses these, or its builtin's error does.
BY_OPA = {'to_number("x") == input.tests.totals.failed'}
INTERNAL = "this cannot be followed"
NEVER = re.compile(r"never|can be")
DOCUMENTS: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
    (each, {})
    for each in (FULL, *OTHERS, *(example.evidence for example in EXAMPLES[::4]))
    # By which some of the rules divide.
    if each["tests"].get("totals", {}).get("total") != 0
]


def texts(cases: Sequence[Case]) -> dict[str, str]:
    named = {f"r{number}": case for number, case in enumerate(cases)}
    return {
        name: re.sub(r"\b(rules|settings)\.r\b", rf"\1.{name}", text_of(case)) for name, case in named.items()
    }


def refused(folder: Path, engine: LocalOpa, rules: Mapping[str, str]) -> dict[str, list[str]]:
    """What is wrong with each rule."""
    found: dict[str, list[str]] = {}
    try:
        load_policy([write_policy(folder, rules)], engine)
    except PolicyError as error:
        for line in error.message.splitlines():
            name = line.removeprefix(f"{folder}/").split("/")[0]
            found.setdefault(name, []).append(line.split(".rego:")[1])
    return found


def test_there_are_enough_of_them_and_no_two_are_one() -> None:
    assert len(set(texts(ODD).values())) == len(ODD) > 390
    assert len({text_of(case) for case in INNOCENT}) == len(INNOCENT) > 150


def test_each_odd_rule_is_refused_with_its_line(tmp_path: Path, opa: Path) -> None:
    engine = LocalOpa(opa)
    found = refused(tmp_path, engine, texts(ODD))
    accepted = [case.body for number, case in enumerate(ODD) if f"r{number}" not in found]
    assert set(accepted) == BY_OPA
    for name, problems in found.items():
        for problem in problems:
            row, text = problem.split(": ", 1)
            assert int(row) > 8, "the line of the condition, not of the METADATA"
            assert INTERNAL not in text, (name, problems)


@pytest.mark.parametrize("body", sorted(BY_OPA))
def test_the_others_stop_a_push(tmp_path: Path, opa: Path, body: str) -> None:
    engine = LocalOpa(opa)
    policy = load_policy([write_policy(tmp_path, texts([Case("by OPA", body)]))], engine)
    with pytest.raises((PolicyError, EngineError)):
        evaluate(policy, Document.of(FULL), engine)


def test_no_innocent_rule_is_refused_and_most_are_seen_to_deny(tmp_path: Path, opa: Path) -> None:
    engine = LocalOpa(opa)
    rules = texts(INNOCENT)
    assert refused(tmp_path, engine, rules) == {}
    policy = load_policy([str(tmp_path)], engine)
    denied = {found["rule"] for answer in decide(policy, engine, DOCUMENTS) for found in answer["violations"]}
    assert len(denied) > len(rules) * 0.6


def test_what_is_not_known_is_not_refused(tmp_path: Path, opa: Path) -> None:
    assert refused(tmp_path, LocalOpa(opa), texts(NOT_KNOWN)) == {}


def compiled(folder: Path, engine: LocalOpa, rules: dict[str, str]) -> dict[str, str]:
    """Those that OPA compiles; it reports errors stage by stage."""
    write_policy(folder, rules)
    while True:
        files = [str(folder / name / f"{name}.rego") for name in rules]
        with engine.run("check", "--format", "json", "--max-errors", "1000", *files) as run:
            result = run.finish()
        if result.code == 0:
            return rules
        errors = json.loads(result.stderr)["errors"]
        broken = {Path(error["location"]["file"]).stem for error in errors}
        rules = {name: text for name, text in rules.items() if name not in broken}


def test_what_never_holds_denies_nothing_in_opa(
    tmp_path: Path, opa: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rule that is refused since it never denies, past that check and on many documents."""
    engine, rules = LocalOpa(opa), texts(ODD)
    found = refused(tmp_path / "all", engine, rules)
    never = {name: rules[name] for name, problems in found.items() if all(map(NEVER.search, problems))}
    rules = compiled(tmp_path / "never", engine, never)

    def unchecked(name: str, tree: Any, settings: Settings) -> Followed:
        return replace(follow(name, tree, settings), problems=())

    monkeypatch.setattr("pushpolicy.evaluate.indexing.follow", unchecked)
    policy = load_policy([write_policy(tmp_path / "unchecked", rules)], engine)
    denied = {
        ODD[int(found["rule"][1:])].body
        for answer in decide(policy, engine, DOCUMENTS)
        for found in answer["violations"]
        if found["msg"] == "no"
    }
    assert len(rules) > 250
    assert denied == set()

"""Rules that are put together at random: none that can deny is refused as one that never holds."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.engines import LocalOpa
from pushpolicy.evaluate import load_policy
from pushpolicy.evaluate.examples import decide
from pushpolicy.evaluate.follow import Followed, Settings, follow
from tests.integration.test_odd_rules import DOCUMENTS, refused, texts
from tests.policies import write_policy
from tests.small_rules import of_build

TOTALS = [f"input.tests.totals.{each}" for each in ("failed", "total", "passed", "skipped")]
NUMBERS = [*TOTALS, "count(input.target.tags)", "input.tests.coverage.percent", "count(input.ci.branch)"]
CONSTANTS = ["0", "1", "2", "3", "5", "40", "100", "-1", "0.5"]
MADE = ["sum([{0}, {1}])", "max([{0}, {1}])", "min([{0}, {1}])", "abs({0})", "bits.and(floor(abs({0})), 7)"]
TEXTS = ["input.ci.branch", "input.target.repository", "input.target.registry", "input.image.digest"]
WRITTEN = ['sprintf("%s-%d", [{0}, {1}])', 'concat("/", [{0}, "x"])', "lower({0})", "hex.encode({0})", "{0}"]
ASKED = ['startswith({0}, "{1}")', 'endswith({0}, "{1}")', 'regex.match("^{1}|{1}$", {0})', '{0} != "{1}"']


def number(chance: random.Random, depth: int = 0) -> str:
    kind = chance.random()
    if kind < 0.5 or depth > 2:
        return chance.choice(NUMBERS)
    if kind < 0.65:
        return chance.choice(CONSTANTS)
    left, right = number(chance, depth + 1), number(chance, depth + 1)
    return chance.choice(
        [f"({left} {chance.choice('+-*')} {right})", chance.choice(MADE).format(left, right)]
    )


def condition(chance: random.Random) -> str:
    if chance.random() < 0.3:
        written = chance.choice(WRITTEN).format(chance.choice(TEXTS), chance.choice(TOTALS))
        return chance.choice(ASKED).format(written, chance.choice(["m", "a", "0", "/", "r", "s"]))
    compared = f"{number(chance)} {chance.choice(['<', '<=', '>', '>=', '=='])} {number(chance)}"
    return chance.choice(["", "", "not "]) + compared


def test_none_that_denies_is_refused_as_one_that_never_holds(
    tmp_path: Path, opa: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, engine = random.Random(20), LocalOpa(opa)
    bodies = {"; ".join(condition(chance) for _ in range(chance.choice([1, 2, 2, 3]))) for _ in range(300)}
    cases = [of_build(body) for body in sorted(bodies) if "input" in body]
    rules = texts(cases)
    found = refused(tmp_path / "all", engine, rules)
    # A literal that is never there is an error under `!=`, too, where it holds always.
    never = {name: rules[name] for name, said in found.items() if all("never holds" in each for each in said)}
    assert len(never) > 20
    assert len(rules) - len(found) > 100

    def unchecked(name: str, tree: Any, settings: Settings) -> Followed:
        return replace(follow(name, tree, settings), problems=())

    monkeypatch.setattr("pushpolicy.evaluate.indexing.follow", unchecked)
    policy = load_policy([write_policy(tmp_path / "unchecked", never)], engine)
    denied = {
        cases[int(violation["rule"][1:])].body
        for answer in decide(policy, engine, DOCUMENTS)
        for violation in answer["violations"]
        if violation["msg"] == "no"
    }
    assert denied == set()

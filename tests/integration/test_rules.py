"""The shipped rules by their examples, decided by the real system, and what must hold for all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pushpolicy.engines import LocalOpa, find_engine
from pushpolicy.evaluate import PolicySet, evaluate, examples, load_policy
from pushpolicy.evaluate.authoring.deletions import delete_leaves, without
from pushpolicy.evaluate.examples import Example
from pushpolicy.evaluate.json_schema import MismatchError, compile_schema
from pushpolicy.evaluate.settings import setting_problem
from pushpolicy.model.decision import Verdict
from pushpolicy.model.document import Document
from pushpolicy.model.index import COLLECTIONS
from tests.deletions import Place, children, leaves

POLICIES = Path(__file__).parents[2] / "policies"
RULES = sorted(folder.name for folder in (POLICIES / "rules").iterdir())
BASE = json.loads((POLICIES / "schema" / "evidence.v1.example.json").read_bytes())
CHECK = compile_schema(json.loads((POLICIES / "schema" / "evidence.v1.json").read_bytes()))


EXAMPLES = [example for rule in RULES for example in examples.read(POLICIES / "rules" / rule, rule)]
DENIED = {rule: [one for one in EXAMPLES if one.rule == rule and one.expect == "violated"] for rule in RULES}


# Those that judge nothing until a setting says what.
UNSET = {
    "builder_allowed",
    "licences_allowed",
    "new_findings",
    "packages_forbidden",
    "parts_trusted",
    "platforms_complete",
    "promotion",
    "registries_allowed",
}


@pytest.fixture(scope="module")
def engine(opa: Path) -> LocalOpa:
    return find_engine(str(opa))


@pytest.fixture(scope="module")
def policy(engine: LocalOpa) -> PolicySet:
    return load_policy(["pack:strict"], engine)


@pytest.fixture(scope="module")
def decisions(policy: PolicySet, engine: LocalOpa) -> dict[str, dict[str, Any]]:
    """The decision on each example."""
    answers = decide(policy, engine, [(example, example.evidence) for example in EXAMPLES])
    return dict(zip(map(name_of, EXAMPLES), answers, strict=True))


def name_of(example: Example) -> str:
    return f"{example.rule}: {example.name}"


def decide(
    policy: PolicySet, engine: LocalOpa, cases: Sequence[tuple[Example, Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """What the system decides on documents, each under its example's settings; many in one process."""
    given = [(evidence, {example.rule: example.settings}) for example, evidence in cases]
    return examples.decide(policy, engine, given)


def allowed(
    policy: PolicySet, engine: LocalOpa, lost: Sequence[tuple[Example, Place]]
) -> list[tuple[str, Place]]:
    """Which of the examples are allowed when what is at the place gets lost."""
    left = list[tuple[Example, Place]]()
    for rule in dict.fromkeys(one.rule for one, _ in lost):
        # The rule alone denies nearly always, and is quickly asked.
        own = [each for each in lost if each[0].rule == rule]
        left += _allowed(load_policy([f"pack:{rule}"], engine), engine, own)
    return [(one.name, place) for one, place in _allowed(policy, engine, left)]


def _allowed(
    policy: PolicySet, engine: LocalOpa, lost: Sequence[tuple[Example, Place]]
) -> list[tuple[Example, Place]]:
    answers = decide(policy, engine, [(one, without(one.evidence, place)) for one, place in lost])
    return [each for each, answer in zip(lost, answers, strict=True) if not answer["violations"]]


def fits(evidence: Mapping[str, Any]) -> bool:
    """Whether the schema takes it; what it refuses is never evaluated."""
    try:
        CHECK(evidence)
    except MismatchError:
        return False
    return True


def elements(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where the objects in lists are: a report, a scan, a finding."""
    for key, child in children(value):
        if isinstance(value, list) and isinstance(child, dict):
            yield (*place, key)
        yield from elements(child, (*place, key))


def with_value(value: Any, place: Place, new: Any) -> Any:
    """A copy with another value at the place."""
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = with_value(value[place[0]], place[1:], new)
    return copy


def test_the_example_document_fits_the_schema_and_is_allowed(policy: PolicySet, engine: LocalOpa) -> None:
    decision = evaluate(policy, Document.of(BASE), engine)
    assert decision.verdict is Verdict.ALLOW
    assert {result.name for result in decision.rules} == set(RULES)
    unset = {result.name for result in decision.rules if result.status.value == "not_applicable"}
    assert unset == UNSET
    assert {result.status.value for result in decision.rules} == {"passed", "not_applicable"}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_shows_what_passes_and_what_does_not(rule: str) -> None:
    expected = {example.expect for example in EXAMPLES if example.rule == rule}
    assert expected >= {"passed", "violated"}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_of_a_collection_and_serves_a_control(rule: str, policy: PolicySet) -> None:
    entry = policy.index.rules[rule]
    assert entry.collections == COLLECTIONS[COLLECTIONS.index(entry.collections[0]) :]
    assert entry.controls


@pytest.mark.parametrize("rule", RULES)
def test_each_optional_path_is_absent_from_an_example(rule: str, policy: PolicySet) -> None:
    optional = policy.index.rules[rule].optional
    own = [one for one in EXAMPLES if one.rule == rule]
    assert list(examples.unshown(POLICIES / "rules" / rule, own, optional)) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_examples_are_made_of_what_exists(example: Example, policy: PolicySet) -> None:
    CHECK(example.evidence)
    declared = policy.index.rules[example.rule].settings
    assert example.settings.keys() <= declared.keys()
    assert [setting_problem(declared[key], value) for key, value in example.settings.items()] == [None] * len(
        example.settings
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_example(example: Example, decisions: Mapping[str, Mapping[str, Any]]) -> None:
    decision = decisions[name_of(example)]
    [status] = [result["status"] for result in decision["rules"] if result["name"] == example.rule]
    assert status == example.expect
    kind = {"violated": "violations", "warned": "warnings"}.get(example.expect)
    found = [finding for finding in decision[kind] if finding["rule"] == example.rule] if kind else []
    assert {finding["id"] for finding in found} == (example.at or set())
    assert decision["allow"] is (not decision["violations"])
    for finding in found:
        assert "<undefined>" not in finding["id"] + finding["msg"]
        assert len(finding["msg"].splitlines()) == 1


BY_DEFAULT = {one.rule: one for one in reversed(EXAMPLES) if one.expect == "violated" and not one.settings}


def test_rules_deny_by_default_but_those_that_are_told_what_to_judge() -> None:
    assert set(RULES) - BY_DEFAULT.keys() == UNSET | {"push_window"}


@pytest.mark.parametrize("rule", BY_DEFAULT)
def test_the_same_is_decided_alone(rule: str, policy: PolicySet, engine: LocalOpa) -> None:
    example = BY_DEFAULT[rule]
    decision = evaluate(policy, Document.of(example.evidence), engine)
    assert decision.verdict is Verdict.DENY
    assert {found.id for found in decision.violations if found.rule == rule} == (example.at or set())


def test_deleting_a_leaf_never_turns_deny_into_allow(policy: PolicySet, engine: LocalOpa) -> None:
    """Design section 10. Not even one whose absence the schema or METADATA says the meaning of."""
    deleted = delete_leaves(policy, engine, EXAMPLES)
    assert deleted.count > 100 * len(RULES)
    assert deleted.allowed == ()


def test_losing_an_item_without_a_name_never_turns_deny_into_allow(
    policy: PolicySet, engine: LocalOpa
) -> None:
    """A text or number in a list of evidence; those of image and target are no evidence that may get lost."""
    lost = [
        (one, place)
        for denied in DENIED.values()
        for one in denied
        for place in leaves(one.evidence)
        if isinstance(place[-1], int) and place[0] not in ("image", "target")
    ]
    assert lost
    assert allowed(policy, engine, lost) == []


def test_a_rule_denies_without_a_leaf_that_it_requires(policy: PolicySet, engine: LocalOpa) -> None:
    """Whatever it decided before, once the kind is collected."""
    lost = [
        (
            one,
            leaf,
            with_value(one.evidence, (*leaf.steps[0],), []) if leaf.filled else without(one.evidence, place),
        )
        for one in EXAMPLES
        for leaf in policy.index.rules[one.rule].leaves
        for place in leaf_places(one.evidence, leaf.steps)
    ]
    assert {leaf.path for _, leaf, _ in lost} >= {"ci.event_raw", "tests.reports"}
    answers = decide(policy, engine, [(one, evidence) for one, _, evidence in lost])
    for (one, leaf, _), answer in zip(lost, answers, strict=True):
        denied = {(found["rule"], found["id"]) for found in answer["violations"]}
        assert (one.rule, f"evidence:{leaf.path}") in denied
        assert answer["allow"] is False


def leaf_places(evidence: Mapping[str, Any], steps: Sequence[Sequence[str]]) -> list[Place]:
    """Where a leaf is, if its kind is collected; the shipped rules have none inside of lists."""
    [[kind, *rest]] = steps
    if evidence[kind].get("status", "collected") != "collected" or rest[-1] not in evidence[kind]:
        return []
    return [(kind, *rest)]


@pytest.mark.parametrize("rule", RULES)
def test_losing_a_report_or_finding_never_turns_deny_into_allow(
    rule: str, policy: PolicySet, engine: LocalOpa
) -> None:
    """Everything in a list may get lost but the platforms: they are the image, which is not evidence."""
    lost = [
        (one, place)
        for one in DENIED[rule]
        for place in elements(one.evidence)
        if place[0] in ("tests", "scans") and place[:2] != ("tests", "failures")
    ]
    assert lost
    assert allowed(policy, engine, lost) == []


def test_the_schema_refuses_every_value_of_another_type() -> None:
    """So that a rule never compares a text with a number, or takes "false" for a boolean."""
    places: dict[Place, tuple[Mapping[str, Any], Place]] = {}
    for example in EXAMPLES:
        for place in leaves(example.evidence):
            general = tuple("*" if isinstance(key, int) else key for key in place)
            places.setdefault(general, (example.evidence, place))
    taken = [
        (place, value)
        for evidence, place in places.values()
        for value in (None, True, 7, "text", ["text"], {"key": "text"})
        # What a user adds under a name of extra is of no schema.
        if place[0] != "extra"
        and not _same_type(value, _at(evidence, place))
        and fits(with_value(evidence, place, value))
    ]
    assert len(places) > 150
    assert taken == []


def _at(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key]
    return value


def _same_type(value: Any, other: Any) -> bool:
    numbers = isinstance(value, int) and not isinstance(value, bool) and isinstance(other, int | float)
    return type(value) is type(other) or (numbers and not isinstance(other, bool))

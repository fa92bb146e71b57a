from __future__ import annotations

import copy
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.errors import EngineError
from pushpolicy.evaluate.answer import read_answer
from pushpolicy.evaluate.data import PolicyData
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.evaluate.told import MISSHAPEN, read_told
from pushpolicy.model.decision import EngineIdentity, Verdict
from pushpolicy.model.digest import Digest
from pushpolicy.model.index import Index
from tests.policies import ROOT, evidence, rule_entry

ENGINE = EngineIdentity(name="opa", version="1.22.2", digest=Digest.of(b"opa"))
WAIVER = {"rule": "r", "id": "x"}
ALLOW: dict[str, Any] = {
    "allow": True,
    "observed": False,
    "rules": [{"name": "r", "status": "passed"}],
    "violations": [],
    "warnings": [],
    "waived": [],
    "waivers": [{"waiver": 0, "state": "unused"}],
    "rollouts": [],
    "denials": {"r": []},
}
FINDING = {"rule": "r", "id": "x", "msg": "bad", "at": {"id": "x"}}
DENY = {**ALLOW, "allow": False, "rules": [{"name": "r", "status": "violated"}], "violations": [FINDING]}


LIMITED = {"max_days": 90, "waivers": [WAIVER]}


def policy(waivers: dict[str, Any] = LIMITED) -> PolicySet:
    index = Index(rules={"r": rule_entry()}, lib={})
    data = PolicyData(settings={}, waivers=waivers, enforcement={}, origins={}, warnings=())
    files = {"capabilities.json": b"{}", "schema/evidence.v1.json": b"{}"}
    files |= {"index/data.json": index.data(), "index/index.rego": index.module(), **data.files()}
    return PolicySet.of(files, "test")


def test_allow_and_deny() -> None:
    allow = read_answer(ALLOW, policy(), evidence(), ENGINE)
    assert allow.verdict is Verdict.ALLOW
    assert allow.waivers[0].waiver == WAIVER
    deny = read_answer(DENY, policy(), evidence(), ENGINE)
    assert deny.verdict is Verdict.DENY
    assert (deny.violations[0].severity, deny.violations[0].fix) == ("high", "Fix it.")
    assert deny.rules[0].title == "A rule"


UNJUDGED = {"name": "r", "status": "not_applicable", "reason": "the setting names none"}


def test_what_no_rule_judged_is_denied_with_the_reason() -> None:
    decision = read_answer({**ALLOW, "allow": False, "rules": [UNJUDGED]}, policy(), evidence(), ENGINE)
    assert decision.verdict is Verdict.DENY
    assert [found.id for found in decision.violations] == ["not_applicable"]
    assert "does not apply: the setting names none" in decision.violations[0].msg
    # What is switched off, the organisation decided.
    off = {**UNJUDGED, "because": "off"}
    assert read_answer({**ALLOW, "rules": [off]}, policy(), evidence(), ENGINE).verdict is Verdict.ALLOW


def test_an_allow_of_rules_that_do_not_apply_is_refused() -> None:
    with pytest.raises(EngineError, match="allow is True with 1 violations"):
        read_answer({**ALLOW, "rules": [UNJUDGED]}, policy(), evidence(), ENGINE)


@pytest.mark.parametrize("answer", [None, True, [], "ALLOW", {}, {"allow": True}, [ALLOW]])
def test_another_kind_of_answer(answer: object) -> None:
    with pytest.raises(EngineError, match="out of contract"):
        read_answer(answer, policy(), evidence(), ENGINE)


@pytest.mark.parametrize(
    "change",
    [
        {"allow": 1},
        {"allow": "true"},
        {"allow": None},
        {"allow": False},
        {"observed": None},
        {"extra": True},
        {"rules": []},
        {"rules": {}},
        {"rules": [{"name": "r", "status": "passed"}] * 2},
        {"rules": [{"name": "other", "status": "passed"}]},
        {"rules": [{"name": "r", "status": "ok"}]},
        {"rules": [{"name": "r"}]},
        {"rules": [{"name": "r", "status": "passed", "because": "I say so"}]},
        {"rules": [{"name": "r", "status": "violated"}]},
        {"rules": [{"name": "r", "status": "passed", "more": "x"}]},
        {"violations": [FINDING]},
        {"violations": None},
        {"warnings": [{**FINDING, "at": "x"}]},
        {"warnings": [{**FINDING, "msg": 1}]},
        {"warnings": [{**FINDING, "rule": "other"}]},
        {"warnings": [{**FINDING, "severity": "low"}]},
        {"warnings": [{**FINDING, "waiver": 0}]},
        {"waived": [FINDING]},
        {"waived": [{**FINDING, "waiver": 1}]},
        {"waived": [{**FINDING, "waiver": True}]},
        {"waivers": []},
        {"waivers": [{"waiver": 0, "state": "fine"}]},
        {"waivers": [{"waiver": 1, "state": "used"}]},
        {"waivers": [WAIVER]},
        {"rollouts": [{"measure": "warn", "state": "active", "rule": "r"}]},
        {"rollouts": [{"measure": "grace", "state": "active", "rule": "r"}]},
        {"rollouts": [{"measure": "observe", "state": "active"}]},
    ],
)
def test_an_allow_with_anything_else_than_expected(change: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="out of contract"):
        read_answer({**ALLOW, **change}, policy(), evidence(), ENGINE)


@pytest.mark.parametrize("key", sorted(ALLOW))
def test_an_absent_key(key: str) -> None:
    answer = copy.deepcopy(ALLOW)
    del answer[key]
    with pytest.raises(EngineError, match=key):
        read_answer(answer, policy(), evidence(), ENGINE)


def test_a_denial_that_claims_to_allow() -> None:
    with pytest.raises(EngineError, match="allow is True with 1 violations"):
        read_answer({**DENY, "allow": True}, policy(), evidence(), ENGINE)


def _status(status: str, because: str | None = None) -> list[dict[str, str]]:
    return [{"name": "r", "status": status} | ({"because": because} if because else {})]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rules": _status("warned")}, "a rule warned or is waived, and has no such finding"),
        ({"rules": _status("waived")}, "a rule warned or is waived, and has no such finding"),
        ({"warnings": [FINDING]}, "a rule that passed or is not applicable has findings"),
        (
            {"rules": _status("not_applicable"), "warnings": [FINDING]},
            "a rule that passed or is not applicable has findings",
        ),
        (
            {"rules": _status("warned", "observe"), "warnings": [FINDING]},
            "a rule only warned because of observe mode, and observed is false",
        ),
        ({"denials": {"r": [{"at": {"id": "x"}, "msg": "no"}]}}, "ALLOW does not follow from the denials"),
        ({"denials": {}}, "ALLOW does not follow from the denials"),
    ],
)
def test_an_allow_that_contradicts_itself_is_refused_with_the_reason(
    change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(EngineError, match=reason):
        read_answer({**ALLOW, **change}, policy(), evidence(), ENGINE)


DENIAL = {"at": {"id": "x", "file": "a"}, "msg": "bad"}
NAMED = {"rule": "r", "id": "x", "waiver": 0, "denial": 0}
LONG: dict[str, Any] = {"max_days": 90, "waivers": [{**WAIVER, "expires": "2026-03-22T00:00:00Z"}]}
WAIVED: dict[str, Any] = {
    **ALLOW,
    "rules": [{"name": "r", "status": "waived"}],
    "waived": [NAMED],
    "waivers": [{"waiver": 0, "state": "used"}],
    "denials": {"r": [DENIAL]},
}


def test_a_waived_denial_is_told_by_its_place() -> None:
    decision = read_answer(WAIVED, policy(LONG), evidence(), ENGINE)
    (found,) = decision.waived
    assert (found.rule, found.id, found.msg, found.at) == ("r", "x", "bad", DENIAL["at"])
    assert found.waiver == LONG["waivers"][0]


def test_a_waived_denial_of_another_shape_is_told_as_it_was_given() -> None:
    # It has no name but its digest, by which a waiver may name it.
    name = "sha256:0"
    said = {**WAIVED, "waived": [{**NAMED, "id": name}], "denials": {"r": ["x"]}}
    with pytest.raises(EngineError, match="1 findings stand"):
        read_answer(said, policy(LONG), evidence(), ENGINE)
    (found,) = read_told(said).waived
    assert (found.id, found.at, found.msg) == (name, {"given": "x"}, MISSHAPEN)
    rego = ROOT / "policies" / "system" / "main" / "findings" / "findings.rego"
    assert f'"msg": "{MISSHAPEN}"' in rego.read_text()


ABSENT = {"rule": "r", "id": "evidence:ci", "waiver": 0, "msg": "x", "at": {}, "evidence": "ci"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"waived": [{**NAMED, "denial": 1}]}, "is no denial of it"),
        ({"waived": [{**NAMED, "denial": -1}]}, "ALLOW does not follow|is no denial of it"),
        ({"waived": [{**NAMED, "denial": 0.5}]}, "Expected `int`"),
        ({"waived": [{**NAMED, "denial": True}]}, "Expected `int`"),
        ({"waived": [{**NAMED, "denial": None}]}, "Expected `int`"),
        ({"waived": [{**NAMED, "denial": "0"}]}, "Expected `int`"),
        ({"waived": [{**NAMED, "rule": "other"}]}, "of which 0 are waived"),
        ({"waived": [NAMED, NAMED]}, "a denial is waived twice"),
        (
            {"waived": [NAMED, {**NAMED, "denial": 1}], "denials": {"r": [DENIAL] * 3}},
            "of which 2 are waived",
        ),
        ({"waived": []}, "of which 0 are waived"),
        ({"waived": [ABSENT]}, "of which 0 are waived"),
        ({"waived": [NAMED, {**FINDING, "waiver": 0}]}, "does not say which it is"),
        ({"waived": [{**FINDING, "waiver": 0}]}, "of which 0 are waived"),
        ({"waived": [{**NAMED, "msg": "harmless"}]}, "is no denial of it"),
        ({"waived": [{**NAMED, "at": {}}]}, "is no denial of it"),
        ({"waived": [{**NAMED, "evidence": "ci"}]}, "is no denial of it"),
        ({"waived": [NAMED, {**ABSENT, "msg": 1}]}, "Expected `str`"),
        ({"waived": [NAMED, {"rule": "r", "id": "y", "waiver": 0}]}, "does not say which it is"),
        ({"waived": [{**NAMED, "place": 0}]}, "unknown field"),
        ({"rules": _status("passed")}, "a rule that passed or is not applicable has findings"),
        ({"denials": {"r": []}}, "ALLOW does not follow|is no denial of it"),
        ({"denials": {"r": {"0": DENIAL}}}, "Expected `array`"),
    ],
)
def test_a_place_that_is_no_denial_is_refused_with_the_reason(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(EngineError, match=f"out of contract: .*({reason})"):
        read_answer({**WAIVED, **change}, policy(LONG), evidence(), ENGINE)


def test_a_place_without_the_denials_is_refused() -> None:
    said = {**DENY, "waived": [NAMED]}
    del said["denials"]
    with pytest.raises(EngineError, match="is no denial of it"):
        read_answer(said, policy(LONG), evidence(), ENGINE)


def test_an_earlier_system_part_tells_each_finding_whole() -> None:
    earlier = replace(policy(LONG), is_current=False)
    whole = {**WAIVED, "waived": [{"rule": "r", "id": "x", "waiver": 0, **DENIAL}]}
    decision = read_answer(whole, earlier, evidence(), ENGINE)
    assert decision == read_answer(WAIVED, policy(LONG), evidence(), ENGINE)
    with pytest.raises(EngineError, match="out of contract"):
        read_answer(WAIVED, earlier, evidence(), ENGINE)

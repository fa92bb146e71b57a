from __future__ import annotations

import copy
from typing import Any

import pytest

from pushpolicy.errors import EngineError
from pushpolicy.evaluate.answer import read_answer
from pushpolicy.evaluate.data import PolicyData
from pushpolicy.evaluate.policyset import PolicySet
from pushpolicy.model.decision import EngineIdentity, Verdict
from pushpolicy.model.digest import Digest
from pushpolicy.model.index import Index
from tests.policies import evidence, rule_entry

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


def policy() -> PolicySet:
    index = Index(rules={"r": rule_entry()}, lib={})
    waivers = {"max_days": 90, "waivers": [WAIVER]}
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

"""A recorded decision is read back exactly, or not at all."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpolicy.model.decision import Decision, RuleResult, RuleStatus, Violation, WaiverUse
from pushpolicy.model.document import Document
from pushpolicy.model.reference import Target
from pushpolicy.records.decision import read_decision
from tests.judged import judge, make_image

TARGET = Target.parse("registry.example.com/team/app:1.0")
IMAGE = make_image()
VIOLATION = Violation(
    rule="one",
    id="CVE-1",
    msg="found",
    at={"id": "CVE-1", "n": [1, 2.5, {"deep": True}]},
    severity="high",
    fix="upgrade",
    evidence="scans",
    waiver={"rule": "one", "reason": "accepted", "expires": "2027-01-01T00:00:00Z"},
)
FULL = judge(
    IMAGE,
    TARGET.with_tags(("latest",)),
    warnings=(VIOLATION,),
    waived=(VIOLATION,),
    waivers=(WaiverUse(waiver={"rule": "one"}, state="used"),),
    observed=True,
).decision


def test_every_field_comes_back() -> None:
    assert read_decision(FULL.document()) == FULL


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
rules = st.builds(
    RuleResult,
    name=texts,
    title=texts,
    status=st.sampled_from(RuleStatus),
    because=st.none() | texts,
    reason=st.none() | texts,
)
violations = st.builds(
    Violation,
    rule=texts,
    id=texts,
    msg=texts,
    at=st.dictionaries(texts, st.booleans() | texts | st.integers(-(2**53) + 1, 2**53 - 1), max_size=3),
    severity=texts,
    fix=texts,
    evidence=st.none() | texts,
)


@given(rules=st.lists(rules, max_size=3), found=st.lists(violations, max_size=3))
def test_reading_undoes_writing(rules: list[RuleResult], found: list[Violation]) -> None:
    decision = judge(IMAGE, TARGET, rules=tuple(rules), violations=tuple(found)).decision
    read = read_decision(Document.read(decision.document().content))
    assert read == decision
    assert read.document() == decision.document()


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    *folders, last = path.split(".")

    def change(document: dict[str, Any]) -> None:
        for name in folders:
            document = document[int(name)] if isinstance(document, list) else document[name]
        document[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("schema", "pushpolicy.decision/v2"), "schema is not"),
        (lambda document: document.pop("schema"), "schema is not"),
        (lambda document: document.pop("evidence"), "decision.evidence is absent"),
        (lambda document: document["policy"].pop("anchored"), "decision.policy.anchored is absent"),
        (_set("allow", True), "unknown field 'allow'"),
        (_set("verdict", "allow"), r"^decision.verdict: 'allow' is not a valid"),
        (_set("verdict", True), "decision.verdict is not of type str"),
        (_set("policy.anchored", 1), "decision.policy.anchored is not of type bool"),
        (_set("policy.digest", "sha256:12"), "^decision.policy.digest: "),
        (_set("policy", []), "decision.policy is not an object"),
        (_set("image.tags", "1.0"), "decision.image.tags is not a list"),
        (_set("image.tags", [1]), r"decision.image.tags\[0\] is not of type str"),
        (_set("warnings.0.at", "here"), r"decision.warnings\[0\].at is not of type dict"),
        (_set("warnings.0.evidence", None), r"decision.warnings\[0\].evidence is not of type str"),
        (_set("rules.0.status", "ok"), r"^decision.rules\[0\].status: "),
    ],
)
def test_anything_else_is_refused(change: Callable[[dict[str, Any]], None], message: str) -> None:
    value = copy.deepcopy(dict(FULL.document().value))
    change(value)
    with pytest.raises(ValueError, match=message):
        read_decision(Document.of(value))


def test_the_type_is_complete() -> None:
    assert isinstance(read_decision(FULL.document()), Decision)

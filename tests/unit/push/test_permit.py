"""The permit: who gets one, and what it is good for."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.errors import PushError
from pushpolicy.model.decision import Verdict, Violation
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Target
from pushpolicy.push import Permit, Terms, issue
from tests.judged import Judged, judge, make_image

TARGET = Target.parse("registry.example.com/team/app:1.0")
IMAGE = make_image()
ALLOWED = judge(IMAGE, TARGET)


def _issue(judged: Judged = ALLOWED, **changes: Any) -> Permit:
    given: dict[str, Any] = {
        "decision_document": judged.decision.document(),
        "evidence": judged.evidence,
        "image": judged.image,
        "target": judged.target,
    }
    return issue(judged.decision, **(given | changes))


def _terms(judged: Judged = ALLOWED) -> Terms:
    return Terms.of(judged.decision, judged.evidence, judged.image, judged.target)


def test_a_permit_is_good_for_one_push() -> None:
    permit = _issue()
    assert not permit.redeemed
    permit.redeem(_terms())
    assert permit.redeemed
    with pytest.raises(PushError, match="used already"):
        permit.redeem(_terms())


def test_of_many_threads_one_redeems() -> None:
    permit = _issue()

    def redeem(_: int) -> bool:
        try:
            permit.redeem(_terms())
        except PushError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(redeem, range(64))) == 1


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (300, True), (301, False)])
def test_a_permit_expires(seconds: float, good: bool) -> None:
    now = [1000.0]
    permit = _issue(clock=lambda: now[0])
    now[0] += seconds
    if good:
        permit.redeem(_terms())
        return
    with pytest.raises(PushError, match="expired"):
        permit.redeem(_terms())


VIOLATION = Violation(rule="one", id="x", msg="m", at={}, severity="high", fix="f")


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": Verdict.DENY},
        {"verdict": Verdict.DENY, "violations": (VIOLATION,)},
        {"violations": (VIOLATION,)},
        {"rules": ()},
    ],
    ids=["deny", "deny with a violation", "allow with a violation", "allow without a rule"],
)
def test_only_a_clean_allow_makes_one(changes: dict[str, Any]) -> None:
    with pytest.raises(PushError, match="no permit without ALLOW"):
        _issue(judge(IMAGE, TARGET, **changes))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"image": make_image("other")}, "image"),
        ({"target": TARGET.with_tags(("latest",))}, "set of tags"),
        ({"target": Target.parse("registry.example.com/team/app:2.0")}, "set of tags"),
        ({"target": Target.parse("registry.example.com/team/other:1.0")}, "repository"),
        ({"target": Target.parse("other.example.com/team/app:1.0")}, "repository"),
        ({"evidence": judge(IMAGE, TARGET, at="2026-11-02T10:00:01Z").evidence}, "evidence"),
        ({"decision_document": judge(IMAGE, TARGET, observed=True).decision.document()}, "decision document"),
    ],
)
def test_a_decision_is_about_what_was_decided(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(PushError, match=f"about another.* {named}"):
        _issue(**changes)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (lambda: judge(make_image("other"), TARGET), "manifests, blobs, evidence, decision"),
        (lambda: judge(IMAGE, TARGET.with_tags(("latest",))), "target, evidence, decision"),
        (lambda: judge(IMAGE, TARGET, {"1.0": Digest.of(b"old")}), "previous, evidence, decision"),
        (lambda: judge(IMAGE, TARGET, observed=True), "decision"),
        (
            lambda: judge(IMAGE, TARGET, policy=replace(ALLOWED.decision.policy, digest=Digest.of(b"p"))),
            "decision, policy",
        ),
        (
            lambda: judge(IMAGE, TARGET, engine=replace(ALLOWED.decision.engine, digest=Digest.of(b"e"))),
            "decision, engine",
        ),
        (lambda: replace(ALLOWED, image=replace(IMAGE, blobs=IMAGE.blobs[1:])), "blobs"),
    ],
)
def test_a_permit_is_bound_to_its_terms(other: Callable[[], Judged], named: str) -> None:
    permit = _issue()
    with pytest.raises(PushError, match=f"for another {named}$") as refused:
        permit.redeem(_terms(other()))
    assert refused.value.exit_code == 40
    with pytest.raises(PushError, match="used already"):
        permit.redeem(_terms())


def test_nobody_else_makes_or_copies_one() -> None:
    with pytest.raises(TypeError, match="issue only"):
        Permit(object(), _terms(), 1e12, lambda: 0.0)
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be copied"):
            duplicate(_issue())

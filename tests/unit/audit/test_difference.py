"""What differs between two decisions, told finding by finding."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from pushpolicy.audit.difference import Difference, FindingChange, RuleChange, difference
from pushpolicy.model.decision import RuleResult, RuleStatus, Verdict, Violation
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Target
from tests.judged import judge, make_image

BEFORE = judge(make_image(), Target.parse("registry.example.com/team/app:1.0")).decision
FOUND = Violation(rule="scan", id="CVE-1", msg="found", at={}, severity="high", fix="upgrade")


def _rule(name: str, status: RuleStatus) -> RuleResult:
    return RuleResult(name=name, title=name, status=status)


def test_who_decided_is_no_difference() -> None:
    after = replace(
        BEFORE,
        engine=replace(BEFORE.engine, version="1.99.0", digest=Digest.of(b"newer")),
        policy=replace(BEFORE.policy, source="elsewhere", anchored=False),
    )
    assert difference(BEFORE, after) is None


def test_rules_and_findings_are_named() -> None:
    before = replace(BEFORE, rules=(_rule("scan", RuleStatus.PASSED), _rule("old", RuleStatus.PASSED)))
    after = replace(
        BEFORE,
        verdict=Verdict.DENY,
        rules=(_rule("scan", RuleStatus.VIOLATED), _rule("new", RuleStatus.PASSED)),
        violations=(FOUND,),
    )
    assert difference(before, after) == Difference(
        before=Verdict.ALLOW,
        after=Verdict.DENY,
        rules=(
            RuleChange(rule="new", before=None, after=RuleStatus.PASSED),
            RuleChange(rule="old", before=RuleStatus.PASSED, after=None),
            RuleChange(rule="scan", before=RuleStatus.PASSED, after=RuleStatus.VIOLATED),
        ),
        findings=(FindingChange(rule="scan", id="CVE-1", msg="found", before=None, after="violation"),),
        fields=("verdict", "rules", "violations"),
    )


@pytest.mark.parametrize(
    ("before", "after", "stricter", "looser"),
    [
        ("warnings", "violations", True, False),
        ("violations", "warnings", False, True),
        ("violations", "waived", False, True),
        ("waived", "violations", True, False),
        ("waived", "warnings", False, False),
    ],
)
def test_a_finding_that_counts_otherwise(before: str, after: str, stricter: bool, looser: bool) -> None:
    was: dict[str, Any] = {before: (FOUND,)}
    now: dict[str, Any] = {after: (FOUND,)}
    found = difference(replace(BEFORE, **was), replace(BEFORE, **now))
    assert found
    (change,) = found.findings
    assert (change.stricter, change.looser) == (stricter, looser)


def test_a_difference_that_changes_no_finding_still_shows() -> None:
    found = difference(
        replace(BEFORE, warnings=(FOUND,)), replace(BEFORE, warnings=(replace(FOUND, fix="wait"),))
    )
    assert found
    assert (found.rules, found.findings, found.fields) == ((), (), ("warnings",))

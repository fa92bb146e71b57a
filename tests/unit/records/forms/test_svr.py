"""A Simple Verification Result names what passed, and no more."""

from __future__ import annotations

from tests.approvals import excused, predicate


def test_an_svr_names_the_rules_that_passed_and_no_others() -> None:
    found = predicate("svr", excused())
    assert found["properties"] == ["PUSHPOLICY_ALLOWED", "PUSHPOLICY_RULE_ONE"]
    assert found["verifier"]["policies"][0]["digest"] == {"sha256": excused().decision.policy.digest.hex}

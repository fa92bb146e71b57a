"""``--conftest`` on the command line: a push, its record, a replay and a what-if."""

from __future__ import annotations

from pathlib import Path

import pytest

from pushpolicy import errors
from tests.workspace import Workspace

DENIES = """package main

deny_tag[msg] {
	tag := input.target.tags[_]
	endswith(tag, data.unwanted.suffix)
	msg := sprintf("the tag %s is unwanted", [tag])
}

warn[{"msg": "be careful", "of": "all"}] { input.target }
"""
OLD = ("--rego-version", "v0")


@pytest.fixture
def beside(workspace: Workspace) -> Workspace:
    """Policies and data beside the checkout."""
    workspace.write("../conftest/policy/tags.rego", DENIES)
    workspace.write("../conftest/data.yaml", "unwanted: {suffix: '.9'}\n")
    return workspace


def options(policy: str = "../conftest/policy", data: str = "../conftest/data.yaml") -> tuple[str, ...]:
    return ("--conftest", policy, "--data", data, *OLD)


def test_a_push_is_denied_and_says_by_what(beside: Workspace) -> None:
    beside.write("../conftest/data.yaml", "unwanted: {suffix: '.0'}\n")
    ran = beside.push(*options())
    assert ran.code == errors.EXIT_DENIED
    assert "conftest_main  not met: conftest: ../conftest/policy namespace main  [high]" in ran.out
    assert "  - the tag 1.0.0 is unwanted\n      id=deny_tag: the tag 1.0.0 is unwanted" in ran.out
    assert not beside.published
    [command] = [line.split(": ", 1)[1] for line in ran.out.splitlines() if line.startswith("reproduce:")]
    again = beside.shell(command.strip())
    assert again.code == errors.EXIT_DENIED
    assert "the tag 1.0.0 is unwanted" in again.out


def test_what_is_allowed_is_recorded_replayed_and_tried_anew(beside: Workspace) -> None:
    ran = beside.push(*options(), "--format", "json")
    assert ran.code == errors.EXIT_OK, ran.err
    decision = ran.json
    assert [(item["rule"], item["msg"]) for item in decision["warnings"]] == [("conftest_main", "be careful")]
    assert decision["policy"]["source"] == "pack, conftest:../conftest/policy"
    assert decision["policy"]["anchored"] is False
    [rule] = [rule for rule in decision["rules"] if rule["name"] == "conftest_main"]
    assert (rule["status"], rule["origin"]) == ("warned", "local")
    # The record holds them: they may be gone by then.
    Path(beside.folder, "../conftest/policy/tags.rego").unlink()
    replayed = beside.run("audit", "replay", "oci:registry:1.0.0")
    assert replayed.code == errors.EXIT_OK, replayed.out + replayed.err
    assert "reproduced" in replayed.out
    beside.write("../conftest/policy/tags.rego", DENIES)
    beside.write("../conftest/data.yaml", "unwanted: {suffix: '.0'}\n")
    tried = beside.run("audit", "replay", "oci:registry:1.0.0", "--policy", "pack", *options())
    assert tried.code == errors.EXIT_DIFFERS
    assert "stricter" in tried.out
    assert "conftest_main" in tried.out


def test_a_folder_of_the_checkout_is_the_checkouts_and_only_adds(beside: Workspace) -> None:
    place = beside.committed("policy/main.rego", DENIES.replace("data.unwanted.suffix", '".9"'))
    ran = place.push("--conftest", "policy", *OLD, "--format", "json")
    assert ran.code == errors.EXIT_OK, ran.err
    [rule] = [rule for rule in ran.json["rules"] if rule["name"] == "conftest_main"]
    assert rule["origin"] == "checkout"
    assert ran.json["policy"]["anchored"] is True
    both = place.push("--conftest", "policy", *options())
    assert both.code == errors.EXIT_POLICY
    assert "main is in" in both.complaint()


def test_a_finding_is_waived_as_any_rules(beside: Workspace) -> None:
    beside.write("../conftest/data.yaml", "unwanted: {suffix: '.0'}\n")
    named = '{rule: conftest_main, id: "deny_tag: the tag 1.0.0 is unwanted"'
    end = "reason: x, approver: CISO, expires: 2026-12-24T00:00:00Z}"
    beside.write("../granted/waivers.yaml", f"waivers: [{named}, {end}]\n")
    kept = beside.push(*options())
    assert kept.code == errors.EXIT_DENIED
    ran = beside.push("--policy", "pack", "--policy", "../granted", *options())
    assert ran.code == errors.EXIT_OK, ran.out


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        (("--namespace", "main"), errors.EXIT_USAGE, "say how policies of conftest are read"),
        (("--rego-version", "v0"), errors.EXIT_USAGE, "say how policies of conftest are read"),
        (("--conftest", ""), errors.EXIT_USAGE, "--conftest is empty"),
        (("--conftest", "../nowhere"), errors.EXIT_POLICY, "nowhere"),
        ((*options(), "--namespace", "mian"), errors.EXIT_POLICY, "has the packages main"),
        (("--conftest", "../conftest/policy", *OLD), errors.EXIT_POLICY, "data.unwanted is undefined"),
    ],
    ids=["no folder", "no folder, a version", "an empty name", "absent", "a namespace", "no data"],
)
@pytest.mark.parametrize("command", ["push", "policy check"])
def test_what_is_wrong_is_said_before_anything_is_gathered(
    beside: Workspace, given: tuple[str, ...], code: int, says: str, command: str
) -> None:
    ran = beside.push(*given) if command == "push" else beside.run("policy", "check", *given)
    assert ran.code == code
    assert says in ran.complaint() + ran.hint()
    assert not beside.published


def test_a_rule_that_stands_for_them_is_not_explained(beside: Workspace) -> None:
    beside.run("gather", "oci:image", "oci:registry:1.0.0", "-o", "evidence.json")
    ran = beside.run("evaluate", "evidence.json", *options(), "--explain", "conftest_main")
    assert ran.code == errors.EXIT_USAGE
    assert "it stands for policies of conftest" in ran.complaint()
    assert beside.run("evaluate", "evidence.json", *options(), "--margins").code == errors.EXIT_OK


def test_two_sets_are_compared_without_them(beside: Workspace) -> None:
    ran = beside.run("policy", "diff", "pack", "pack:minimal", *options())
    assert ran.code == errors.EXIT_USAGE
    assert "--conftest" in ran.hint()


def test_what_writes_policies_looks_at_them_too(beside: Workspace) -> None:
    for command in ("check", "inspect", "test"):
        ran = beside.run("policy", command, "pack:minimal", *options())
        assert ran.code == errors.EXIT_OK, ran.out + ran.err
    shown = beside.run("policy", "inspect", "pack:minimal", *options()).out
    assert "conftest_main (local)  conftest: ../conftest/policy namespace main" in shown

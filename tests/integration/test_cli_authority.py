"""Who may loosen what, as the command line decides and tells it (design section 6)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from pushpolicy import errors
from tests.policies import write_policy
from tests.workspace import Ran, Workspace, fail_a_test


def configuration(**content: object) -> str:
    return json.dumps(content)


def waivers() -> str:
    """A configuration that waives the test that `fail_a_test` lets fail."""
    soon = (datetime.now(UTC) + timedelta(days=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    given = {"rule": "tests_passed", "id": "junit/failed", "reason": "x", "approver": "CISO", "expires": soon}
    return configuration(waivers=[given])


@pytest.fixture
def failing(workspace: Workspace) -> Workspace:
    """A configuration that is committed, and waives the test that failed."""
    place = workspace.committed("pushpolicy.yaml", waivers())
    fail_a_test(place)
    return place


def test_the_checkout_waives_nothing_of_its_own_accord(failing: Workspace) -> None:
    ran = failing.push()
    assert ran.code == errors.EXIT_DENIED
    assert "waiver refused: tests_passed junit/failed" in ran.out
    assert "(from checkout)" in ran.out
    assert "--repo-may tests_passed=waive" in ran.out
    assert not failing.published


@pytest.mark.parametrize("may", ["tests_passed=waive", "*=waive", "*=settings,waive"])
def test_what_the_pipeline_lets_it_waive_is_told_in_the_first_line(failing: Workspace, may: str) -> None:
    ran = failing.push("--repo-may", may)
    assert ran.code == errors.EXIT_OK, ran.out
    assert "loosened by the judged checkout (waiver of tests_passed junit/failed)" in ran.out.splitlines()[0]
    assert "(not anchored)" in ran.out
    decision = failing.push("--repo-may", may, "--format", "json").json
    assert decision["loosened"] == ["waiver of tests_passed junit/failed"]
    assert decision["policy"]["anchored"] is False


@pytest.mark.parametrize("how", ["untracked", "differs"])
def test_a_configuration_that_head_does_not_hold_loosens_nothing(workspace: Workspace, how: str) -> None:
    place, why = workspace, "git does not track pushpolicy.yaml"
    if how == "differs":
        place, why = workspace.committed("pushpolicy.yaml", "{}"), "pushpolicy.yaml is not as HEAD has it"
    fail_a_test(place)
    place.write("pushpolicy.yaml", waivers())
    ran = place.push("--repo-may", "*=settings,waive")
    assert ran.code == errors.EXIT_DENIED
    assert why in ran.out
    place.write("pushpolicy.yaml", configuration(settings={"scan_severity": {"max_critical": -1}}))
    ran = place.push("--repo-may", "*=settings,waive")
    assert ran.code == errors.EXIT_POLICY
    assert why in ran.err


def test_settings_of_the_checkout_are_refused_with_the_way_to_admit_them(workspace: Workspace) -> None:
    place = workspace.committed(
        "pushpolicy.yaml", configuration(settings={"scan_severity": {"max_critical": -1}})
    )
    ran = place.push()
    assert ran.code == errors.EXIT_POLICY
    assert "--repo-may scan_severity=settings" in ran.complaint()
    ran = place.push("--repo-may", "scan_severity=settings")
    assert ran.code == errors.EXIT_OK
    assert "setting: scan_severity.max_critical = -1 (from checkout)" in ran.out
    assert "loosened by the judged checkout (setting scan_severity.max_critical)" in ran.out.splitlines()[0]


def test_a_folder_outside_is_local_and_said_so(workspace: Workspace) -> None:
    folder = write_policy(workspace.folder.parent / "org", {}, settings="scan_severity: {max_high: 1}")
    ran = workspace.push("--policy", "pack", "--policy", folder)
    assert ran.code == errors.EXIT_OK
    assert "local: only its path is known of the folder with setting scan_severity.max_high" in ran.out
    assert "loosened" not in ran.out


@pytest.mark.parametrize("option", ["scan_severity", "=waive", "a=b", "a=settings,wave", "a="])
def test_repo_may_of_another_form_is_wrong_usage(workspace: Workspace, option: str) -> None:
    ran: Ran = workspace.push("--repo-may", option)
    assert ran.code == errors.EXIT_USAGE
    assert "--repo-may" in ran.complaint()


def test_trust_of_the_checkout_is_refused(workspace: Workspace) -> None:
    workspace.write("trust.yaml", "raw: digest")
    ran = workspace.push("--trust", "trust.yaml")
    assert ran.code == errors.EXIT_POLICY
    assert "cannot say who is trusted" in ran.complaint()
    (workspace.folder.parent / "trust.yaml").write_text("raw: digest")
    assert workspace.push("--trust", "../trust.yaml").code == errors.EXIT_OK

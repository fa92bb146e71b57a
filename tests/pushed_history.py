"""Some pushes, of which audit is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pushpolicy import errors
from tests.policies import rule, write_policy
from tests.workspace import Workspace, fail_a_test

WARNS = 'warn contains {"at": {"id": "always"}, "msg": "always"} if input.image.size > 0'
FINDING = "junit/failed"


def _until(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def push_history(workspace: Workspace) -> Workspace:
    """Of oci:app: allowed, by a waiver, by observe mode alone; of oci:other: a rule warned; and a denial."""
    folder = workspace.folder.parent
    waiver = (
        f'waivers: [{{rule: tests_passed, id: "{FINDING}", reason: flaky, approver: "=carol", '
        f'ticket: OPS-7, expires: "{_until(30)}"}}]\n'
    )
    waived = write_policy(folder / "waived", {}, waivers=waiver)
    observing = write_policy(
        folder / "observing", {}, enforcement=f'observe: {{until: "{_until(30)}", reason: trying}}\n'
    )
    warning = write_policy(folder / "warning", {"noisy": rule("noisy", WARNS)})
    assert workspace.push(target="oci:app:1.0").code == errors.EXIT_OK
    ran = workspace.push("--policy", "pack", "--policy", warning, target="oci:other:1.0-rc")
    assert ran.code == errors.EXIT_OK, ran.err
    fail_a_test(workspace)
    for target, policy in (("oci:app:2.0", waived), ("oci:app:3.0", observing)):
        ran = workspace.push("--policy", "pack", "--policy", policy, target=target)
        assert ran.code == errors.EXIT_OK, ran.out + ran.err
    assert workspace.push("--denials", "oci:denials", target="oci:app:4.0").code == errors.EXIT_DENIED
    return workspace

"""What the commands do and leave alone: check and doctor, kept evidence, both streams."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pushpolicy import errors
from pushpolicy.cli.publishing import KEPT
from tests.ci.apis import TOKEN, github, github_job
from tests.fake_registry import Answered, fake_registry
from tests.policies import rule, write_policy
from tests.workspace import IMAGE, TARGET, Ran, Workspace, fail_a_test

ALWAYS = 'deny contains {"at": {"id": "always"}, "msg": "always"} if input.image.size > 0'
NEVER = ALWAYS.replace("> 0", "== 1")


def before(folder: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


@pytest.mark.parametrize("command", [["check"], ["push", "--dry-run"]], ids=" ".join)
def test_check_writes_nothing(workspace: Workspace, command: list[str]) -> None:
    there = before(workspace.folder)
    ran = workspace.run(*command, IMAGE, TARGET)
    assert ran.code == errors.EXIT_OK
    assert ran.out.startswith("ALLOW ")
    assert before(workspace.folder) == there
    assert not workspace.published


def test_check_writes_nothing_to_a_registry(workspace: Workspace) -> None:
    with fake_registry(lambda _: Answered(status=404)) as registry:
        ran = workspace.run("check", IMAGE, f"{registry.host}/app:1.0.0")
        methods = {asked.method for asked in registry.asked}
    assert ran.code == errors.EXIT_OK, ran.out
    assert methods <= {"GET", "HEAD"}


def test_report_on_stdout_and_talk_on_stderr(workspace: Workspace) -> None:
    ran = workspace.run("check", IMAGE, TARGET)
    assert ran.out.startswith("ALLOW ")
    assert "read reports/junit.xml: tests junit report" in ran.err
    assert "read " not in ran.out
    quiet = workspace.run("check", IMAGE, TARGET, "--quiet")
    assert quiet.err == ""
    assert quiet.out.splitlines()[0] == ran.out.splitlines()[0]


def test_format_to_a_file_beside_the_text(workspace: Workspace) -> None:
    ran = workspace.run("check", IMAGE, TARGET, "--format", "text", "--format", "json=out.json")
    assert ran.out.startswith("ALLOW ")
    found = Ran(code=0, out=(workspace.folder / "out.json").read_text(), err="").json
    assert found["verdict"] == "ALLOW"
    assert found["schema"] == "pushpolicy.decision/v1"


def test_gather_then_evaluate(workspace: Workspace) -> None:
    assert workspace.run("gather", IMAGE, TARGET, "-o", "evidence.json").code == errors.EXIT_OK
    ran = workspace.run("evaluate", "evidence.json")
    assert ran.code == errors.EXIT_OK
    later = workspace.run("evaluate", "evidence.json", "--at", "2099-01-01T00:00:00Z")
    assert later.code == errors.EXIT_DENIED
    assert "scan_fresh" in later.out


def test_doctor(workspace: Workspace) -> None:
    ran = workspace.run("doctor")
    assert ran.code == errors.EXIT_OK, ran.err
    for part in ("opa 1.", "sha256:", "github-actions", "reports/junit.xml", "reports/trivy-sample.json"):
        assert part in ran.out
    workspace.write("pushpolicy.yaml", "unknown: 1\n")
    assert workspace.run("doctor").code == errors.EXIT_USAGE
    assert workspace.run("doctor", "--engine", "absent").code == errors.EXIT_POLICY


def test_doctor_tells_what_a_job_lacks(workspace: Workspace) -> None:
    elsewhere = {k: v for k, v in workspace.environ.items() if not k.startswith(("GITHUB_", "CI"))}
    nowhere = replace(workspace, environ=elsewhere).run("doctor").out
    assert "elsewhere PUSHPOLICY_CI_* hand over what is known: docs/ci/other.md" in nowhere
    by_hand = {"BUILDER_OUTPUT": "/builder/outputs", "REPO_FULL_NAME": "team/app"}
    ran = replace(workspace, environ={**elsewhere, **by_hand}).run("doctor")
    assert "no branch or tag and no commit: a push is denied; the job takes `options:" in ran.out


def test_doctor_asks_for_the_jobs(workspace: Workspace) -> None:
    place = workspace.with_variables(RUNNER_NAME="runner of Publish", PUSHPOLICY_JOBS_TOKEN=TOKEN)
    jobs = [
        {**job, "head_sha": place.environ["GITHUB_SHA"]}
        for job in (github_job("Build"), github_job("Publish", None))
    ]
    with fake_registry(github(jobs, "example/status-page")) as server:
        ran = place.run("doctor", "--jobs", f"http://{server.host}")
    assert "jobs.Build: success (asserted)" in ran.out
    assert f"jobs_from: http://{server.host} (asserted)" in ran.out
    assert TOKEN not in ran.out + ran.err
    for address in (
        "ftp://h/x",
        "http://ci.example.com",
        "api.github.com",
        "https://h/x?token=1",
        "https://u:p@h",
    ):
        ran = place.run("doctor", "--jobs", address)
        assert ran.code == errors.EXIT_USAGE
        assert "--jobs names no address to ask" in ran.out
        assert "token=1" not in ran.out + ran.err


def test_doctor_tells_where_the_credential_is(workspace: Workspace) -> None:
    place = workspace.with_variables(PUSHPOLICY_USERNAME="bot", PUSHPOLICY_PASSWORD="never-shown-0123")
    ran = place.run("doctor", "127.0.0.1:1/app")
    assert "credential     variable PUSHPOLICY_PASSWORD\n" in ran.out
    assert "never-shown" not in ran.out + ran.err
    assert "credential     anonymous\n" in workspace.run("doctor", "127.0.0.1:1/app").out
    assert workspace.run("doctor", "app").code == errors.EXIT_USAGE


def test_kept_evidence_follows_no_link(workspace: Workspace) -> None:
    """The checkout that is judged could bring along one that leads to a file of the job."""
    victim = workspace.folder.parent / "victim"
    victim.write_text("mine")
    (workspace.folder / KEPT).symlink_to(victim)
    fail_a_test(workspace)
    assert workspace.push().code == errors.EXIT_DENIED
    assert victim.read_text() == "mine"
    assert workspace.run("evaluate", str(KEPT)).code == errors.EXIT_DENIED


def test_evidence_that_cannot_be_kept(workspace: Workspace) -> None:
    workspace.path(f"{KEPT}/x")
    fail_a_test(workspace)
    ran = workspace.push()
    assert ran.code == errors.EXIT_DENIED
    assert f"could not be kept as {KEPT}" in ran.complaint()
    assert "reproduce:" not in ran.out


def test_the_current_folder_is_deleted(workspace: Workspace, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    program = "import os, runpy; os.rmdir(os.getcwd()); runpy.run_module('pushpolicy', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", program, "check", str(workspace.folder / "image"), "oci:/nowhere:1"],
        cwd=gone,
        env=dict(workspace.environ),
        capture_output=True,
        check=False,
    )
    assert done.returncode == errors.EXIT_USAGE
    assert done.stderr.startswith(b"pushpolicy: the current folder is deleted\n")


def test_policy_check(workspace: Workspace) -> None:
    ran = workspace.run("policy", "check")
    assert ran.code == errors.EXIT_OK
    assert "requires tests.reports, not empty" in ran.out
    assert "optional scans.items[].findings[].fixed_in" in ran.out
    assert workspace.run("policy", "check", "next-policy").code == errors.EXIT_OK
    bad = write_policy(workspace.path("bad"), {"r": rule("r", ALWAYS.replace("deny", "denny"))})
    ran = workspace.run("policy", "check", bad)
    assert ran.code == errors.EXIT_POLICY
    assert "bad/r/r.rego:11: `denny`" in ran.err

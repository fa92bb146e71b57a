"""What a job is handed for its own registry: shown to that registry alone; and what doctor says of a job."""

from __future__ import annotations

import base64
from typing import Any

from tests.fake_registry import Answered, Asked, FakeRegistry, fake_registry
from tests.workspace import IMAGE, Workspace

# Made up.
TOKEN = "glcbt-64_" + "A1b2" * 5
LOGIN = {"WWW-Authenticate": 'Basic realm="x"'}
PAIR = base64.b64encode(f"gitlab-ci-token:{TOKEN}".encode()).decode()


def wants_a_login(asked: Asked) -> Answered:
    """Empty, for whoever says who it is."""
    is_known = asked.headers.get("Authorization") == f"Basic {PAIR}"
    return Answered(status=404) if is_known else Answered(status=401, headers=LOGIN)


def in_gitlab(place: Workspace, registry: str) -> Workspace:
    """The job of a GitLab project whose registry this is."""
    elsewhere = {name: value for name, value in place.environ.items() if not name.startswith("GITHUB_")}
    own = Workspace(folder=place.folder, environ=elsewhere, run_here=place.run_here)
    return own.with_variables(
        GITLAB_CI="true",
        CI="true",
        CI_REGISTRY=registry,
        CI_REGISTRY_USER="gitlab-ci-token",
        CI_REGISTRY_PASSWORD=TOKEN,
        CI_JOB_TOKEN=TOKEN,
        CI_COMMIT_BRANCH="main",
        CI_PIPELINE_SOURCE="push",
        CI_PROJECT_PATH="team/app",
    )


def gathered(place: Workspace, registry: FakeRegistry) -> dict[str, Any]:
    ran = place.run("gather", IMAGE, f"{registry.host}/team/app:1.0.0")
    assert TOKEN not in ran.out + ran.err
    credentials: dict[str, Any] = ran.json["credentials"] if ran.code == 0 else {}
    return credentials


def was_shown(registry: FakeRegistry) -> bool:
    return any("Authorization" in asked.headers for asked in registry.asked)


def test_the_jobs_own_registry_is_shown_what_the_job_was_handed(workspace: Workspace) -> None:
    with fake_registry(wants_a_login) as registry:
        told = gathered(in_gitlab(workspace, registry.host), registry)
        assert was_shown(registry)
    assert told["source"] == "platform-token"
    assert told["variable"] == "CI_REGISTRY_PASSWORD"
    assert told["ephemeral"] is True
    assert told["user_kind"] == "job-token"
    assert told["trust"]["source"] == told["trust"]["ephemeral"] == "asserted"


def test_another_registry_is_shown_nothing(workspace: Workspace) -> None:
    with fake_registry(wants_a_login) as registry:
        gathered(in_gitlab(workspace, "registry.gitlab.example"), registry)
        assert registry.asked
        assert not was_shown(registry)


def test_a_source_that_the_checkout_names_is_shown_nothing(workspace: Workspace) -> None:
    """It is named like the job's own registry; the target is another one."""
    with fake_registry(wants_a_login) as registry:
        place = in_gitlab(workspace, registry.host)
        place.write(
            "pushpolicy.yaml",
            f"images:\n  - image: docker://{registry.host}/team/app:rc\n    target: oci:registry:1.0.0\n",
        )
        ran = place.run("push", "--all", "--allow-target", "oci:**")
        assert ran.code != 0
        assert registry.asked
        assert not was_shown(registry)


def fields(document: dict[str, Any], name: str) -> dict[str, Any]:
    (check,) = (each for each in document["checks"] if each["name"] == name)
    return {field["name"]: field for field in check["fields"]}


def test_doctor_says_what_it_believes_of_the_job_and_why(workspace: Workspace) -> None:
    with fake_registry(wants_a_login) as registry:
        place, repository = in_gitlab(workspace, registry.host), f"{registry.host}/team/app"
        ran = place.run("doctor", repository, "--format", "json")
        text = place.run("doctor", repository).out
    assert TOKEN not in ran.out + text
    ci, credential = fields(ran.json, "CI"), fields(ran.json, "credential")
    assert ci["branch"]["value"] == "main"
    assert ci["branch"]["trust"] == "asserted"
    assert "CI_COMMIT_BRANCH" in ci["branch"]["sources"]
    assert credential["source"]["value"] == "platform-token"
    assert credential["variable"]["trust"] == "computed"
    assert "branch: main (asserted, by " in text
    assert "source: platform-token (asserted)" in text


def test_doctor_shows_both_sides_of_what_contradicts_itself(workspace: Workspace) -> None:
    ran = workspace.with_variables(GITHUB_REF="refs/heads/main", GITHUB_REF_NAME="other").run(
        "doctor", "--format", "json"
    )
    (check,) = (each for each in ran.json["checks"] if each["name"] == "CI")
    assert check["found"][0].startswith("failed: ")
    said = {(field["value"], *field["sources"]) for field in check["fields"] if field["name"] == "branch"}
    assert {("main", "GITHUB_REF"), ("other", "GITHUB_REF_NAME")} <= said


def test_doctor_without_a_repository_says_how_to_ask_for_the_credential(workspace: Workspace) -> None:
    checks = workspace.run("doctor", "--format", "json").json["checks"]
    (found,) = (each["found"] for each in checks if each["name"] == "credential")
    assert "pushpolicy doctor REGISTRY/REPO" in found[0]

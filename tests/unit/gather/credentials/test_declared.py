"""Whether the pipeline's own file shows that a variable holds a secret."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pushpolicy.gather.checkout import inspect
from pushpolicy.gather.credentials.declared import declared_in
from tests.unit.gather.samples import make_checkout

PATH = ".github/workflows/publish.yml"
ENVIRON = {"PATH": os.defpath + ":/usr/local/bin"}
JOB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_WORKFLOW_REF": f"acme/app/{PATH}@refs/heads/main",
    "GITHUB_JOB": "publish",
}
OF_STEP = "jobs: {{publish: {{steps: [{{run: a}}, {{run: b, env: {{X: {value}}}}}]}}}}"
OF_JOB = "jobs: {{publish: {{env: {{X: {value}}}, steps: []}}}}"
OF_ALL = "env: {{X: {value}}}\njobs: {{publish: {{steps: []}}}}"
SECRET = '"${{ secrets.REGISTRY_PASSWORD }}"'


@pytest.mark.parametrize("where", [OF_STEP, OF_JOB, OF_ALL])
@pytest.mark.parametrize(
    ("value", "is_shown"),
    [
        (SECRET, True),
        ('"${{secrets.X}}"', True),
        ('"${{ github.token }}"', True),
        ('"${{ vars.PASSWORD }}"', False),
        ('"${{ inputs.password }}"', False),
        ('"${{ secrets.X || vars.Y }}"', False),
        ('"${{ secrets.X }}${{ inputs.y }}"', False),
        ('"x${{ secrets.X }}"', False),
        ('"${{ env.secrets.X }}"', False),
        ("literal", False),
        ("[a]", False),
        ("1", False),
    ],
)
def test_what_shows_a_secret(tmp_path: Path, where: str, value: str, is_shown: bool) -> None:
    checkout = inspect(make_checkout(tmp_path, {PATH: where.format(value=value)}), ENVIRON)
    assert declared_in("X", JOB, checkout) == (PATH if is_shown else None)
    assert declared_in("Y", JOB, checkout) is None


@pytest.mark.parametrize(
    "text",
    [
        # One of several is none, the job is another one, and what is no workflow at all.
        f"env: {{X: literal}}\njobs: {{publish: {{env: {{X: {SECRET}}}, steps: []}}}}",
        f"env: {{X: {SECRET}}}\njobs: {{publish: {{steps: [{{env: {{X: literal}}}}]}}}}",
        f"jobs: {{other: {{env: {{X: {SECRET}}}, steps: []}}}}",
        # The job of a workflow that this one calls gets no variable of this file.
        f"env: {{X: {SECRET}}}\njobs: {{publish: {{uses: ./.github/workflows/other.yml}}}}",
        f"env: {{X: {SECRET}}}\njobs: {{call: {{uses: ./.github/workflows/other.yml}}}}",
        f"jobs: [{{env: {{X: {SECRET}}}}}]",
        f"env: {{X: {SECRET}, X: literal}}\njobs: {{publish: {{steps: []}}}}",
        "jobs: {publish: {steps: {env: {X: a}}}}",
        "- a",
        "",
        "{",
        "x: " + "[" * 5000,
    ],
)
def test_what_shows_none(tmp_path: Path, text: str) -> None:
    checkout = inspect(make_checkout(tmp_path, {PATH: text}), ENVIRON)
    assert declared_in("X", JOB, checkout) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"GITHUB_WORKFLOW_REF": ""},
        {"GITHUB_WORKFLOW_REF": "acme/app"},
        {"GITHUB_WORKFLOW_REF": "acme/app/.github/workflows/other.yml@x"},
        {"GITHUB_WORKFLOW_REF": f"acme/app/../{PATH}@x"},
        {"GITHUB_WORKFLOW_REF": "acme/app/a.yml@x"},
        {"GITHUB_ACTIONS": ""},
        {"GITHUB_JOB": "other"},
    ],
)
def test_only_the_workflow_of_this_job_counts(tmp_path: Path, changes: dict[str, str]) -> None:
    text = OF_JOB.format(value=SECRET)
    checkout = inspect(make_checkout(tmp_path, {PATH: text, "a.yml": text}), ENVIRON)
    assert declared_in("X", JOB, checkout) == PATH
    assert declared_in("X", JOB | changes, checkout) is None


def test_only_a_file_of_the_commit_counts(tmp_path: Path) -> None:
    make_checkout(tmp_path, {"a": "a"})
    file = tmp_path / PATH
    file.parent.mkdir(parents=True)
    file.write_text(OF_JOB.format(value=SECRET))
    assert declared_in("X", JOB, inspect(tmp_path, ENVIRON)) is None


GITLAB = {"GITLAB_CI": "true", "CI_JOB_NAME": "publish", "CI_CONFIG_PATH": "ci/main.yml"}
DRONE = {"DRONE": "true", "DRONE_STEP_NAME": "publish"}
WOODPECKER = {"CI": "woodpecker", "CI_STEP_NAME": "publish", "CI_WORKFLOW_NAME": "release"}
CODEBUILD = {"CODEBUILD_BUILD_ID": "a:1"}
CLOUDBUILD = {"BUILDER_OUTPUT": "/builder/outputs"}
BUILDKITE = {"BUILDKITE": "true", "BUILDKITE_STEP_KEY": "publish"}
TEKTON = {"PUSHPOLICY_CI": "tekton", "PUSHPOLICY_CI_JOB": "publish"}
JENKINS = {"JENKINS_URL": "https://jenkins.example.com/"}
KEPT = "availableSecrets: {secretManager: [{versionName: a, env: X}]}\n"
KEY_REF = "{name: X, valueFrom: {secretKeyRef: {name: a, key: b}}}"
BOUND = (
    "withCredentials([usernamePassword(credentialsId: 'a', usernameVariable: 'U', passwordVariable: 'X')]) {}"
)
CLOUD, PIPELINE, TASK = "cloudbuild.yaml", ".buildkite/pipeline.yml", ".tekton/publish.yaml"
VAULT = "{vault: a/b/c@d, file: false}"
FROM = "{from_secret: registry}"


@pytest.mark.parametrize(
    ("environ", "file", "text", "is_shown"),
    [
        (GITLAB, "ci/main.yml", f"publish: {{secrets: {{X: {VAULT}}}}}", True),
        (GITLAB | {"CI_CONFIG_PATH": ""}, ".gitlab-ci.yml", f"publish: {{secrets: {{X: {VAULT}}}}}", True),
        (GITLAB, "ci/main.yml", "publish: {secrets: {X: {vault: a/b/c@d}}}", False),
        (GITLAB, "ci/main.yml", f"other: {{secrets: {{X: {VAULT}}}}}", False),
        (GITLAB, "ci/main.yml", f"publish: {{secrets: {{X: {VAULT}}}, variables: {{X: a}}}}", False),
        (GITLAB, "ci/main.yml", f"variables: {{X: a}}\npublish: {{secrets: {{X: {VAULT}}}}}", False),
        (GITLAB, "ci/main.yml", "publish: {variables: {X: $Y}}", False),
        (GITLAB, "ci/main.yml", "publish: {script: [a]}", False),
        (GITLAB, "ci/other.yml", f"publish: {{secrets: {{X: {VAULT}}}}}", False),
        (GITLAB | {"CI_CONFIG_PATH": "../a.yml"}, "a.yml", f"publish: {{secrets: {{X: {VAULT}}}}}", False),
        (DRONE, ".drone.yml", f"steps: [{{name: publish, environment: {{X: {FROM}}}}}]", True),
        (DRONE, ".drone.yml", f"steps: [{{name: other, environment: {{X: {FROM}}}}}]", False),
        (DRONE, ".drone.yml", "steps: [{name: publish, environment: {X: a}}]", False),
        (
            DRONE,
            ".drone.yml",
            f"environment: {{X: a}}\nsteps: [{{name: publish, environment: {{X: {FROM}}}}}]",
            False,
        ),
        (WOODPECKER, ".woodpecker/release.yml", f"steps: {{publish: {{environment: {{X: {FROM}}}}}}}", True),
        (WOODPECKER, ".woodpecker/other.yml", f"steps: {{publish: {{environment: {{X: {FROM}}}}}}}", False),
        (WOODPECKER, ".woodpecker.yaml", f"steps: [{{name: publish, environment: {{X: {FROM}}}}}]", True),
        (WOODPECKER, ".woodpecker.yaml", "steps: {publish: {environment: [X=a]}}", False),
        (CODEBUILD, "buildspec.yml", "env: {secrets-manager: {X: 'a:b'}}", True),
        (CODEBUILD, "buildspec.yml", "env: {parameter-store: {X: /a/b}}", True),
        (CODEBUILD, "buildspec.yml", "env: {parameter-store: {X: /a/b}, variables: {X: a}}", False),
        (CODEBUILD, "buildspec.yml", "env: {variables: {X: a}}", False),
        (CLOUDBUILD, CLOUD, f"{KEPT}steps: [{{secretEnv: [X]}}, {{secretEnv: [Z]}}]", True),
        (CLOUDBUILD, CLOUD, f"{KEPT}options: {{secretEnv: [X]}}", True),
        (CLOUDBUILD, "cloudbuild.json", f"{KEPT}steps: [{{secretEnv: [X]}}]", True),
        (CLOUDBUILD, CLOUD, "steps: [{secretEnv: [X]}]", False),
        (CLOUDBUILD, CLOUD, f"{KEPT}steps: [{{env: [Z=a]}}]", False),
        (CLOUDBUILD, CLOUD, f"{KEPT}steps: [{{secretEnv: [X]}}, {{env: [X=a]}}]", False),
        (CLOUDBUILD, CLOUD, "availableSecrets: [a]\nsteps: a\noptions: []", False),
        (BUILDKITE, PIPELINE, "steps: [{key: publish, secrets: [X]}]", True),
        (BUILDKITE, PIPELINE, "steps: [{key: publish, secrets: {X: registry}}]", True),
        (BUILDKITE, PIPELINE, "steps: [{group: a, steps: [{key: publish, secrets: [X]}]}]", True),
        (BUILDKITE, PIPELINE, "secrets: [X]\nsteps: [{key: publish}]", True),
        (BUILDKITE, PIPELINE, "steps: [{key: publish, secrets: [X], env: {X: a}}]", False),
        (BUILDKITE, PIPELINE, "secrets: [X]\nenv: {X: a}", False),
        (BUILDKITE, PIPELINE, "steps: [{key: other, secrets: [X]}, wait]", False),
        (BUILDKITE | {"BUILDKITE_STEP_KEY": ""}, PIPELINE, "steps: [{key: '', secrets: [X]}]", False),
        (TEKTON, TASK, f"spec: {{steps: [{{env: [{KEY_REF}]}}]}}", True),
        (TEKTON, TASK, f"spec: {{stepTemplate: {{env: [{KEY_REF}]}}}}", True),
        (TEKTON, TASK, f"spec: {{taskSpec: {{steps: [{{env: [{KEY_REF}]}}]}}}}", True),
        (TEKTON, TASK, f"spec: {{tasks: [{{taskSpec: {{steps: [{{env: [{KEY_REF}]}}]}}}}]}}", True),
        (
            TEKTON,
            TASK,
            f"spec: {{pipelineSpec: {{tasks: [{{taskSpec: {{steps: [{{env: [{KEY_REF}]}}]}}}}]}}}}",
            True,
        ),
        (TEKTON, TASK, f"spec: {{steps: [{{env: [{KEY_REF}]}}, {{env: [{{name: X, value: a}}]}}]}}", False),
        (TEKTON, TASK, "spec: {steps: [{env: [{name: X, valueFrom: {configMapKeyRef: {name: a}}}]}]}", False),
        (TEKTON, ".tekton/other.yaml", f"spec: {{steps: [{{env: [{KEY_REF}]}}]}}", False),
        (TEKTON, TASK, "spec: {steps: [a, {env: [a]}]}", False),
        (JENKINS, "Jenkinsfile", BOUND, True),
        (JENKINS, "Jenkinsfile", "withCredentials([string(credentialsId: 'a', variable: \"X\")]) {}", True),
        (JENKINS, "Jenkinsfile", "environment { X = credentials('a') }", True),
        (JENKINS, "Jenkinsfile", f"URL = 'https://a'; {BOUND}", True),
        (JENKINS, "Jenkinsfile", "withCredentials([file(credentialsId: 'a', variable: 'X')]) {}", False),
        (JENKINS, "Jenkinsfile", f"// {BOUND}", False),
        (JENKINS, "Jenkinsfile", f"/* {BOUND} */", False),
        (JENKINS, "Jenkinsfile", f"{BOUND}\nwithEnv(['A=https://a', 'X=a']) {{}}", False),
        (JENKINS, "Jenkinsfile", f"{BOUND}\nenv.X = 'a'", False),
        (JENKINS, "Jenkinsfile", f"{BOUND}\nparameters {{ password(name: 'X', defaultValue: '') }}", False),
        (JENKINS, "Jenkinsfile", "environment { X = 'a' }", False),
        (
            JENKINS,
            "Jenkinsfile",
            "withCredentials([string(variable: 'XX')]) { AX = credentials('a') }",
            False,
        ),
        (JENKINS, "ci/Jenkinsfile", BOUND, False),
        (CODEBUILD | DRONE, "buildspec.yml", "env: {parameter-store: {X: /a/b}}", False),
    ],
)
def test_what_shows_a_secret_in_files_of_other_systems(
    tmp_path: Path, environ: dict[str, str], file: str, text: str, is_shown: bool
) -> None:
    checkout = inspect(make_checkout(tmp_path, {file: text}), ENVIRON)
    assert declared_in("X", environ, checkout) == (file if is_shown else None)
    assert declared_in("Y", environ, checkout) is None


def test_the_password_of_a_user_has_a_variable_of_its_own_in_jenkins(tmp_path: Path) -> None:
    checkout = inspect(
        make_checkout(tmp_path, {"Jenkinsfile": "environment { X = credentials('a') }"}), ENVIRON
    )
    assert declared_in("X_PSW", JENKINS, checkout) == "Jenkinsfile"
    assert declared_in("Y_PSW", JENKINS, checkout) is None
    assert declared_in("X_USR", JENKINS, checkout) is None


@pytest.mark.parametrize(
    "piece", ["string(", "'\\", "/*", "X =", '"""', "X = credentials", "string(variable: "]
)
def test_a_hostile_jenkinsfile_ends_soon(tmp_path: Path, piece: str) -> None:
    checkout = inspect(make_checkout(tmp_path, {"Jenkinsfile": piece * (250_000 // len(piece))}), ENVIRON)
    start = time.process_time()
    declared_in("X", JENKINS, checkout)
    assert time.process_time() - start < 5

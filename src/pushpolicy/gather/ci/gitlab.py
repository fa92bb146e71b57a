"""GitLab CI: predefined variables, which project, group and pipeline variables can override."""

from __future__ import annotations

from pushpolicy.gather.ci.readings import boolean, branch, commit, name, number, tag, words
from pushpolicy.gather.ci.table import System, unless, variable, where

_OF_A_BRANCH = (
    unless("CI_COMMIT_TAG"),
    unless("CI_MERGE_REQUEST_IID"),
    unless("CI_EXTERNAL_PULL_REQUEST_IID"),
)

SYSTEM = System(
    name="gitlab-ci",
    title="GitLab CI",
    document="https://docs.gitlab.com/ci/variables/predefined_variables/",
    hosts=("gitlab.com",),
    marks=(where("GITLAB_CI", "true"),),
    fields={
        "event_raw": (variable("CI_PIPELINE_SOURCE"),),
        "event": (variable("CI_MERGE_REQUEST_EVENT_TYPE", words({"merge_train": "merge_queue"})),),
        "repository": (variable("CI_PROJECT_PATH", name),),
        "repository_id": (variable("CI_PROJECT_ID"),),
        "branch": (
            variable("CI_COMMIT_BRANCH", name),
            variable("CI_COMMIT_REF_NAME", name, *_OF_A_BRANCH),
        ),
        "tag": (
            variable("CI_COMMIT_TAG", name),
            variable("CI_COMMIT_REF_NAME", name, where("CI_COMMIT_TAG")),
        ),
        "commit": (variable("CI_COMMIT_SHA", commit),),
        "pull_request.number": (
            variable("CI_MERGE_REQUEST_IID", number),
            variable("CI_EXTERNAL_PULL_REQUEST_IID", number),
        ),
        "pull_request.head": (
            variable("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", name),
            variable("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME", name),
        ),
        "pull_request.base": (
            variable("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", name),
            variable("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME", name),
        ),
        "pull_request.head_commit": (
            variable("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", commit),
            variable("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA", commit),
        ),
        "pull_request.head_repository": (
            variable("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", name),
            variable("CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY", name),
        ),
        "pull_request.base_repository": (
            variable("CI_MERGE_REQUEST_PROJECT_PATH", name),
            variable("CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY", name),
        ),
        "ref_protected": (variable("CI_COMMIT_REF_PROTECTED", boolean),),
        "default_branch": (variable("CI_DEFAULT_BRANCH", name),),
        "actor": (variable("GITLAB_USER_LOGIN"),),
        "run.id": (variable("CI_PIPELINE_ID"),),
        "run.url": (variable("CI_PIPELINE_URL"),),
        "job": (variable("CI_JOB_NAME"),),
        "job_id": (variable("CI_JOB_ID"),),
        "environment": (variable("CI_ENVIRONMENT_NAME"),),
        "workflow": (variable("CI_CONFIG_PATH"),),
        "runner.name": (variable("CI_RUNNER_DESCRIPTION"),),
    },
    events={
        "push": "push",
        "merge_request_event": "pull_request",
        "external_pull_request_event": "pull_request",
        "schedule": "schedule",
        "web": "manual",
    },
    claims={
        "event_raw": (variable("pipeline_source"),),
        "repository": (variable("project_path", name),),
        "repository_id": (variable("project_id"),),
        "ref": (variable("ref_path", name),),
        "branch": (variable("ref_path", branch),),
        "tag": (variable("ref_path", tag),),
        "commit": (variable("sha", commit),),
        "ref_protected": (variable("ref_protected", boolean),),
        "actor": (variable("user_login"),),
        "run.id": (variable("pipeline_id"),),
        "job_id": (variable("job_id"),),
        "environment": (variable("environment"),),
        "runner.kind": (
            variable("runner_environment", words({"gitlab-hosted": "hosted", "self-hosted": "self-hosted"})),
        ),
    },
    kept=("namespace_id", "project_visibility", "runner_id", "user_id"),
    configuration=("ci_config_ref_uri", "ci_config_sha"),
    advice="nothing; push from a job of the pipeline itself, since a child pipeline does not say what caused"
    " its parent.",
)

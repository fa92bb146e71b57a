"""Buildkite: the agent's variables; of a tag, BUILDKITE_BRANCH is its name."""

from __future__ import annotations

from pushpolicy.gather.ci.readings import commit, name, number, repository, words
from pushpolicy.gather.ci.table import System, unless, variable, where

_NO_PULL_REQUEST = where("BUILDKITE_PULL_REQUEST", "false", "")
_PULL_REQUEST = unless("BUILDKITE_PULL_REQUEST", "false", "")

_RUNNERS = words({"hosted": "hosted", "self-hosted": "self-hosted"})

SYSTEM = System(
    name="buildkite",
    title="Buildkite",
    document="https://buildkite.com/docs/pipelines/configure/environment-variables",
    hosts=("buildkite.com",),
    marks=(where("BUILDKITE", "true"),),
    fields={
        "event_raw": (variable("BUILDKITE_SOURCE"),),
        "event": (variable("BUILDKITE_MERGE_QUEUE_BASE_BRANCH", words({}, other="merge_queue")),),
        "repository": (variable("BUILDKITE_REPO", repository),),
        "repository_id": (variable("BUILDKITE_PIPELINE_ID"),),
        "branch": (variable("BUILDKITE_BRANCH", name, unless("BUILDKITE_TAG"), _NO_PULL_REQUEST),),
        "tag": (
            variable("BUILDKITE_TAG", name),
            variable("BUILDKITE_BRANCH", name, where("BUILDKITE_TAG"), _NO_PULL_REQUEST),
        ),
        "commit": (variable("BUILDKITE_COMMIT", commit, unless("BUILDKITE_COMMIT", "HEAD")),),
        "pull_request.number": (variable("BUILDKITE_PULL_REQUEST", number),),
        "pull_request.head": (variable("BUILDKITE_BRANCH", name, _PULL_REQUEST),),
        "pull_request.base": (variable("BUILDKITE_PULL_REQUEST_BASE_BRANCH", name, _PULL_REQUEST),),
        "pull_request.head_repository": (variable("BUILDKITE_PULL_REQUEST_REPO", repository, _PULL_REQUEST),),
        "pull_request.base_repository": (variable("BUILDKITE_REPO", repository, _PULL_REQUEST),),
        "default_branch": (variable("BUILDKITE_PIPELINE_DEFAULT_BRANCH", name),),
        "actor": (variable("BUILDKITE_BUILD_CREATOR"),),
        "run.id": (variable("BUILDKITE_BUILD_ID"),),
        "run.url": (variable("BUILDKITE_BUILD_URL"),),
        "run.attempt": (variable("BUILDKITE_RETRY_COUNT", number),),
        "job": (variable("BUILDKITE_STEP_KEY"),),
        "job_id": (variable("BUILDKITE_JOB_ID"),),
        "workflow": (variable("BUILDKITE_PIPELINE_SLUG"),),
        "runner.kind": (variable("BUILDKITE_COMPUTE_TYPE", _RUNNERS),),
        "runner.name": (variable("BUILDKITE_AGENT_NAME"),),
    },
    events={"webhook": "push", "schedule": "schedule", "ui": "manual"},
    # It does not say of a build that it is a pull request's, whose branch may be the main one of a fork: what
    # it says of the run stays asserted. Its build_branch is the name of the tag where there is one.
    claims={
        "repository_id": (variable("pipeline_id"),),
        "tag": (variable("build_tag", name),),
        "commit": (variable("build_commit", commit, unless("build_commit", "HEAD")),),
        "run.id": (variable("build_id"),),
        "job_id": (variable("job_id"),),
        "workflow": (variable("pipeline_slug"),),
        "runner.kind": (variable("runner_environment", _RUNNERS),),
    },
    kept=("build_branch", "build_source", "cluster_id", "organization_id", "organization_slug"),
    advice="builds of a commit, not of `HEAD`: a build that was started by hand may say `HEAD`, which names"
    " none.",
)

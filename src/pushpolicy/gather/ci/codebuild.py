"""AWS CodeBuild: what a webhook tells; a run that none caused was started by hand or by CodePipeline."""

from __future__ import annotations

from pushpolicy.gather.ci.readings import (
    after,
    branch,
    commit,
    name,
    numbered,
    repository,
    short_branch,
    tag,
)
from pushpolicy.gather.ci.table import System, unless, variable, where

_PULL_REQUESTS = (
    "PULL_REQUEST_CREATED",
    "PULL_REQUEST_UPDATED",
    "PULL_REQUEST_REOPENED",
    "PULL_REQUEST_MERGED",
    "PULL_REQUEST_CLOSED",
)
_PUSH = where("CODEBUILD_WEBHOOK_EVENT", "PUSH")
_PULL_REQUEST = where("CODEBUILD_WEBHOOK_EVENT", *_PULL_REQUESTS)

SYSTEM = System(
    name="codebuild",
    title="AWS CodeBuild",
    document="https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html",
    # As the runner of another system, it leaves the word to that one.
    marks=(where("CODEBUILD_BUILD_ID"), unless("CODEBUILD_WEBHOOK_EVENT", "WORKFLOW_JOB_QUEUED")),
    quiet="manual",
    fields={
        "event_raw": (variable("CODEBUILD_WEBHOOK_EVENT"),),
        "repository": (variable("CODEBUILD_SOURCE_REPO_URL", repository),),
        "ref": (variable("CODEBUILD_WEBHOOK_HEAD_REF", name, _PUSH),),
        "branch": (
            variable("CODEBUILD_WEBHOOK_HEAD_REF", branch, _PUSH),
            variable("CODEBUILD_WEBHOOK_TRIGGER", after("branch/")),
        ),
        "tag": (
            variable("CODEBUILD_WEBHOOK_HEAD_REF", tag, _PUSH),
            variable("CODEBUILD_WEBHOOK_TRIGGER", after("tag/")),
        ),
        "commit": (variable("CODEBUILD_RESOLVED_SOURCE_VERSION", commit),),
        "pull_request.number": (variable("CODEBUILD_WEBHOOK_TRIGGER", numbered("pr/")),),
        "pull_request.head": (variable("CODEBUILD_WEBHOOK_HEAD_REF", short_branch, _PULL_REQUEST),),
        "pull_request.base": (variable("CODEBUILD_WEBHOOK_BASE_REF", short_branch, _PULL_REQUEST),),
        "actor": (variable("CODEBUILD_WEBHOOK_ACTOR_ACCOUNT_ID"),),
        "run.id": (variable("CODEBUILD_BUILD_ID"),),
        "run.url": (variable("CODEBUILD_PUBLIC_BUILD_URL"),),
    },
    events={
        "PUSH": "push",
        **dict.fromkeys(_PULL_REQUESTS, "pull_request"),
        "RELEASED": "tag",
        "PRERELEASED": "tag",
    },
    advice="a webhook with the filter PUSH on `refs/heads/main`; a build that CodePipeline starts does not"
    " say of which branch it is.",
)

"""Woodpecker: its variables; CI_COMMIT_BRANCH is the target of a pull request."""

from __future__ import annotations

from pushpolicy.gather.ci.readings import branch, commit, name, number, tag
from pushpolicy.gather.ci.table import System, unless, variable, where

_PULL_REQUEST = where("CI_COMMIT_PULL_REQUEST")

SYSTEM = System(
    name="woodpecker",
    title="Woodpecker",
    document="https://woodpecker-ci.org/docs/usage/environment",
    hosts=("ci.codeberg.org",),
    marks=(where("CI", "woodpecker"),),
    fields={
        "event_raw": (variable("CI_PIPELINE_EVENT"),),
        "repository": (variable("CI_REPO", name),),
        "ref": (variable("CI_COMMIT_REF", name),),
        "branch": (
            variable("CI_COMMIT_REF", branch),
            variable("CI_COMMIT_BRANCH", name, unless("CI_COMMIT_TAG"), unless("CI_COMMIT_PULL_REQUEST")),
        ),
        "tag": (variable("CI_COMMIT_REF", tag), variable("CI_COMMIT_TAG", name)),
        "commit": (variable("CI_COMMIT_SHA", commit),),
        "pull_request.number": (variable("CI_COMMIT_PULL_REQUEST", number),),
        "pull_request.head": (variable("CI_COMMIT_SOURCE_BRANCH", name, _PULL_REQUEST),),
        "pull_request.base": (variable("CI_COMMIT_TARGET_BRANCH", name, _PULL_REQUEST),),
        "default_branch": (variable("CI_REPO_DEFAULT_BRANCH", name),),
        "actor": (variable("CI_PIPELINE_AUTHOR"),),
        "run.id": (variable("CI_PIPELINE_NUMBER"),),
        "run.url": (variable("CI_PIPELINE_URL"),),
        "job": (variable("CI_STEP_NAME"),),
        "environment": (variable("CI_PIPELINE_DEPLOY_TARGET"),),
        "workflow": (variable("CI_WORKFLOW_NAME"),),
        "runner.name": (variable("CI_MACHINE"),),
    },
    events={
        "push": "push",
        "pull_request": "pull_request",
        "pull_request_closed": "pull_request",
        "tag": "tag",
        "release": "tag",
        "cron": "schedule",
        "manual": "manual",
    },
    advice="nothing.",
)

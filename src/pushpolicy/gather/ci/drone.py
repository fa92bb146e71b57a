"""Drone: its variables; DRONE_BRANCH is the target of a pull request."""

from __future__ import annotations

from pushpolicy.gather.ci.readings import branch, commit, name, number, tag
from pushpolicy.gather.ci.table import System, unless, variable, where

_PULL_REQUEST = where("DRONE_PULL_REQUEST")

SYSTEM = System(
    name="drone",
    title="Drone",
    document="https://docs.drone.io/pipeline/environment/reference/",
    hosts=("cloud.drone.io",),
    marks=(where("DRONE", "true"),),
    fields={
        "event_raw": (variable("DRONE_BUILD_EVENT"),),
        "repository": (variable("DRONE_REPO", name),),
        "ref": (variable("DRONE_COMMIT_REF", name),),
        "branch": (
            variable("DRONE_COMMIT_REF", branch),
            variable("DRONE_BRANCH", name, unless("DRONE_TAG"), unless("DRONE_PULL_REQUEST")),
        ),
        "tag": (variable("DRONE_COMMIT_REF", tag), variable("DRONE_TAG", name)),
        "commit": (variable("DRONE_COMMIT_SHA", commit),),
        "pull_request.number": (variable("DRONE_PULL_REQUEST", number),),
        "pull_request.head": (variable("DRONE_SOURCE_BRANCH", name, _PULL_REQUEST),),
        "pull_request.base": (variable("DRONE_TARGET_BRANCH", name, _PULL_REQUEST),),
        "default_branch": (variable("DRONE_REPO_BRANCH", name),),
        "actor": (variable("DRONE_BUILD_TRIGGER"),),
        "run.id": (variable("DRONE_BUILD_NUMBER"),),
        "run.url": (variable("DRONE_BUILD_LINK"),),
        "job": (variable("DRONE_STEP_NAME"),),
        "environment": (variable("DRONE_DEPLOY_TO"),),
        "workflow": (variable("DRONE_STAGE_NAME"),),
        "runner.name": (variable("DRONE_STAGE_MACHINE"),),
    },
    events={
        "push": "push",
        "pull_request": "pull_request",
        "tag": "tag",
        "cron": "schedule",
        "custom": "manual",
    },
    advice="nothing.",
)

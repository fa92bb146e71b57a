"""CircleCI. Nothing says what caused a run; a pull request is told of where it comes from a fork."""

from __future__ import annotations

from pushpolicy.gather.ci.readings import commit, name, number, repository, words
from pushpolicy.gather.ci.table import System, unless, variable, where

SYSTEM = System(
    name="circleci",
    title="CircleCI",
    document="https://circleci.com/docs/variables/",
    marks=(where("CIRCLECI", "true"),),
    quiet="push",
    fields={
        "repository": (variable("CIRCLE_REPOSITORY_URL", repository),),
        "branch": (variable("CIRCLE_BRANCH", name, unless("CIRCLE_PR_NUMBER")),),
        "tag": (variable("CIRCLE_TAG", name),),
        "commit": (variable("CIRCLE_SHA1", commit),),
        "pull_request.number": (variable("CIRCLE_PR_NUMBER", number),),
        "pull_request.from_fork": (variable("CIRCLE_PR_REPONAME", words({}, other=True)),),
        "actor": (variable("CIRCLE_USERNAME"),),
        "run.id": (variable("CIRCLE_WORKFLOW_ID"),),
        "run.url": (variable("CIRCLE_BUILD_URL"),),
        "job": (variable("CIRCLE_JOB"),),
    },
    advice="nothing; a run that was scheduled or started by hand looks like a push.",
)

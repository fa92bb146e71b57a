"""CircleCI. Nothing says what caused a run; a pull request is told of where it comes from a fork."""

from __future__ import annotations

from pushpolicy.gather.ci.readings import after, branch, commit, name, number, repository, tag, words
from pushpolicy.gather.ci.table import System, unless, variable, where

SYSTEM = System(
    name="circleci",
    title="CircleCI",
    document="https://circleci.com/docs/variables/",
    hosts=("app.circleci.com", "circleci.com"),
    marks=(where("CIRCLECI", "true"),),
    quiet="push",
    fields={
        "repository": (variable("CIRCLE_REPOSITORY_URL", repository),),
        "repository_id": (variable("CIRCLE_PROJECT_ID"),),
        "branch": (variable("CIRCLE_BRANCH", name, unless("CIRCLE_PR_NUMBER")),),
        "tag": (variable("CIRCLE_TAG", name),),
        "commit": (variable("CIRCLE_SHA1", commit),),
        "pull_request.number": (variable("CIRCLE_PR_NUMBER", number),),
        "pull_request.from_fork": (variable("CIRCLE_PR_REPONAME", words({}, other=True)),),
        "actor": (variable("CIRCLE_USERNAME"),),
        "run.id": (variable("CIRCLE_WORKFLOW_ID"),),
        "run.url": (variable("CIRCLE_BUILD_URL"),),
        "job": (variable("CIRCLE_JOB"),),
        "job_id": (variable("CIRCLE_WORKFLOW_JOB_ID"),),
    },
    # No commit and no event: what it says of the run stays asserted.
    claims={
        "repository_id": (variable("oidc.circleci.com/project-id"),),
        "repository": (variable("oidc.circleci.com/vcs-origin", after("github.com/")),),
        "branch": (variable("oidc.circleci.com/vcs-ref", branch),),
        "tag": (variable("oidc.circleci.com/vcs-ref", tag),),
        "run.id": (variable("oidc.circleci.com/workflow-id"),),
        "job_id": (variable("oidc.circleci.com/job-id"),),
    },
    kept=("oidc.circleci.com/org-id", "oidc.circleci.com/ssh-rerun"),
    advice="nothing; a run that was scheduled or started by hand looks like a push.",
)

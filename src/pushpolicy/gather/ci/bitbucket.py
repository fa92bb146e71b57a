"""Bitbucket Pipelines. Nothing says what caused a run, nor whether a pull request is from a fork."""

from __future__ import annotations

from pushpolicy.gather.ci.readings import commit, name, number
from pushpolicy.gather.ci.table import System, unless, variable, where

SYSTEM = System(
    name="bitbucket-pipelines",
    title="Bitbucket Pipelines",
    document="https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/",
    hosts=("bitbucket.org",),
    marks=(where("BITBUCKET_BUILD_NUMBER"),),
    quiet="push",
    fields={
        "repository": (variable("BITBUCKET_REPO_FULL_NAME", name),),
        "branch": (variable("BITBUCKET_BRANCH", name, unless("BITBUCKET_PR_ID")),),
        "tag": (variable("BITBUCKET_TAG", name),),
        "commit": (variable("BITBUCKET_COMMIT", commit),),
        "pull_request.number": (variable("BITBUCKET_PR_ID", number),),
        "pull_request.head": (variable("BITBUCKET_BRANCH", name, where("BITBUCKET_PR_ID")),),
        "pull_request.base": (variable("BITBUCKET_PR_DESTINATION_BRANCH", name),),
        "actor": (variable("BITBUCKET_STEP_TRIGGERER_UUID"),),
        "run.id": (variable("BITBUCKET_PIPELINE_UUID"),),
        "run.attempt": (variable("BITBUCKET_STEP_RUN_NUMBER", number),),
        "job": (variable("BITBUCKET_STEP_UUID"),),
        "environment": (variable("BITBUCKET_DEPLOYMENT_ENVIRONMENT"),),
    },
    run_url="https://bitbucket.org/{BITBUCKET_REPO_FULL_NAME}/pipelines/results/{BITBUCKET_BUILD_NUMBER}",
    advice="nothing; a run that was scheduled or started by hand looks like a push.",
)

"""Azure Pipelines: predefined variables, of Azure Repos and of GitHub as the source."""

from __future__ import annotations

from pushpolicy.gather.ci.readings import boolean, branch, commit, name, number, short_branch, tag
from pushpolicy.gather.ci.table import System, unless, variable, where

SYSTEM = System(
    name="azure-pipelines",
    title="Azure Pipelines",
    document="https://learn.microsoft.com/azure/devops/pipelines/build/variables",
    hosts=("dev.azure.com",),
    marks=(where("TF_BUILD", "True", "true"),),
    fields={
        "event_raw": (variable("BUILD_REASON"),),
        "repository": (variable("BUILD_REPOSITORY_NAME", name),),
        "ref": (variable("BUILD_SOURCEBRANCH", name),),
        "branch": (variable("BUILD_SOURCEBRANCH", branch),),
        "tag": (variable("BUILD_SOURCEBRANCH", tag),),
        "commit": (variable("BUILD_SOURCEVERSION", commit),),
        "pull_request.number": (
            variable("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", number),
            variable(
                "SYSTEM_PULLREQUEST_PULLREQUESTID", number, unless("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER")
            ),
        ),
        "pull_request.head": (variable("SYSTEM_PULLREQUEST_SOURCEBRANCH", short_branch),),
        "pull_request.base": (variable("SYSTEM_PULLREQUEST_TARGETBRANCH", short_branch),),
        "pull_request.head_commit": (variable("SYSTEM_PULLREQUEST_SOURCECOMMITID", commit),),
        "pull_request.from_fork": (
            variable("SYSTEM_PULLREQUEST_ISFORK", boolean, where("SYSTEM_PULLREQUEST_PULLREQUESTID")),
        ),
        "actor": (variable("BUILD_REQUESTEDFOR"),),
        "run.id": (variable("BUILD_BUILDID"),),
        "run.attempt": (variable("SYSTEM_JOBATTEMPT", number),),
        "job": (variable("SYSTEM_JOBNAME"),),
        "environment": (variable("ENVIRONMENT_NAME"),),
        "workflow": (variable("BUILD_DEFINITIONNAME"),),
        "runner.name": (variable("AGENT_NAME"),),
    },
    run_url="{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
    events={
        "IndividualCI": "push",
        "BatchedCI": "push",
        "Schedule": "schedule",
        "Manual": "manual",
        "PullRequest": "pull_request",
    },
    advice="nothing.",
)

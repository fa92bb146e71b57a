"""Jenkins: what multibranch jobs and the git plugin set. Nothing says what caused a run."""

from __future__ import annotations

from pushpolicy.gather.ci.readings import Value, commit, name, number, repository, short_branch, tag, words
from pushpolicy.gather.ci.table import System, unless, variable, where

_OF_A_BRANCH = (unless("TAG_NAME"), unless("CHANGE_ID"))


def git_branch(said: str) -> Value | None:
    """A branch as the git plugin writes it, with its remote; none where HEAD is detached or of a tag."""
    if said == "detached" or said.removeprefix("refs/").startswith("tags/"):
        return None
    return short_branch(said.removeprefix("refs/remotes/"))


SYSTEM = System(
    name="jenkins",
    title="Jenkins",
    document="https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables",
    marks=(where("JENKINS_URL"), where("BUILD_ID")),
    quiet="push",
    fields={
        "repository": (variable("GIT_URL", repository),),
        "branch": (
            variable("BRANCH_NAME", name, *_OF_A_BRANCH),
            variable("GIT_BRANCH", git_branch, *_OF_A_BRANCH),
        ),
        "tag": (
            variable("TAG_NAME", name),
            variable("BRANCH_NAME", name, where("TAG_NAME")),
            variable("GIT_BRANCH", tag),
        ),
        "commit": (variable("GIT_COMMIT", commit),),
        "pull_request.number": (variable("CHANGE_ID", number),),
        "pull_request.head": (variable("CHANGE_BRANCH", name),),
        "pull_request.base": (variable("CHANGE_TARGET", name),),
        "pull_request.from_fork": (variable("CHANGE_FORK", words({}, other=True)),),
        "default_branch": (variable("BRANCH_NAME", name, where("BRANCH_IS_PRIMARY", "true")),),
        "actor": (variable("BUILD_USER_ID"),),
        "run.id": (variable("BUILD_TAG"),),
        "run.url": (variable("BUILD_URL"),),
        "job": (variable("JOB_NAME"),),
        "runner.name": (variable("NODE_NAME"),),
    },
    advice="a multibranch pipeline; with `checkout scm` of a scripted one, `withEnv` for the `GIT_COMMIT` and"
    " `GIT_URL` that it returns.",
)

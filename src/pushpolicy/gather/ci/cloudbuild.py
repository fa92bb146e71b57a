"""Google Cloud Build: its substitutions, which are no variables unless the build asks for that."""

from __future__ import annotations

from pushpolicy.gather.ci.readings import commit, name, number, repository
from pushpolicy.gather.ci.table import System, unless, variable, where

_PULL_REQUEST = where("_PR_NUMBER")

SYSTEM = System(
    name="cloud-build",
    title="Google Cloud Build",
    document="https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values",
    marks=(where("BUILDER_OUTPUT"),),
    quiet="push",
    fields={
        "repository": (variable("REPO_FULL_NAME", name),),
        "branch": (
            variable("BRANCH_NAME", name, unless("TAG_NAME"), unless("_PR_NUMBER")),
            variable("REF_NAME", name, unless("TAG_NAME"), unless("_PR_NUMBER")),
        ),
        "tag": (variable("TAG_NAME", name), variable("REF_NAME", name, where("TAG_NAME"))),
        "commit": (variable("COMMIT_SHA", commit), variable("REVISION_ID", commit)),
        "pull_request.number": (variable("_PR_NUMBER", number),),
        "pull_request.head": (variable("_HEAD_BRANCH", name, _PULL_REQUEST),),
        "pull_request.base": (variable("_BASE_BRANCH", name, _PULL_REQUEST),),
        "pull_request.head_repository": (variable("_HEAD_REPO_URL", repository, _PULL_REQUEST),),
        "pull_request.base_repository": (variable("REPO_FULL_NAME", name, _PULL_REQUEST),),
        "run.id": (variable("BUILD_ID"),),
        "workflow": (variable("TRIGGER_NAME"),),
    },
    # Of the build's service account and its machine, which say nothing of the run.
    kept=(
        *("azp", "email", "email_verified"),
        *(f"google.compute_engine.{name}" for name in ("instance_id", "project_id", "project_number")),
    ),
    advice="`options: {automapSubstitutions: true}`, and a trigger: a build submitted by hand is of no"
    " branch.",
)

"""What a pipeline hands over by itself, where its system sets nothing that tells it, or is not known."""

from __future__ import annotations

from msgspec.structs import replace

from pushpolicy.gather.ci.readings import boolean, branch, commit, name, number, tag
from pushpolicy.gather.ci.table import System, unless, variable, where

# What begins so tells of the run.
PREFIX = "PUSHPOLICY_CI_"
FIELDS = {
    "event_raw": (variable("PUSHPOLICY_CI_EVENT"),),
    "repository": (variable("PUSHPOLICY_CI_REPOSITORY", name),),
    "ref": (variable("PUSHPOLICY_CI_REF", name),),
    "branch": (variable("PUSHPOLICY_CI_REF", branch),),
    "tag": (variable("PUSHPOLICY_CI_REF", tag),),
    "commit": (variable("PUSHPOLICY_CI_COMMIT", commit),),
    "pull_request.number": (variable("PUSHPOLICY_CI_PULL_REQUEST", number),),
    "ref_protected": (variable("PUSHPOLICY_CI_REF_PROTECTED", boolean),),
    "actor": (variable("PUSHPOLICY_CI_ACTOR"),),
    "run.id": (variable("PUSHPOLICY_CI_RUN"),),
    "run.url": (variable("PUSHPOLICY_CI_RUN_URL"),),
    "job": (variable("PUSHPOLICY_CI_JOB"),),
}
_EVENTS = {each: each for each in ("push", "pull_request", "tag", "schedule", "manual", "merge_queue")}

OTHER = System(
    name="handed-over",
    title="other systems, and a laptop",
    document="docs/ci.md",
    marks=(where("PUSHPOLICY_CI"), unless("PUSHPOLICY_CI", "tekton")),
    fields={"provider": (variable("PUSHPOLICY_CI", name),), **FIELDS},
    events=_EVENTS,
    advice="`PUSHPOLICY_CI=NAME` and the variables below.",
)
TEKTON = replace(
    OTHER,
    name="tekton",
    title="Tekton",
    document="https://pipelinesascode.com/docs/guide/authoringprs/",
    marks=(where("PUSHPOLICY_CI", "tekton"),),
    fields=FIELDS,
    events={**_EVENTS, "pull-request": "pull_request"},
    advice="`PUSHPOLICY_CI=tekton`, and the variables below as `env` of the step, from parameters.",
)

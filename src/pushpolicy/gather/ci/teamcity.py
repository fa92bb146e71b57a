"""TeamCity: few variables; the files of properties of the build tell the rest, or the build hands it over.

Nothing says what caused a run. The branch is told by its full name for each VCS root of the build; where they
differ, none is taken.
"""

from __future__ import annotations

from msgspec.structs import replace

from pushpolicy.gather.ci.handed import FIELDS, OTHER
from pushpolicy.gather.ci.properties import Properties
from pushpolicy.gather.ci.readings import branch, commit, name, number, repository, short_branch, tag, words
from pushpolicy.gather.ci.table import payload, variable, where

_REF = "teamcity.build.vcs.branch.*"
_PERSONAL = words({"true": "manual"})

SYSTEM = replace(
    OTHER,
    name="teamcity",
    title="TeamCity",
    document="https://www.jetbrains.com/help/teamcity/predefined-build-parameters.html",
    marks=(where("TEAMCITY_VERSION"),),
    quiet="push",
    event_file="TEAMCITY_BUILD_PROPERTIES_FILE",
    read_payload=Properties.read,
    payload_name="properties",
    fields={
        **FIELDS,
        "event": (
            variable("BUILD_IS_PERSONAL", _PERSONAL),
            payload("build.is.personal", _PERSONAL),
        ),
        "repository": (*FIELDS["repository"], payload("vcsroot.url", repository)),
        "ref": (*FIELDS["ref"], payload(_REF, name)),
        "branch": (*FIELDS["branch"], payload(_REF, branch)),
        "tag": (*FIELDS["tag"], payload(_REF, tag)),
        "commit": (
            variable("BUILD_VCS_NUMBER", commit),
            payload("build.vcs.number", commit),
            *FIELDS["commit"],
        ),
        "pull_request.number": (
            *FIELDS["pull_request.number"],
            payload("teamcity.pullRequest.number", number),
        ),
        "pull_request.head": (payload("teamcity.pullRequest.source.branch", short_branch),),
        "pull_request.base": (payload("teamcity.pullRequest.target.branch", short_branch),),
        "actor": (*FIELDS["actor"], payload("teamcity.build.triggeredBy.username")),
        "run.id": (*FIELDS["run.id"], payload("teamcity.build.id")),
        "run.url": (variable("BUILD_URL"),),
        "workflow": (variable("TEAMCITY_BUILDCONF_NAME"),),
        "runner.name": (payload("agent.name"),),
    },
    advice="the files of properties that `TEAMCITY_BUILD_PROPERTIES_FILE` leads to; where they are not there,"
    " or VCS roots are on different branches, parameters of the build: `env.PUSHPOLICY_CI_REF` as"
    " `refs/heads/%teamcity.build.branch%`, and `env.PUSHPOLICY_CI_RUN` as `%teamcity.build.id%`.",
)

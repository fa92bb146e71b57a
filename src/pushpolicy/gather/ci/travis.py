"""Travis CI: its variables; TRAVIS_BRANCH is the target of a pull request, and the name of a tag."""

from __future__ import annotations

from pushpolicy.gather.ci.readings import commit, name, number
from pushpolicy.gather.ci.table import System, unless, variable, where

_NO_PULL_REQUEST = where("TRAVIS_PULL_REQUEST", "false", "")
_PULL_REQUEST = unless("TRAVIS_PULL_REQUEST", "false", "")

SYSTEM = System(
    name="travis",
    title="Travis CI",
    document="https://docs.travis-ci.com/user/environment-variables/",
    hosts=("app.travis-ci.com",),
    marks=(where("TRAVIS", "true"),),
    fields={
        "event_raw": (variable("TRAVIS_EVENT_TYPE"),),
        "repository": (variable("TRAVIS_REPO_SLUG", name),),
        "branch": (variable("TRAVIS_BRANCH", name, unless("TRAVIS_TAG"), _NO_PULL_REQUEST),),
        "tag": (
            variable("TRAVIS_TAG", name),
            variable("TRAVIS_BRANCH", name, where("TRAVIS_TAG"), _NO_PULL_REQUEST),
        ),
        "commit": (variable("TRAVIS_COMMIT", commit),),
        "pull_request.number": (variable("TRAVIS_PULL_REQUEST", number),),
        "pull_request.head": (variable("TRAVIS_PULL_REQUEST_BRANCH", name),),
        "pull_request.base": (variable("TRAVIS_BRANCH", name, _PULL_REQUEST),),
        "pull_request.head_commit": (variable("TRAVIS_PULL_REQUEST_SHA", commit),),
        "pull_request.head_repository": (variable("TRAVIS_PULL_REQUEST_SLUG", name),),
        "pull_request.base_repository": (variable("TRAVIS_REPO_SLUG", name, _PULL_REQUEST),),
        "run.id": (variable("TRAVIS_BUILD_ID"),),
        "run.url": (variable("TRAVIS_BUILD_WEB_URL"),),
        "job": (variable("TRAVIS_JOB_NAME"),),
    },
    events={"push": "push", "pull_request": "pull_request", "cron": "schedule"},
    advice="nothing.",
)

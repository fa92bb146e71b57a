"""Who sets or rewrites what the CI system says: variables, the event file, two systems at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.attacks.table import Attack, Change
from tests.ci import SYSTEMS, cases
from tests.unit.gather.samples import COMMIT
from tests.workspace import Workspace

NO_CI = "no evidence of kind ci: "
REPOSITORY = "example/status-page"


def with_event(content: Any, **variables: str) -> Change:
    """The event file says this, beside variables of a push to main."""

    def strike(place: Workspace) -> Workspace:
        path = place.folder.parent / "event.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return place.with_variables(GITHUB_EVENT_PATH=str(path), **variables)

    return strike


def event(name: str, content: Any, says: str, **variables: str) -> Attack:
    """A row whose control has an event file that agrees with the variables."""
    honest = {"repository": {"full_name": REPOSITORY, "default_branch": "main"}, "ref": "refs/heads/main"}
    return Attack(
        name=name, prepare=HONEST_EVENT, strike=with_event({**honest, **content}, **variables), says=says
    )


HONEST_EVENT = with_event(
    {"repository": {"full_name": REPOSITORY, "default_branch": "main"}, "ref": "refs/heads/main"}
)
_STRANGER = {"head": {"ref": "main", "repo": {"full_name": "stranger/status-page"}}, "base": {"ref": "main"}}

GITHUB = [
    event(
        "claims main, and the event file is of another branch",
        {"ref": "refs/heads/x"},
        f"{NO_CI}ref: GITHUB_REF",
    ),
    event(
        "claims main, and the event file is of a tag", {"ref": "refs/tags/main"}, f"{NO_CI}ref: GITHUB_REF"
    ),
    event(
        "claims a commit, and the event file is of another", {"after": "2" * 40}, f"{NO_CI}commit: GITHUB_SHA"
    ),
    event(
        "claims a repository, and the event file is of another",
        {"repository": {"full_name": "stranger/status-page"}},
        f"{NO_CI}repository: GITHUB_REPOSITORY says {REPOSITORY}",
    ),
    event(
        "claims a push, and the event file is of a stranger's pull request",
        {"pull_request": _STRANGER},
        f"{NO_CI}event: GITHUB_EVENT_NAME says push, event file: pull_request says pull_request",
    ),
    event(
        "claims a push, and the event file is of a comment",
        {"comment": {}},
        f"{NO_CI}event: GITHUB_EVENT_NAME",
    ),
    event("claims a push after another workflow", {"workflow_run": {}}, f"{NO_CI}event: GITHUB_EVENT_NAME"),
    event("claims a push that deleted its branch", {"deleted": True}, "triggered by other (push)"),
    event(
        "calls its branch the default in the event file",
        {"ref": "refs/heads/evil", "repository": {"full_name": REPOSITORY, "default_branch": "evil"}},
        "the event file alone says, which any step can rewrite",
        GITHUB_REF="refs/heads/evil",
        GITHUB_REF_NAME="evil",
    ),
    Attack(
        name="says two things by one key of the event file",
        prepare=HONEST_EVENT,
        strike=with_event('{"ref": "refs/heads/x", "ref": "refs/heads/main"}'),
        says="occurs twice",
    ),
    Attack(
        name="breaks the event file, so that it cannot disagree",
        prepare=HONEST_EVENT,
        strike=with_event("{"),
        says=f"{NO_CI}the event file",
    ),
]


def sets(name: str, says: str, **variables: str) -> Attack:
    """Variables of the job are others."""
    return Attack(name=name, strike=lambda place: place.with_variables(**variables), says=says)


VARIABLES = [
    sets(
        "claims main by its name alone",
        f"{NO_CI}branch: GITHUB_REF says evil, GITHUB_REF_NAME says main",
        GITHUB_REF="refs/heads/evil",
    ),
    sets(
        "calls a tag like the main branch",
        f"{NO_CI}ref: GITHUB_REF_NAME says branch main, GITHUB_REF says tag main",
        GITHUB_REF="refs/tags/main",
        GITHUB_REF_TYPE="branch",
        GITHUB_REF_NAME="main",
    ),
    sets(
        "calls a tag like the main branch, in all variables",
        "the run is of tag main",
        GITHUB_REF="refs/tags/main",
        GITHUB_REF_TYPE="tag",
    ),
    sets("claims the commit of another run", f"{NO_CI}commit: GITHUB_SHA says", GITHUB_SHA="2" * 40),
    *(
        sets(
            f"writes a branch that looks like main, {how}",
            f"{NO_CI}GITHUB_REF: ",
            GITHUB_REF=f"refs/heads/{ref}",
        )
        for how, ref in {
            "with a space of no width": "ma\u200bin",
            "with a joiner": "main\u2060",
            "from right to left": "\u202eniam",
            "with a Cyrillic letter": "m\u0430in",
            "in wide letters": "\uff4d\uff41\uff49\uff4e",
            "with a soft hyphen": "ma\u00adin",
        }.items()
    ),
    sets(
        "hands another branch over beside GitHub's",
        f"{NO_CI}PUSHPOLICY_CI_REF is set, and nothing reads it",
        PUSHPOLICY_CI_REF="refs/heads/x",
    ),
    sets(
        "writes a repository that looks like this one",
        f"{NO_CI}GITHUB_REPOSITORY: ",
        GITHUB_REPOSITORY="ex\u0430mple/status-page",
    ),
]


def job_of(system: str) -> Change:
    """The same checkout in a job of another system, for a push to main."""

    def prepare(place: Workspace) -> Workspace:
        commit = place.environ["GITHUB_SHA"]
        ours = {
            name: value for name, value in place.environ.items() if not name.startswith(("GITHUB_", "CI"))
        }
        job = {name: commit if value == COMMIT else value for name, value in _pushing(system).items()}
        return replace(place, environ={**ours, **job})

    return prepare


def _pushing(system: str) -> Mapping[str, str]:
    return next(cases(system)).environ


JOBS = {system: job_of(system) for system in SYSTEMS}
# By system: what is done, the words that refuse it, and the variables that do it.
OTHERS: Mapping[str, tuple[tuple[str, str, dict[str, str]], ...]] = {
    "gitlab-ci": (
        (
            "another branch",
            "CI_COMMIT_BRANCH says main, CI_COMMIT_REF_NAME says x",
            {"CI_COMMIT_REF_NAME": "x"},
        ),
        ("a tag, too", "CI_COMMIT_BRANCH says branch main", {"CI_COMMIT_TAG": "main"}),
        ("a merge request", "triggered by pull_request (push)", {"CI_MERGE_REQUEST_IID": "5"}),
    ),
    "jenkins": (
        ("another branch", "BRANCH_NAME says main, GIT_BRANCH says x", {"GIT_BRANCH": "origin/x"}),
        ("a tag like the branch", "the run is of tag main", {"TAG_NAME": "main"}),
        ("a change request", "triggered by pull_request", {"CHANGE_ID": "5"}),
    ),
    "azure-pipelines": (
        ("no branch", "whether refs/pull/5/merge is a branch", {"BUILD_SOURCEBRANCH": "refs/pull/5/merge"}),
        ("a tag like the branch", "the run is of tag main", {"BUILD_SOURCEBRANCH": "refs/tags/main"}),
        ("a pull request", "by pull_request (IndividualCI)", {"SYSTEM_PULLREQUEST_PULLREQUESTID": "5"}),
    ),
    "circleci": (
        ("a tag, too", "CIRCLE_BRANCH says branch main, CIRCLE_TAG says tag main", {"CIRCLE_TAG": "main"}),
        ("a fork", "a pull request from a fork, or from nobody", {"CIRCLE_PR_NUMBER": "5"}),
    ),
    "bitbucket-pipelines": (
        ("a tag, too", "BITBUCKET_BRANCH says branch main", {"BITBUCKET_TAG": "main"}),
        ("a pull request", "triggered by pull_request", {"BITBUCKET_PR_ID": "5"}),
    ),
    "buildkite": (
        (
            "a tag of another name",
            "BUILDKITE_TAG says v1, BUILDKITE_BRANCH says main",
            {"BUILDKITE_TAG": "v1"},
        ),
        ("a tag like the branch", "the run is of tag main", {"BUILDKITE_TAG": "main"}),
        ("a pull request", "by pull_request (webhook)", {"BUILDKITE_PULL_REQUEST": "5"}),
    ),
    "teamcity": (
        ("another commit", "BUILD_VCS_NUMBER says", {"PUSHPOLICY_CI_COMMIT": "2" * 40}),
        ("a tag like the branch", "the run is of tag main", {"PUSHPOLICY_CI_REF": "refs/tags/main"}),
    ),
    "drone": (
        ("another branch", "says x, DRONE_BRANCH says main", {"DRONE_COMMIT_REF": "refs/heads/x"}),
        ("a tag, too", "DRONE_COMMIT_REF says branch main", {"DRONE_TAG": "main"}),
    ),
    "woodpecker": (
        ("another branch", "says x, CI_COMMIT_BRANCH says main", {"CI_COMMIT_REF": "refs/heads/x"}),
        ("a tag, too", "CI_COMMIT_REF says branch main", {"CI_COMMIT_TAG": "main"}),
    ),
    "travis": (
        ("a tag of another name", "TRAVIS_TAG says v1, TRAVIS_BRANCH says main", {"TRAVIS_TAG": "v1"}),
        ("a pull request", "triggered by pull_request (push)", {"TRAVIS_PULL_REQUEST": "5"}),
    ),
    "codebuild": (
        ("another branch", "CODEBUILD_WEBHOOK_TRIGGER says x", {"CODEBUILD_WEBHOOK_TRIGGER": "branch/x"}),
        ("a pull request", "by pull_request (PUSH)", {"CODEBUILD_WEBHOOK_TRIGGER": "pr/5"}),
    ),
    "cloud-build": (
        ("another branch", "BRANCH_NAME says main, REF_NAME says x", {"REF_NAME": "x"}),
        ("another commit", "REVISION_ID says", {"REVISION_ID": "2" * 40}),
    ),
    "tekton": (("a tag like the branch", "the run is of tag main", {"PUSHPOLICY_CI_REF": "refs/tags/main"}),),
    "handed-over": (("a pull request", "by pull_request (push)", {"PUSHPOLICY_CI_PULL_REQUEST": "5"}),),
    "gitea-actions": (("another branch", "GITHUB_REF_NAME says main", {"GITHUB_REF": "refs/heads/x"}),),
    "forgejo-actions": (("another branch", "GITHUB_REF_NAME says main", {"GITHUB_REF": "refs/heads/x"}),),
}


def _set(**variables: str) -> Change:
    return lambda place: place.with_variables(**variables)


def _everywhere(system: str) -> list[Attack]:
    """What is refused in the jobs of every system."""
    prepare, pushing = JOBS[system], _pushing(system)
    commit = next(name for name, value in pushing.items() if value == COMMIT)
    branch = [name for name, value in pushing.items() if value.removeprefix("refs/heads/") == "main"]
    hidden = {name: pushing[name].replace("main", "ma\u200bin") for name in branch}
    return [
        Attack(
            name=f"{system}: claims the commit of another run",
            prepare=prepare,
            strike=_set(**{commit: "2" * 40}),
            says=f"{NO_CI}commit: ",
        ),
        Attack(
            name=f"{system}: writes a branch that looks like main",
            prepare=prepare,
            strike=_set(**hidden),
            says="holds a character that does not show, U+200B",
        ),
    ]


ELSEWHERE = [
    Attack(
        name=f"{system}: claims main, and {what}", prepare=JOBS[system], strike=_set(**variables), says=says
    )
    for system, rows in OTHERS.items()
    for what, says, variables in rows
]
MARKS = {
    "gitlab-ci": {"GITLAB_CI": "true"},
    "jenkins": {"JENKINS_URL": "https://jenkins.example.com/", "BUILD_ID": "7"},
    "azure-pipelines": {"TF_BUILD": "True"},
    "circleci": {"CIRCLECI": "true"},
    "bitbucket-pipelines": {"BITBUCKET_BUILD_NUMBER": "7"},
    "buildkite": {"BUILDKITE": "true"},
    "teamcity": {"TEAMCITY_VERSION": "2026.1"},
    "drone": {"DRONE": "true"},
    "woodpecker": {"CI": "woodpecker"},
    "travis": {"TRAVIS": "true"},
    "codebuild": {"CODEBUILD_BUILD_ID": "app:7"},
    "cloud-build": {"BUILDER_OUTPUT": "/builder/outputs"},
    "laptop": {"PUSHPOLICY_CI": "laptop"},
}
TWO = [
    sets(f"wears the mark of a second system: {system}", f"{NO_CI}provider: ", **mark)
    for system, mark in MARKS.items()
]
DONE = '{"build": {"result": "success", "outputs": {}}, "test": {"result": "success", "outputs": {}}}'


def after_jobs(name: str, says: str, content: str) -> Attack:
    """The jobs before ended otherwise than in success."""
    return Attack(
        name=name, prepare=_set(PUSHPOLICY_JOBS=DONE), strike=_set(PUSHPOLICY_JOBS=content), says=says
    )


JOBS_BEFORE = [
    after_jobs(
        "pushes after a job failed", "test failed", DONE.replace('success", "outputs": {}}}', 'failure"}}')
    ),
    after_jobs("pushes after a job was cancelled", "test was cancelled", '{"test": "cancelled"}'),
    after_jobs("pushes after a job was skipped", "test did not run", '{"test": {"result": "skipped"}}'),
    after_jobs("calls the result of a job neutral", "test did not run", '{"test": "neutral"}'),
    after_jobs("calls the result of a job by a word of its own", "test failed", '{"test": "fine"}'),
    after_jobs(
        "tells of one job twice, as GitLab's API",
        "test failed",
        '[{"name": "test", "status": "failed"}, {"name": "test", "status": "success"}]',
    ),
    after_jobs("tells of one job twice by a key", "occurs twice", '{"test": "failure", "test": "success"}'),
    after_jobs("tells of no jobs that can be read", f"{NO_CI}PUSHPOLICY_JOBS is not JSON", "{"),
]
ROWS = [
    *JOBS_BEFORE,
    *GITHUB,
    *VARIABLES,
    *TWO,
    *ELSEWHERE,
    *(attack for system in OTHERS for attack in _everywhere(system)),
]

"""GitHub Actions: its variables, and the event file for what they do not say.

The event file can be rewritten by any earlier step, while what GitHub calls GITHUB_* cannot be set for a
later one: what the file alone says loosens nothing.
"""

from __future__ import annotations

from pushpolicy.gather.ci.readings import (
    boolean,
    branch,
    commit,
    name,
    number,
    plain,
    short_branch,
    tag,
    words,
)
from pushpolicy.gather.ci.table import System, payload, unless, variable, where

_IS_PUSH = where("GITHUB_EVENT_NAME", "push")
_IS_QUEUE = where("GITHUB_EVENT_NAME", "merge_group")
_PULL_REQUESTS = (
    "pull_request",
    "pull_request_target",
    "pull_request_review",
    "pull_request_review_comment",
)
# Of these GITHUB_REF_NAME is NUMBER/merge, which is no branch.
_IS_NO_PULL_REQUEST = unless("GITHUB_EVENT_NAME", *_PULL_REQUESTS)

_RUNNERS = words({"github-hosted": "hosted", "self-hosted": "self-hosted"})
SYSTEM = System(
    name="github-actions",
    title="GitHub Actions",
    document="https://docs.github.com/en/actions/reference/workflows-and-actions/variables",
    hosts=("github.com",),
    marks=(
        where("GITHUB_ACTIONS", "true"),
        unless("GITEA_ACTIONS", "true"),
        unless("FORGEJO_ACTIONS", "true"),
    ),
    event_file="GITHUB_EVENT_PATH",
    fields={
        "event_raw": (variable("GITHUB_EVENT_NAME"),),
        "event": (payload("deleted", words({"true": "other"}), _IS_PUSH),),
        "repository": (
            variable("GITHUB_REPOSITORY", name),
            payload("repository.full_name", name),
        ),
        "repository_id": (variable("GITHUB_REPOSITORY_ID"),),
        "ref": (
            variable("GITHUB_REF", name),
            payload("ref", name, _IS_PUSH),
            payload("merge_group.head_ref", name, _IS_QUEUE),
        ),
        "ref_type": (variable("GITHUB_REF_TYPE"),),
        "branch": (
            variable("GITHUB_REF", branch),
            variable("GITHUB_REF_NAME", name, where("GITHUB_REF_TYPE", "branch"), _IS_NO_PULL_REQUEST),
        ),
        "tag": (
            variable("GITHUB_REF", tag),
            variable("GITHUB_REF_NAME", name, where("GITHUB_REF_TYPE", "tag")),
            payload("release.tag_name", name, where("GITHUB_EVENT_NAME", "release")),
        ),
        "commit": (
            variable("GITHUB_SHA", commit),
            payload("after", commit, _IS_PUSH),
            payload("merge_group.head_sha", commit, _IS_QUEUE),
        ),
        "pull_request.number": (payload("pull_request.number", number),),
        "pull_request.head": (payload("pull_request.head.ref", name), variable("GITHUB_HEAD_REF", name)),
        "pull_request.base": (payload("pull_request.base.ref", name), variable("GITHUB_BASE_REF", name)),
        "pull_request.head_commit": (payload("pull_request.head.sha", commit),),
        "pull_request.head_repository": (payload("pull_request.head.repo.full_name", name),),
        "pull_request.base_repository": (payload("pull_request.base.repo.full_name", name),),
        "upstream.branch": (payload("workflow_run.head_branch", name),),
        "upstream.commit": (payload("workflow_run.head_sha", commit),),
        "upstream.conclusion": (payload("workflow_run.conclusion"),),
        "upstream.event": (payload("workflow_run.event"),),
        "upstream.repository": (payload("workflow_run.head_repository.full_name", name),),
        "ref_protected": (variable("GITHUB_REF_PROTECTED", boolean),),
        "default_branch": (payload("repository.default_branch", short_branch),),
        "actor": (variable("GITHUB_ACTOR", plain),),
        "run.id": (variable("GITHUB_RUN_ID"),),
        "run.attempt": (variable("GITHUB_RUN_ATTEMPT", number),),
        "job": (variable("GITHUB_JOB"),),
        "workflow": (variable("GITHUB_WORKFLOW_REF"),),
        "runner.kind": (variable("RUNNER_ENVIRONMENT", _RUNNERS),),
        "runner.name": (variable("RUNNER_NAME"),),
    },
    claims={
        "event_raw": (variable("event_name"),),
        "repository": (variable("repository", name),),
        "repository_id": (variable("repository_id"),),
        "ref": (variable("ref", name),),
        "ref_type": (variable("ref_type"),),
        "branch": (variable("ref", branch),),
        "tag": (variable("ref", tag),),
        "commit": (variable("sha", commit),),
        "ref_protected": (variable("ref_protected", boolean),),
        "actor": (variable("actor"),),
        "run.id": (variable("run_id"),),
        "run.attempt": (variable("run_attempt", number),),
        "workflow": (variable("workflow_ref"),),
        "environment": (variable("environment"),),
        "runner.kind": (variable("runner_environment", _RUNNERS),),
    },
    kept=("actor_id", "check_run_id", "enterprise_id", "repository_owner_id", "repository_visibility"),
    configuration=("job_workflow_ref", "job_workflow_sha"),
    run_url="{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
    events={
        "push": "push",
        "release": "tag",
        **dict.fromkeys(_PULL_REQUESTS, "pull_request"),
        "schedule": "schedule",
        "workflow_dispatch": "manual",
        "merge_group": "merge_queue",
    },
    untrusted=frozenset(
        {
            "discussion",
            "discussion_comment",
            "fork",
            "gollum",
            "issue_comment",
            "issues",
            "pull_request_comment",
            "pull_request_target",
            "watch",
            "workflow_run",
        }
    ),
    shapes={
        "pull_request": _PULL_REQUESTS,
        "workflow_run": ("workflow_run",),
        "merge_group": ("merge_group",),
        "release": ("release",),
        "comment": (
            "issue_comment",
            "commit_comment",
            "discussion_comment",
            "pull_request_review_comment",
        ),
        "issue": ("issues", "issue_comment", "sub_issues", "issue_dependencies"),
        "discussion": ("discussion", "discussion_comment"),
        "client_payload": ("repository_dispatch",),
        "schedule": ("schedule",),
        "pusher": ("push",),
    },
    needs=dict.fromkeys(_PULL_REQUESTS, "pull_request.head"),
    advice="`actions/checkout` with its default ref; a container needs all `GITHUB_*` and the event file.",
)

"""GitHub, Gitea and Forgejo, "Workflow syntax" and "Security hardening"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pushpolicy.gather.pipeline.commands import Hit
from pushpolicy.gather.pipeline.document import Node
from pushpolicy.gather.pipeline.risks.logins import logs_in
from pushpolicy.gather.pipeline.values import literal
from pushpolicy.model.expressions import expression

_LOGIN_ACTIONS = expression(
    r"docker/(?:login|build-push|bake)-action|(?:redhat-actions/(?:podman-login|push-to-registry))"
    r"|aws-actions/(?:amazon-ecr-login|configure-aws-credentials)|azure/(?:docker-)?login|google-github-actions/auth"
    r"|oras-project/setup-oras|(?:imjasonh|ko-build)/setup-ko|elgohr/publish-docker-github-action"
    r"|mr-smithers-excellent/docker-build-push|whoan/docker-build-with-cache-action|macbre/push-to-ghcr"
    r"|jfrog/setup-jfrog-cli|appleboy/docker-.*|.*/kaniko.*|.*(?:docker|registry|ghcr|quay|ecr|acr)-?login.*",
    re.IGNORECASE,
)
_PINNED = expression(r"[0-9a-f]{40}|sha256:[0-9a-f]{64}")
_UNTRUSTED = frozenset({"pull_request_target", "workflow_run", "issue_comment"})
_FOREIGN = expression(
    r"github\.(?:event\.pull_request\.(?:head\.|merge_commit_sha)|event\.workflow_run\.head_|head_ref)|refs/pull/"
    r"|event\.issue\.number|\bgh pr checkout\b|\bpull/\S{1,80}/(?:head|merge)\b"
)


def of_github(root: Node) -> Iterator[Hit]:
    """Jobs of a workflow, and the steps of an action."""
    triggers = root.get("on").texts()
    for _, job in root.get("jobs").fields:
        steps = job.get("steps").items
        yield from _of_job(steps, is_untrusted=bool(_UNTRUSTED & triggers))
    yield from _of_actions(root.get("runs", "steps").items)


def _of_job(steps: list[Node], *, is_untrusted: bool) -> Iterator[Hit]:
    yield from _of_actions(steps)
    logins = [step for step in steps if _logs_in(step)]
    if not logins:
        return
    if is_untrusted and any(_FOREIGN.search(_code(step)) for step in steps):
        yield from (Hit(step.line, "login-beside-untrusted-code") for step in logins)
    for step in steps:
        action = step.get("uses").text or ""
        if action.startswith("actions/checkout@") and step.get("with", "persist-credentials").text != "false":
            yield Hit(step.get("uses").line, "persisted-credentials")


def _of_actions(steps: list[Node]) -> Iterator[Hit]:
    for step in steps:
        action, _, reference = (step.get("uses").text or "").partition("@")
        if not _LOGIN_ACTIONS.fullmatch(action):
            continue
        if not _PINNED.fullmatch(reference):
            yield Hit(step.get("uses").line, "unpinned-action")
        password = step.get("with", "password")
        if password.text and literal(password.text, is_quoted=True) is not None:
            yield Hit(password.line, "input-literal")


def _logs_in(step: Node) -> bool:
    action = (step.get("uses").text or "").partition("@")[0]
    return bool(_LOGIN_ACTIONS.fullmatch(action)) or logs_in(step.get("run").text)


def _code(step: Node) -> str:
    """What a step checks out, or runs."""
    given = step.get("with")
    return "\n".join(
        filter(None, (given.get("ref").text, given.get("repository").text, step.get("run").text))
    )

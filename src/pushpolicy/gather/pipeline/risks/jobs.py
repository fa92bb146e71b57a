"""GitLab, Azure and Bitbucket: whether what runs for a proposal logs in, and what stands beside a login."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pushpolicy.gather.pipeline.commands import Hit
from pushpolicy.gather.pipeline.document import Node, walk
from pushpolicy.gather.pipeline.risks.logins import is_fixed, is_of_registry, login_in, logs_in
from pushpolicy.gather.pipeline.values import is_credential_name
from pushpolicy.model.expressions import expression

_MERGE_REQUEST = expression(
    r"(?:==|=~)[^&|]{0,40}merge_request_event|^\s*\$CI_MERGE_REQUEST_I?ID\b(?!\s*[!=])"
)
# Where a job has one of these, the rules of the whole pipeline are not all that decides.
_OWN_RULES = frozenset({"rules", "only", "except", "extends", "<<"})
_DOCKER_TASK = expression(r"Docker(?:Compose)?@\d+")
_PUSHES = frozenset({"login", "push", "buildandpush"})
_NO_PROPOSAL = expression(r"PullRequest|SourceBranch|\bfalse\b", re.IGNORECASE)


def of_gitlab(root: Node) -> Iterator[Hit]:
    """GitLab, "CI/CD YAML syntax reference": jobs of merge requests, and `include`."""
    inherited = login_in(root.get("before_script"), root.get("default", "before_script"))
    has_login = inherited is not None
    for _, job in root.fields:
        keys = {key for key, _ in job.fields}
        found = login_in(job.get("before_script"), job.get("script"), job.get("after_script"))
        if found is None and "script" in keys and "before_script" not in keys:
            found = inherited
        if found is None:
            continue
        has_login = True
        rules = root.get("workflow", "rules") if _OWN_RULES.isdisjoint(keys) else job.get("rules")
        only = job.get("only").texts() | job.get("only", "refs").texts()
        if "merge_requests" in only or any(map(_admits_proposals, rules.items)):
            yield Hit(found.line, "login-beside-untrusted-code")
    included = root.get("include").items or [root.get("include")]
    if has_login:
        yield from (Hit(each.line, "unpinned-action") for each in included if _moves(each))


def _admits_proposals(rule: Node) -> bool:
    condition = rule.get("if").text
    return bool(condition and _MERGE_REQUEST.search(condition)) and rule.get("when").text != "never"


def _moves(included: Node) -> bool:
    """Whether others can change what is included."""
    remote, component = included.text or included.get("remote").text, included.get("component").text
    if remote and "://" in remote:
        return not is_fixed(remote) and included.get("integrity").text is None
    if included.get("project").text:
        return not is_fixed(included.get("ref").text or "")
    return component is not None and not is_fixed(component.rpartition("@")[2])


def of_azure(root: Node) -> Iterator[Hit]:
    """Azure, "YAML schema reference": `checkout`, and a `pr` trigger without a condition."""
    pr = root.get("pr")
    has_proposals = bool(pr.texts()) and pr.text not in ("none", "~", "null")
    for stage in root.get("stages").items or [root]:
        for job in stage.get("jobs").items or [stage]:
            for steps in [node.get("steps").items for _, node in walk([job])]:
                yield from _of_azure_steps(steps, has_proposals and not any(map(_is_guarded, (stage, job))))


def _of_azure_steps(steps: list[Node], is_untrusted: bool) -> Iterator[Hit]:
    logins = [step for step in steps if _azure_logs_in(step)]
    if not logins:
        return
    if is_untrusted:
        yield from (Hit(step.line, "login-beside-untrusted-code") for step in logins if not _is_guarded(step))
    for step in steps:
        kept = step.get("persistCredentials")
        if step.get("checkout").text and (kept.text or "").lower() == "true":
            yield Hit(kept.line, "persisted-credentials")


def _is_guarded(node: Node) -> bool:
    return _NO_PROPOSAL.search(node.get("condition").text or "") is not None


def _azure_logs_in(step: Node) -> bool:
    given = step.get("inputs")
    if _DOCKER_TASK.fullmatch(step.get("task").text or ""):
        return (given.get("command").text or "buildAndPush").lower() in _PUSHES
    scripts = (step.get(key) for key in ("script", "bash", "pwsh", "powershell"))
    inputs = (given.get(key) for key in ("script", "inlineScript"))
    return any(logs_in(node.text) for node in (*scripts, *inputs))


def of_bitbucket(root: Node) -> Iterator[Hit]:
    """Bitbucket, "Pipelines configuration reference": `pipe`, and the pipelines of `pull-requests`."""
    for _, node in walk([root]):
        if (pipe := _pipe_with_credential(node)) and not is_fixed(pipe):
            yield Hit(node.line, "unpinned-action")
    for place, node in walk([root.get("pipelines", "pull-requests")]):
        if "script" in place and (logs_in(node.text) or is_of_registry(_pipe_with_credential(node))):
            yield Hit(node.line, "login-beside-untrusted-code")


def _pipe_with_credential(node: Node) -> str:
    is_given = any(is_credential_name(key) for key, _ in node.get("variables").fields)
    return (node.get("pipe").text or "") if is_given else ""

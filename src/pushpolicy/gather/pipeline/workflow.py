"""What a pipeline's YAML shows: its commands, what its keys hold, and what GitHub's jobs do with a login."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pushpolicy.gather.pipeline import commands, document
from pushpolicy.gather.pipeline.commands import Hit
from pushpolicy.gather.pipeline.document import Node
from pushpolicy.gather.pipeline.shell import Word
from pushpolicy.gather.pipeline.values import is_credential_name, is_written, literal
from pushpolicy.model.expressions import expression

# Keys whose text is for people, and above which names mean places in a store.
_WORDS = frozenset(
    {"description", "name", "displayname", "title", "label", "message", "summary", "if", "when"}
)
_STORES = frozenset(
    {
        *(
            "secrets-manager",
            "parameter-store",
            "secretkeyref",
            "secretref",
            "availablesecrets",
            "secretmanager",
        ),
        *(
            "permissions",
            "id_tokens",
            "exported-variables",
            "from_secret",
            "secret_env",
            "secretenv",
            "concurrency",
        ),
    }
)
# Whatever is given here is shown to a registry.
_REGISTRY_PLACES = frozenset(
    {"credentials", "registry_auth", "registry-auth", "auth", "aws_auth", "registries"}
)
_PASSWORDS = frozenset({"password", "passwd", "pass", "token", "registry_password", "docker_password"})
_LOGIN_ACTIONS = expression(
    r"docker/(?:login|build-push|bake)-action|(?:redhat-actions/(?:podman-login|push-to-registry))"
    r"|aws-actions/(?:amazon-ecr-login|configure-aws-credentials)|azure/(?:docker-)?login|google-github-actions/auth"
    r"|oras-project/setup-oras|(?:imjasonh|ko-build)/setup-ko|elgohr/publish-docker-github-action"
    r"|mr-smithers-excellent/docker-build-push|whoan/docker-build-with-cache-action|macbre/push-to-ghcr"
    r"|jfrog/setup-jfrog-cli|appleboy/docker-.*|.*/kaniko.*|.*(?:docker|registry|ghcr|quay|ecr|acr)-?login.*",
    re.IGNORECASE,
)
_PINNED = expression(r"[0-9a-f]{40}|sha256:[0-9a-f]{64}")
_LOGIN = expression(
    r"\b(?:docker|podman|buildah|skopeo|crane|oras|helm|regctl|ko|cosign)\b[^\n|;&]{0,200}\blogin\b"
    r"|\bdocker push\b"
)
_MAX_LINE = 4096
_UNTRUSTED = frozenset({"pull_request_target", "workflow_run", "issue_comment"})
_FOREIGN = expression(
    r"github\.(?:event\.pull_request\.(?:head\.|merge_commit_sha)|event\.workflow_run\.head_|head_ref)|refs/pull/"
    r"|event\.issue\.number|\bgh pr checkout\b|\bpull/\S{1,80}/(?:head|merge)\b"
)


def read(text: str, words: list[Word], *, is_github: bool) -> Iterator[Hit]:
    """What a file shows.

    Args:
        text: the file.
        words: takes every word of a command.
        is_github: whether it is a workflow or an action, of GitHub, Gitea or Forgejo.

    Raises:
        TooDeepError: when it is nested too deep.
    """
    try:
        documents = document.read(text)
    except document.TooDeepError:
        raise
    except ValueError:
        # Templates, and what no CI system would take: as lines of a script, and of keys.
        yield from _of_lines(text, words)
        return
    for place, node in document.walk(documents):
        if node.fields:
            yield from _of_mapping(place, node, is_github=is_github)
        elif node.text:
            yield from _of_scalar(place, node, words)
        elif any(item.text == "login" for item in node.items):
            yield from commands.listed([Word(item.text or "", item.line) for item in node.items])
    if is_github:
        for root in documents:
            yield from _of_workflow(root)


def _of_lines(text: str, words: list[Word]) -> Iterator[Hit]:
    yield from commands.read(re.sub(r"(?m)^[ \t]*(?:- +)?(?:[\w-]+: +(?=\S))?", "", text), 1, words)
    for number, line in enumerate(text.split("\n"), 1):
        found = len(line) <= _MAX_LINE and re.fullmatch(
            r"\s*(?:- +)?([\w.-]+)\s*:\s+(['\"]?)(.*?)\2\s*", line
        )
        if found and is_credential_name(found[1]) and is_written(found[1], found[3]):
            yield Hit(number, "variable-literal")


def _of_scalar(place: tuple[str, ...], node: Node, words: list[Word]) -> Iterator[Hit]:
    key = place[-1].lower() if place else ""
    if node.text and key not in _WORDS and commands.TELLING.search(node.text):
        yield from commands.read(node.text, node.line, words, is_folded=node.style == ">")


def _of_mapping(place: tuple[str, ...], node: Node, *, is_github: bool) -> Iterator[Hit]:
    above = [key.lower() for key in place]
    if _STORES.intersection(above):
        return
    parent = above[-1] if above else ""
    has_user = any(key.lower() == "username" for key, _ in node.fields)
    for key, value in node.fields:
        if value.text is None or value.style == ">":
            continue
        # GitHub replaces nothing but its own expressions, as a shell does in single quotes.
        found = literal(value.text, is_quoted=is_github)
        if key == "credentials" and (parent == "container" or "services" in above[-2:-1]):
            if found is not None and ":" in found:
                yield Hit(value.line, "input-literal")
        elif _is_password(key, parent, above, has_user=has_user):
            if found is not None and not re.search(r"\s", found):
                yield Hit(value.line, "input-literal")
        elif is_credential_name(key) and is_written(key, value.text, is_quoted=is_github):
            yield Hit(value.line, "variable-literal")
    yield from _of_pair(node, parent)


def _is_password(key: str, parent: str, above: list[str], *, has_user: bool) -> bool:
    """Whether a key holds what is shown to a registry: any literal there is one."""
    if key.lower() not in _PASSWORDS:
        return False
    if _REGISTRY_PLACES.intersection(above[-3:]):
        return True
    is_login = parent in ("with", "settings", "inputs") or "login" in parent.lower()
    return is_login and has_user and key.lower() != "token"


def _of_pair(node: Node, parent: str) -> Iterator[Hit]:
    """`name: X, value: Y` as Kubernetes and Azure have it, and the default of a parameter."""
    name, value, default = node.get("name").text, node.get("value"), node.get("default")
    if name and value.text and is_credential_name(name) and is_written(name, value.text):
        yield Hit(value.line, "variable-literal")
    if default.text and is_credential_name(parent or "") and is_written(parent, default.text):
        yield Hit(default.line, "variable-literal")


def _of_workflow(root: Node) -> Iterator[Hit]:
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
    return bool(_LOGIN_ACTIONS.fullmatch(action) or _LOGIN.search(step.get("run").text or ""))


def _code(step: Node) -> str:
    """What a step checks out, or runs."""
    given = step.get("with")
    return "\n".join(
        filter(None, (given.get("ref").text, given.get("repository").text, step.get("run").text))
    )

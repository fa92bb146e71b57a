"""What logs in to a registry, and what can no longer be changed by others: the same in every CI system."""

from __future__ import annotations

from pushpolicy.gather.pipeline.document import Node, walk
from pushpolicy.model.expressions import expression

_LOGIN = expression(
    r"\b(?:docker|podman|buildah|skopeo|crane|oras|helm|regctl|ko|cosign)\b[^\n|;&]{0,200}\blogin\b"
    r"|\bdocker push\b|\baz acr login\b"
)
# What orbs, plugins and pipes that log in are called.
_OF_REGISTRY = expression(
    r"(?:^|[/_-])(?:docker(?:-login|-publish|hub)?|ecr|gcr|acr|gar|artifact-registry|ghcr|quay|harbor|kaniko)"
    r"(?:[/_@#:-]|$)"
)
# A version of three numbers is expected to stay what it is, one of fewer is not.
_FIXED = expression(
    r"(?:[@#:/]|^)(?:v?\d+\.\d+\.\d+(?:[-+.][\w.+-]*)?|[0-9a-f]{40}|sha256:[0-9a-f]{64})(?:/|$)"
)


def logs_in(text: str | None) -> bool:
    """Whether a command logs in to a registry, or pushes to it."""
    return bool(text) and _LOGIN.search(text or "") is not None


def login_in(*nodes: Node) -> Node | None:
    """The first command below these that logs in."""
    return next((node for _, node in walk(list(nodes)) if logs_in(node.text)), None)


def is_of_registry(name: str) -> bool:
    """Whether an orb, a plugin or a pipe of this name logs in to a registry."""
    return _OF_REGISTRY.search(name) is not None


def is_fixed(reference: str) -> bool:
    """Whether it names a commit, a digest or a full version; a variable cannot be told."""
    return "$" in reference or _FIXED.search(reference) is not None


def name_of(node: Node) -> str:
    """Of what is a name, or a name with its parameters below it."""
    return node.text or (node.fields[0][0] if node.fields else "")

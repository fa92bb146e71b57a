"""Gitea Actions and Forgejo Actions: what their runners set is what GitHub's sets, and a mark."""

from __future__ import annotations

from msgspec.structs import replace

from pushpolicy.gather.ci import github
from pushpolicy.gather.ci.table import unless, where

_IS_ACTIONS = where("GITHUB_ACTIONS", "true")

GITEA = replace(
    github.SYSTEM,
    name="gitea-actions",
    title="Gitea Actions",
    document="https://docs.gitea.com/usage/actions/comparison",
    marks=(where("GITEA_ACTIONS", "true"), _IS_ACTIONS, unless("FORGEJO_ACTIONS", "true")),
)
FORGEJO = replace(
    github.SYSTEM,
    name="forgejo-actions",
    title="Forgejo Actions",
    document="https://forgejo.org/docs/latest/user/actions/reference/",
    marks=(where("FORGEJO_ACTIONS", "true"), _IS_ACTIONS),
)

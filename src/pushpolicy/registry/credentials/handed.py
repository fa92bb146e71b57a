"""What a CI system hands a job for its own registry, and for no other.

GitLab: "Predefined CI/CD variables reference"; GitHub: "Automatic token authentication".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pushpolicy.registry.credentials.credential import Credential, SourceKind


class _Handed(NamedTuple):
    """One pair, by the variables' names.

    Attributes:
        mark: the variable that is set to `marks` in a job of that system.
        host: the host it is for, or the variable that names it.
        user: the variable that holds the user name, or the name.
        password: the variable that holds the password.
    """

    mark: str
    marks: str
    host: str
    user: str
    password: str


_GITLAB = ("GITLAB_CI", "true", "CI_REGISTRY")
_HANDED = (
    _Handed(*_GITLAB, "CI_REGISTRY_USER", "CI_REGISTRY_PASSWORD"),
    _Handed(*_GITLAB, "CI_DEPLOY_USER", "CI_DEPLOY_PASSWORD"),
    _Handed(*_GITLAB, "gitlab-ci-token", "CI_JOB_TOKEN"),
    # Where the pipeline hands it on as a variable. The registry of an Enterprise Server is another one.
    _Handed("GITHUB_SERVER_URL", "https://github.com", "ghcr.io", "GITHUB_ACTOR", "GITHUB_TOKEN"),
    _Handed("GITHUB_ACTIONS", "true", "GITHUB_SERVER_URL", "GITHUB_ACTOR", "GITHUB_TOKEN"),
)
# The variables that hold passwords.
PASSWORDS = tuple(item.password for item in _HANDED)
# Logins that are no exchange: the registry takes the job's token itself, which `--login` shows it only after
# the decision.
JOB_TOKENS = {"github": "GITHUB_TOKEN", "gitlab": "CI_JOB_TOKEN"}


def handed(registry: str, environ: Mapping[str, str], variable: str | None = None) -> Credential | None:
    """What the job was handed for its own registry, where that is the registry asked for.

    Args:
        registry: the one asked for.
        environ: of the job.
        variable: the one whose password counts; None for any.
    """
    for item in _HANDED:
        if variable not in (None, item.password):
            continue
        host = _host(item.host, environ)
        user = environ.get(item.user) if item.user.isupper() else item.user
        password = environ.get(item.password)
        is_own = environ.get(item.mark) == item.marks and host.lower() == registry
        if is_own and user and password:
            return Credential(
                source_kind=SourceKind.VARIABLE, username=user, secret=password, variable=item.password
            )
    return None


def _host(name: str, environ: Mapping[str, str]) -> str:
    """A variable holds a host, or the address of a server, whose registry is a subdomain of it."""
    said = environ.get(name, "") if name.isupper() else name
    _, is_address, server = said.partition("://")
    return f"containers.{server.rstrip('/')}" if is_address else said

"""Which class a credential is of (standards: source classes), and whether it belongs to the registry.

That it was found in a variable, a file or a helper is seen here. That it is a job's token or was traded for
an identity follows from its form and from variables, which somebody asserts: only an exchange made in this
run could say more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from pushpolicy.identity.forms import Told
from pushpolicy.identity.vendors import vendor_of
from pushpolicy.registry.credentials import Credential, SourceKind

# Tokens that the CI system makes for a job and that end with it: who issues them, by variable.
_OF_JOBS = {"GITHUB_TOKEN": "github", "CI_JOB_TOKEN": "gitlab"}
_JOB_KINDS = frozenset({"app-token", "job-token"})
# Helpers that can trade the job's identity for a short-lived token, and whose; and what shows that they do.
_IDENTITY_HELPERS = {"acr-env": "azure", "ecr-login": "aws"}
_IDENTITY_MARKS = {
    "azure": ("AZURE_FEDERATED_TOKEN_FILE",),
    "aws": (
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ),
}
# Whose access tokens are got for an identity alone.
_IDENTITY_TOKENS = frozenset({"azure", "google"})


class Source(NamedTuple):
    """The class, and what follows from it."""

    name: str
    ephemeral: bool | None = None
    user_kind: str | None = None
    is_asserted: bool = True


def source_of(credential: Credential, told: Told, registry: str, environ: Mapping[str, str]) -> Source:
    """The class of a credential that will be shown to a registry."""
    if credential.is_anonymous:
        return Source("anonymous", is_asserted=False)
    if fits_registry(told.issued_by, registry, environ) is False:
        return Source("foreign", told.ephemeral, told.user_kind)
    if told.user_kind in _JOB_KINDS:
        return Source("platform-token", told.ephemeral, _kind_of_job(credential, told, environ))
    if told.issued_by is None and _is_of_job(credential, registry, environ):
        return Source("platform-token", True, "job-token")
    if _is_identity(credential, told, registry, environ):
        return Source("workload-identity", True if told.ephemeral is None else told.ephemeral, told.user_kind)
    match credential.source_kind:
        case SourceKind.HELPER:
            name, is_asserted = "helper", False
        case SourceKind.FILE:
            name, is_asserted = "file", False
        case _:
            # A variable, or standard input: what the pipeline hands over, by its secret store as far as
            # can be told from inside the job.
            name, is_asserted = "secret-env", True
    return Source(name, told.ephemeral, told.user_kind, is_asserted)


def fits_registry(issuer: str | None, registry: str, environ: Mapping[str, str]) -> bool | None:
    """Whether a registry takes the tokens of an issuer; None where its host does not tell."""
    if issuer is None:
        return None
    if registry in _own_hosts(issuer, environ):
        return True
    vendor = vendor_of(registry)
    return None if vendor is None else vendor.issuer == issuer


def _own_hosts(issuer: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The registries of the installation whose job this is, as its variables name them."""
    if issuer == "gitlab":
        return (environ.get("CI_REGISTRY", "").lower(),)
    if issuer != "github":
        return ()
    try:
        host = urlsplit(environ.get("GITHUB_SERVER_URL", "")).netloc.lower()
    except ValueError:
        return ()
    # An Enterprise Server's registry is a subdomain; that of Gitea and Forgejo is the server itself.
    return (f"containers.{host}", host)


def _kind_of_job(credential: Credential, told: Told, environ: Mapping[str, str]) -> str | None:
    is_own = any(environ.get(name) in credential.secrets for name in _OF_JOBS)
    return "job-token" if is_own else told.user_kind


def _is_of_job(credential: Credential, registry: str, environ: Mapping[str, str]) -> bool:
    """Whether it is what a variable says to be the job's token, and the registry is that system's."""
    return any(
        environ.get(name) in credential.secrets and fits_registry(issuer, registry, environ) is True
        for name, issuer in _OF_JOBS.items()
    )


def _is_identity(credential: Credential, told: Told, registry: str, environ: Mapping[str, str]) -> bool:
    if told.ephemeral is False:
        return False
    if told.user_kind == "identity-token":
        return True
    issuer = told.issued_by or _IDENTITY_HELPERS.get(credential.helper or "")
    if fits_registry(issuer, registry, environ) is not True:
        return False
    if issuer in _IDENTITY_TOKENS and told.user_kind == "access-token":
        return True
    return any(map(environ.get, _IDENTITY_MARKS.get(issuer or "", ())))

"""What a token says of itself by its form: whose it is, what kind, how long it lives, what it may push.

Nothing of it is verified: a prefix can be written by anybody, and no signature is looked at.

Forms as the issuers document them: GitHub "Behind GitHub's new authentication token formats", GitLab "Token
overview", Docker "Personal access tokens" and "Organization access tokens", AWS GetAuthorizationToken,
Azure "Authenticate with a container registry", Google "Token types", JFrog "Access tokens", CNCF distribution
"Token authentication specification".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from pushpolicy.identity.claims import claims_of, moment, object_in
from pushpolicy.model.expressions import expression

# What ends within a day is taken for short-lived: ECR's passwords, the longest such, live for 12 hours.
SHORT = timedelta(days=1)
_MAX_NAMES = 100
_NAME = expression(r"[A-Za-z0-9*][A-Za-z0-9._/*-]{0,254}")


class _Form(NamedTuple):
    """A form of token: who issues it, its kind, and whether it is short-lived where the form tells."""

    pattern: str
    issued_by: str
    user_kind: str
    ephemeral: bool | None


_FORMS = (
    _Form(r"ghs_\S+", "github", "app-token", True),  # GITHUB_TOKEN is one
    _Form(r"ghu_\S+", "github", "app-token", True),
    _Form(r"(ghp|github_pat)_\S+", "github", "personal-access-token", False),
    _Form(r"gho_\S+", "github", "oauth-token", False),
    _Form(r"glcbt-\S+", "gitlab", "job-token", True),
    _Form(r"glpat-\S+", "gitlab", "personal-access-token", False),  # of projects and groups, too
    _Form(r"gldt-\S+", "gitlab", "deploy-token", False),
    _Form(r"dckr_pat_\S+", "docker", "personal-access-token", False),
    _Form(r"dckr_oat_\S+", "docker", "organisation-token", False),
    _Form(r"ya29\.\S+", "google", "access-token", True),
    _Form(r"[A-Za-z0-9/+]{42}\+ACR[A-Za-z0-9+/]{6}", "azure", "password", False),
    _Form(r"AKCp\S+", "jfrog", "api-key", False),
    _Form(r"cmVmdGtu\S+", "jfrog", "access-token", None),  # a reference token
)
_ACR = "Azure Container Registry"
# Issuers of the identity tokens of jobs and machines.
_IDENTITY_ISSUERS = expression(
    r"https://(token\.actions\.([a-z0-9-]+\.ghe\.com|githubusercontent\.com(/[\w.-]+)?)|gitlab\.com|oidc\.circleci\.com/org/[\w-]+"
    r"|agent\.buildkite\.com|api\.bitbucket\.org/2\.0/workspaces/[\w-]+/pipelines-config/identity/oidc"
    r"|accounts\.google\.com|vstoken\.dev\.azure\.com/[\w-]+)"
)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the form tells; None for what it does not.

    Attributes:
        issued_by: github, gitlab, docker, aws, google, azure or jfrog.
        user_kind: as in `CredentialsEvidence`.
        expires_at: when it ends, by its own word.
        push_to: the repositories that it says it may push to.
    """

    issued_by: str | None = None
    user_kind: str | None = None
    ephemeral: bool | None = None
    expires_at: datetime | None = None
    push_to: tuple[str, ...] | None = None

    @property
    def scope(self) -> str | None:
        """What `push_to` amounts to, as in `CredentialsEvidence`."""
        if self.push_to is None:
            return None
        if any("*" in name for name in self.push_to):
            return "registry"
        return "repository" if len(self.push_to) == 1 else "repositories"


def told(secret: str, user: str | None, at: datetime) -> Told:
    """What the form of a token tells; nothing of one that has no known form.

    Args:
        secret: the token.
        user: as whom it is shown: a password of Amazon ECR is one under its user name only.
        at: the time that a lifetime is counted to.
    """
    for form in _FORMS:
        if re.fullmatch(form.pattern, secret):
            return Told(issued_by=form.issued_by, user_kind=form.user_kind, ephemeral=form.ephemeral)
    claims = claims_of(secret)
    if claims is not None:
        return _of_claims(claims, at)
    ends = _end_of_ecr(secret) if user == "AWS" else None
    if ends is not None:
        return Told(issued_by="aws", user_kind="access-token", ephemeral=ends - at <= SHORT, expires_at=ends)
    return Told()


def _of_claims(claims: Mapping[str, Any], at: datetime) -> Told:
    """What a JWT says; one that names no end has none."""
    ends, began = moment(claims.get("exp")), moment(claims.get("iat"))
    ephemeral = ends is not None and ends - min(began or at, at) <= SHORT
    issuer = claims.get("iss")
    is_identity = isinstance(issuer, str) and _IDENTITY_ISSUERS.fullmatch(issuer) is not None
    return Told(
        issued_by="azure" if issuer == _ACR else None,
        user_kind="identity-token" if is_identity else "access-token",
        ephemeral=ephemeral,
        expires_at=ends,
        push_to=_push_to(claims.get("access")),
    )


def _push_to(access: Any) -> tuple[str, ...] | None:
    """The repositories that an ``access`` claim lets be pushed to, in order; None where it is none."""
    if not isinstance(access, list) or len(access) > _MAX_NAMES:
        return None
    names = set[str]()
    for item in access:
        if not isinstance(item, dict) or not isinstance(item.get("actions"), list):
            return None
        if item.get("type") != "repository" or not {"push", "*"} & set(map(str, item["actions"])):
            continue
        if not isinstance(item.get("name"), str) or not _NAME.fullmatch(item["name"]):
            return None
        names.add(item["name"])
    return tuple(sorted(names))


def _end_of_ecr(password: str) -> datetime | None:
    """When a password of Amazon ECR ends, which it says in itself; None for anything else."""
    content = object_in(password)
    is_one = content is not None and {"payload", "datakey", "expiration"} <= content.keys()
    return moment(content["expiration"]) if content is not None and is_one else None

"""Issuers of identity tokens: those that are known, and how a policy's trust.yaml names others.

An issuer is chosen from this list, never by what a token says of itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pushpolicy.http.addresses import Origin, is_address, origin
from pushpolicy.model.document import Exact

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]


class Issuer(Exact, frozen=True):
    """An issuer of identity tokens (OpenID Connect Discovery 1.0).

    Attributes:
        issuer: what its tokens name as ``iss``, exactly.
        system: the CI system whose jobs it vouches for, by its name in the evidence; its claims are known.
        audience: what its tokens must be for; None where the run chooses one.
        jwks: its keys, for machines that do not reach it; in trust.yaml a file that holds them.
        jwks_url: where its keys are, on its own host; None where its discovery document says it.
        algorithms: what it signs with.
        claims: field of ``ci`` to the claim that says it, where no system is named or it says it otherwise.
    """

    issuer: str
    system: str | None = None
    audience: str | None = None
    jwks: str | Mapping[str, Any] | None = None
    jwks_url: str | None = None
    algorithms: tuple[Algorithm, ...] = ("RS256",)
    claims: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        if urlsplit(self.issuer).scheme != "https" or not is_address(self.issuer):
            raise ValueError(f"the issuer {self.issuer} is no https address")
        if not self.algorithms:
            raise ValueError(f"the issuer {self.issuer} has no algorithms")


KNOWN: Mapping[str, Issuer] = {
    "github": Issuer(
        issuer="https://token.actions.githubusercontent.com",
        system="github-actions",
        jwks_url="https://token.actions.githubusercontent.com/.well-known/jwks",
    ),
    "gitlab": Issuer(
        issuer="https://gitlab.com",
        system="gitlab-ci",
        jwks_url="https://gitlab.com/oauth/discovery/keys",
    ),
    "buildkite": Issuer(
        issuer="https://agent.buildkite.com",
        system="buildkite",
        jwks_url="https://agent.buildkite.com/.well-known/jwks",
    ),
    "google": Issuer(
        issuer="https://accounts.google.com",
        system="cloud-build",
        jwks_url="https://www.googleapis.com/oauth2/v3/certs",
    ),
}


def gives_tokens(asked: Origin, issuers: Iterable[Issuer]) -> bool:
    """Whether a host belongs to one of the issuers: where a job may ask for its token.

    GitHub's issuer is ``token.actions.DOMAIN``, and jobs ask other hosts of that domain; GitHub Enterprise
    Server is asked itself.
    """
    return any(_belongs(asked, each.issuer) for each in issuers)


def _belongs(asked: Origin, issuer: str) -> bool:
    if asked == origin(issuer):
        return True
    name = urlsplit(issuer).hostname or ""
    domain = name.removeprefix("token")
    is_below = domain.startswith(".actions.") and asked[1].endswith(domain)
    return is_below and asked == ("https", asked[1], 443)

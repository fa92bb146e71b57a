"""Issuers of identity tokens: those that are known, and how a policy's trust.yaml names others.

An issuer is chosen from this list, never by what a token says of itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from msgspec.structs import replace

from pushpolicy.http.addresses import Origin, is_address, origin
from pushpolicy.model.document import Exact

_GOOGLE = ("https://accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs")
# An issuer for each organisation, whose id is the audience too (circleci.com/docs, OpenID Connect tokens).
_CIRCLECI = "https://oidc.circleci.com/org/"

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
# Those whose claims are known.
System = Literal["github-actions", "gitlab-ci", "circleci", "buildkite", "cloud-build"]

# Of `ci`, what a claim can say; `ref` says branch and tag too.
Field = Literal[
    "repository",
    "repository_id",
    "ref",
    "commit",
    "event_raw",
    "run.id",
    "run.attempt",
    "job",
    "job_id",
    "actor",
    "workflow",
    "environment",
    "ref_protected",
]


def _is_on(url: str, issuer: str) -> bool:
    return is_address(url) and origin(url) == origin(issuer)


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
    system: System | None = None
    audience: str | None = None
    jwks: str | Mapping[str, Any] | None = None
    jwks_url: str | None = None
    algorithms: tuple[Algorithm, ...] = ("RS256",)
    claims: Mapping[Field, str] = {}

    def __post_init__(self) -> None:
        if urlsplit(self.issuer).scheme != "https" or not is_address(self.issuer):
            raise ValueError(f"the issuer {self.issuer} is no https address")
        if not self.algorithms:
            raise ValueError(f"the issuer {self.issuer} has no algorithms")
        if (
            self.jwks_url
            and (self.issuer, self.jwks_url) != _GOOGLE
            and not _is_on(self.jwks_url, self.issuer)
        ):
            raise ValueError(f"jwks_url {self.jwks_url} is not on the host of {self.issuer}")

    def completed(self) -> Issuer:
        """With what is known of it: a trust.yaml that names GitHub need not say where its keys are."""
        known = next((each for each in KNOWN.values() if each.issuer == self.issuer), None)
        if known is None and self.issuer.startswith(_CIRCLECI):
            keys, organisation = (
                f"{self.issuer}/.well-known/jwks-pub.json",
                self.issuer.removeprefix(_CIRCLECI),
            )
            known = Issuer(issuer=self.issuer, system="circleci", audience=organisation, jwks_url=keys)
        if known is None:
            return self
        return replace(
            self,
            system=self.system or known.system,
            audience=self.audience or known.audience,
            jwks_url=self.jwks_url or known.jwks_url,
        )


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
    "google": Issuer(issuer=_GOOGLE[0], system="cloud-build", jwks_url=_GOOGLE[1]),
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

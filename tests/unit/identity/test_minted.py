"""What was obtained, held against what was promised, by its form. All tokens are made up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pushpolicy.identity.minted import JOB_TOKEN, Minted, Promise
from tests.unit.gather.credentials.test_users import RANDOM, ecr, jwt

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SOON = int(NOW.timestamp()) + 600
SCOPE = "repository:team/app:pull,push"


def promised(registry: str = "registry.example", **more: Any) -> Promise:
    asked = {"name": "broker", "kind": "rfc8693", "scope": SCOPE, "seconds": 3600, **more}
    return Promise(registry=registry, repository="team/app", **asked)


def differences(secret: str, promise: Promise, username: str | None = None) -> tuple[str, ...]:
    """Of a token whose answer says nothing wrong."""
    told = {"token_type": "Bearer", "expires_in": "600", "scope_given": SCOPE}
    return Minted(secret=secret, username=username, told=told, at=NOW).differences(promise)


LONG_LIVED = [
    f"ghp_{RANDOM}",
    f"github_pat_{RANDOM}",
    f"gho_{RANDOM}",
    f"glpat-{RANDOM}",
    f"gldt-{RANDOM}",
    f"dckr_pat_{RANDOM}",
    f"dckr_oat_{RANDOM}",
    f"AKCp{RANDOM}",
    "a" * 42 + "+ACR" + "b" * 6,
    jwt(),
]


@pytest.mark.parametrize("secret", LONG_LIVED)
@pytest.mark.parametrize("username", [None, "robot$ci"])
def test_a_form_without_an_end_is_none_of_an_hour(secret: str, username: str | None) -> None:
    (said,) = differences(secret, promised(), username)
    assert said.endswith("by its form, and names no end of its own")
    assert secret not in said


@pytest.mark.parametrize(
    "secret", [f"glcbt-64_{RANDOM}", jwt(iss="https://token.actions.githubusercontent.com", exp=SOON)]
)
def test_what_jobs_are_handed_is_not_what_was_obtained(secret: str) -> None:
    (said,) = differences(secret, promised())
    assert said.endswith("by its form, not an access token")


@pytest.mark.parametrize(
    ("secret", "username", "registry", "issued_by", "says"),
    [
        (f"ghs_{RANDOM}", None, "docker.io", None, "of github by its form, not of docker"),
        (f"ya29.c.{RANDOM}", "ci", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "aws", "not of aws"),
        (f"ghs_{RANDOM}", "ci", "registry.example", "jfrog", "not of jfrog"),
        (ecr(expiration=SOON), "AWS", "ghcr.io", None, "of aws by its form, not of github"),
        (jwt(iss="Azure Container Registry", exp=SOON), None, "quay.io", None, "not of quay"),
    ],
)
def test_a_token_of_another_vendor(
    secret: str, username: str | None, registry: str, issued_by: str | None, says: str
) -> None:
    (said,) = differences(secret, promised(registry, issued_by=issued_by), username)
    assert said.endswith(says)


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": f"{SCOPE} repository:team/other:pull"},
        {"scope": "repository:team/app:pull,push,delete"},
        {"scp": [SCOPE, "admin"]},
        {"scp": {"admin": True}},
        {"scope": 7},
    ],
)
def test_a_token_that_says_a_wider_scope_than_its_answer(claims: dict[str, Any]) -> None:
    said = differences(jwt(exp=SOON, **claims), promised())
    assert said
    assert all("which was not asked for" in each for each in said)
    assert not differences(jwt(exp=SOON, **claims), promised(scope=None))  # there nobody asked for one


def test_a_token_that_says_a_later_end_than_its_answer() -> None:
    for secret, username in ((jwt(exp=SOON + 86400), None), (ecr(expiration=SOON + 86400), "AWS")):
        (said,) = differences(secret, promised(), username)
        assert said.endswith("longer than 3600 s")


@pytest.mark.parametrize(
    ("secret", "registry"),
    [
        ("opaque", "registry.example"),
        (f"ghs_{RANDOM}", "ghcr.io"),
        (f"ghs_{RANDOM}", "registry.example"),  # an installation of GitHub's, perhaps
        (f"ya29.c.{RANDOM}", "europe-docker.pkg.dev"),
        (f"cmVmdGtu{RANDOM}", "acme.jfrog.io"),
        (jwt(iss="Azure Container Registry", exp=SOON), "acme.azurecr.io"),
        (jwt(exp=SOON, scope=SCOPE), "registry.example"),
    ],
)
def test_what_was_promised_has_no_difference(secret: str, registry: str) -> None:
    assert not differences(secret, promised(registry))
    assert not differences(secret, promised(registry), "robot$ci")  # as whom it is shown, trust.yaml says


def test_the_jobs_own_token_was_judged_by_its_form_before() -> None:
    own = Minted(secret=f"glcbt-64_{RANDOM}", username="gitlab-ci-token", at=NOW)
    assert not own.differences(promised("registry.example", kind=JOB_TOKEN, scope=None, seconds=None))

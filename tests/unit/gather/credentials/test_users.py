"""What forms of tokens tell. All of them are made up: none was ever issued by anybody."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pushpolicy.gather.credentials.source import fits_registry
from pushpolicy.gather.credentials.users import told
from pushpolicy.identity.forms import Told
from pushpolicy.registry.credentials import Credential, SourceKind

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = 3600
SECONDS = int(NOW.timestamp())
RANDOM = "Ab1" * 14
TWO_ENDS = b'{"exp": 1, "exp": 9999999999}'


def encoded(value: Any, *, padding: bool = False) -> str:
    text = base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
    return text if padding else text.rstrip("=")


def jwt(header: Any = {"alg": "RS256"}, **claims: Any) -> str:  # noqa: B006 - it is only read
    return f"{encoded(header)}.{encoded(claims)}.c2lnbmF0dXJl"


def ecr(**content: Any) -> str:
    whole = {"payload": "x", "datakey": "y", "version": "2", "type": "DATA_KEY", **content}
    return encoded(whole, padding=True)


def of(secret: str, user: str = "ci", **fields: Any) -> Told:
    return told(Credential(source_kind=SourceKind.STDIN, username=user, secret=secret, **fields), NOW)


@pytest.mark.parametrize(
    ("secret", "issuer", "kind", "ephemeral"),
    [
        (f"ghs_{RANDOM}", "github", "app-token", True),
        (f"ghu_{RANDOM}", "github", "app-token", True),
        (f"ghp_{RANDOM}", "github", "personal-access-token", False),
        (f"github_pat_{RANDOM}", "github", "personal-access-token", False),
        (f"gho_{RANDOM}", "github", "oauth-token", False),
        (f"glcbt-64_{RANDOM}", "gitlab", "job-token", True),
        (f"glpat-{RANDOM}", "gitlab", "personal-access-token", False),
        (f"gldt-{RANDOM}", "gitlab", "deploy-token", False),
        (f"dckr_pat_{RANDOM}", "docker", "personal-access-token", False),
        (f"dckr_oat_{RANDOM}", "docker", "organisation-token", False),
        (f"ya29.c.{RANDOM}", "google", "access-token", True),
        ("a" * 42 + "+ACR" + "b" * 6, "azure", "password", False),
        (f"AKCp{RANDOM}", "jfrog", "api-key", False),
        (f"cmVmdGtu{RANDOM}", "jfrog", "access-token", None),
        # Near misses are passwords.
        (f"GHS_{RANDOM}", None, "password", None),
        (f"xghs_{RANDOM}", None, "password", None),
        ("ghs_", None, "password", None),
        (f"ghs {RANDOM}", None, "password", None),
        (RANDOM, None, "password", None),
    ],
)
def test_prefixes(secret: str, issuer: str | None, kind: str, ephemeral: bool | None) -> None:
    assert of(secret) == Told(issued_by=issuer, user_kind=kind, ephemeral=ephemeral)


@pytest.mark.parametrize(
    ("user", "kind"),
    [
        ("robot$ci", "robot"),
        ("robot$project+ci", "robot"),
        ("team+ci", "robot"),
        ("gitlab+deploy-token-12", "deploy-token"),
        ("_json_key", "service-account-key"),
        ("_json_key_base64", "service-account-key"),
    ],
)
def test_users(user: str, kind: str) -> None:
    assert of(RANDOM, user) == Told(user_kind=kind, ephemeral=False)


@pytest.mark.parametrize(
    ("claims", "ephemeral"),
    [
        ({"exp": SECONDS + HOUR}, True),
        ({"exp": SECONDS + HOUR, "iat": SECONDS - 60}, True),
        ({"exp": SECONDS + 24 * HOUR}, True),
        ({"exp": SECONDS + 24 * HOUR + 1}, False),
        # A year's token that has an hour left, and one that says that it is issued later.
        ({"exp": SECONDS + HOUR, "iat": SECONDS - 364 * 24 * HOUR}, False),
        ({"exp": SECONDS + 48 * HOUR, "iat": SECONDS + 47 * HOUR}, False),
        # No end, or none that is a time.
        ({}, False),
        ({"exp": None}, False),
        ({"exp": True}, False),
        ({"exp": "1772456400"}, False),
        ({"exp": -1}, False),
        ({"exp": 1e300}, False),
    ],
)
def test_a_jwt_lives_as_long_as_it_says(claims: dict[str, Any], ephemeral: bool) -> None:
    assert of(jwt(**claims)).ephemeral is ephemeral


def test_the_end_of_a_jwt_is_told() -> None:
    assert of(jwt(exp=SECONDS)).expires_at == NOW
    token = Credential(source_kind=SourceKind.FILE, registry_token=jwt(exp=SECONDS))
    assert told(token, NOW).expires_at == NOW


@pytest.mark.parametrize(
    ("access", "push_to"),
    [
        ([{"type": "repository", "name": "team/app", "actions": ["pull", "push"]}], ("team/app",)),
        ([{"type": "repository", "name": "team/app", "actions": ["*"]}], ("team/app",)),
        ([{"type": "repository", "name": "team/app", "actions": ["pull"]}], ()),
        ([{"type": "repository", "name": n, "actions": ["push"]} for n in "ba"], ("a", "b")),
        ([{"type": "repository", "name": "*", "actions": ["push"]}], ("*",)),
        ([{"type": "registry", "name": "catalog", "actions": ["*"]}], ()),
        ([], ()),
        (None, None),
        ("repository:team/app:push", None),
        (["team/app"], None),
        ([{"type": "repository", "name": "team/app", "actions": "push"}], None),
        ([{"type": "repository", "name": "a\x1b[2J", "actions": ["push"]}], None),
        ([{"type": "repository", "name": "a", "actions": ["push"]}] * 101, None),
    ],
)
def test_what_a_jwt_may_push_to(access: Any, push_to: tuple[str, ...] | None) -> None:
    assert of(jwt(access=access)).push_to == push_to


@pytest.mark.parametrize(
    "issuer",
    [
        "https://token.actions.githubusercontent.com",
        "https://token.actions.githubusercontent.com/acme",
        "https://token.actions.acme.ghe.com",
        "https://gitlab.com",
        "https://oidc.circleci.com/org/0000-1111",
        "https://agent.buildkite.com",
    ],
)
def test_identity_tokens(issuer: str) -> None:
    assert of(jwt(iss=issuer)).user_kind == "identity-token"
    others = (issuer.replace("://", "://x."), issuer.replace("https:", "http:"), f"https://x/{issuer}", 1)
    for other in others:
        assert of(jwt(iss=other)).user_kind == "access-token"


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJub25lIn0",
        "eyJ.eyJ.eyJ",
        "eyJhbGciOiJIUzI1NiJ9.bm90IGpzb24.c2ln",
        f"eyJ{'W' * 70000}.e30.x",
        jwt(header={"typ": "JWT"}),
        f"{encoded({'alg': 'x'})}.{encoded([1])}.x",
        f"{encoded({'alg': 'x'})}.{base64.b64encode(b'[' * 9000).decode()}.x",
        "eyJhbGciOiJIUzI1NiJ9.é.x",
        # Two readers could read two ends.
        f"{encoded({'alg': 'x'})}.{base64.b64encode(TWO_ENDS).decode()}.x",
    ],
)
def test_what_is_no_jwt_is_a_password(secret: str) -> None:
    assert of(secret) == Told(user_kind="password")


def test_passwords_of_amazon_tell_their_end() -> None:
    found = of(ecr(expiration=SECONDS + 12 * HOUR), "AWS")
    assert (found.issued_by, found.user_kind, found.ephemeral) == ("aws", "access-token", True)
    assert of(ecr(expiration=SECONDS + 48 * HOUR), "AWS").ephemeral is False
    for other in (ecr(), ecr(expiration="soon"), encoded({"expiration": SECONDS}), RANDOM):
        assert of(other, "AWS") == Told(user_kind="password")
    assert of(ecr(expiration=SECONDS), "somebody").issued_by is None


@pytest.mark.parametrize(
    ("issuer", "registry", "fits"),
    [
        ("github", "ghcr.io", True),
        ("github", "containers.acme.ghe.com", True),
        ("github", "containers.ghe.example", True),
        ("github", "docker.io", False),
        ("github", "registry.gitlab.com", False),
        ("github", "ghcr.io.example.com", None),
        ("github", "registry.example.com", None),
        ("gitlab", "registry.gitlab.example:5050", True),
        ("gitlab", "ghcr.io", False),
        ("docker", "docker.io", True),
        ("docker", "quay.io", False),
        ("aws", "123456789012.dkr.ecr.us-east-1.amazonaws.com", True),
        ("azure", "team.azurecr.io", True),
        ("azure", "team.azurecr.io.example.com", None),
        ("google", "gcr.io", True),
        ("google", "eu.gcr.io", True),
        ("jfrog", "acme.jfrog.io", True),
        (None, "docker.io", None),
    ],
)
def test_which_registry_takes_it(issuer: str | None, registry: str, fits: bool | None) -> None:
    environ = {
        "CI_REGISTRY": "registry.gitlab.example:5050",
        "GITHUB_SERVER_URL": "https://ghe.example",
    }
    assert fits_registry(issuer, registry, environ) is fits
    assert fits_registry(issuer, registry, {"GITHUB_SERVER_URL": "https://[::1"}) in (fits, None)

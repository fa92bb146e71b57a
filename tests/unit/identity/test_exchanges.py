"""The exchanges of vendors, against answers as their documentation has them. None of them was seen live."""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import pytest

from pushpolicy.errors import PushError, UsageError
from pushpolicy.http.call import Answer, Call
from pushpolicy.http.settings import Settings
from pushpolicy.http.transport import Transport
from pushpolicy.identity import ecr
from pushpolicy.identity.exchange import obtain, prepare
from pushpolicy.identity.exchange_kind import Exchange
from pushpolicy.identity.exchanges import KINDS
from pushpolicy.identity.minted import Minted
from pushpolicy.model.reference import Repository

HOUR = 3600
IN_AN_HOUR, SOON = int(time.time()) + HOUR, int(time.time()) + 1800
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
ROLE = "arn:aws:iam::123456789012:role/ci/pusher"
POOL = "projects/42/locations/global/workloadIdentityPools/ci/providers/github"


def jwt(**claims: Any) -> str:
    header = {"alg": "RS256", "typ": "JWT"}
    parts = (json.dumps(part).encode() for part in (header, claims, {"no": "signature"}))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def acr_token(**more: Any) -> str:
    access = [{"type": "repository", "name": "team/app", "actions": ["pull", "push"]}]
    return jwt(iss="Azure Container Registry", exp=IN_AN_HOUR, access=access, **more)


def ecr_answer(registry: str = ECR) -> dict[str, Any]:
    """ECR, GetAuthorizationToken: Example."""
    return {
        "authorizationData": [
            {
                "authorizationToken": base64.b64encode(b"AWS:the-password").decode(),
                "expiresAt": time.time() + 12 * HOUR,
                "proxyEndpoint": f"https://{registry}",
            }
        ]
    }


def sts_answer(role: str = "pusher", **more: Any) -> dict[str, Any]:
    """STS, AssumeRoleWithWebIdentity: Response elements."""
    result = {
        "Credentials": {
            "AccessKeyId": "ASIAEXAMPLE",
            "SecretAccessKey": "the-key",
            "SessionToken": "the-session",
            "Expiration": time.time() + 900,
        },
        "AssumedRoleUser": {
            "Arn": f"arn:aws:sts::123456789012:assumed-role/{role}/pushpolicy",
            "AssumedRoleId": "AROAEXAMPLE:pushpolicy",
        },
        "PackedPolicySize": 12,
        "Provider": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
        "Audience": "sts.amazonaws.com",
        "SubjectFromWebIdentityToken": "repo:team/app:ref:refs/heads/main",
    } | more
    return {"AssumeRoleWithWebIdentityResponse": {"AssumeRoleWithWebIdentityResult": result}}


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """One exchange: what trust.yaml says, what each address answers, and what comes out of it."""

    registry: str
    settings: Exchange
    answers: dict[str, dict[str, Any]]
    audience: str
    secret: str
    username: str | None
    asks: dict[str, dict[str, Any]] = field(default_factory=dict)


VENDORS: dict[str, Vendor] = {
    "aws": Vendor(
        registry=ECR,
        settings=Exchange(role=ROLE),
        answers={
            "https://sts.eu-central-1.amazonaws.com/": sts_answer(),
            "https://api.ecr.eu-central-1.amazonaws.com/": ecr_answer(),
        },
        audience="sts.amazonaws.com",
        secret="the-password",
        username="AWS",
        asks={
            "https://sts.eu-central-1.amazonaws.com/": {
                "Action": "AssumeRoleWithWebIdentity",
                "RoleArn": ROLE,
                "WebIdentityToken": "the-job",
                "DurationSeconds": "900",
            }
        },
    ),
    "azure": Vendor(
        registry="acme.azurecr.io",
        settings=Exchange(tenant="the-tenant", client="the-client"),
        answers={
            "https://login.microsoftonline.com/the-tenant/oauth2/v2.0/token": {
                "token_type": "Bearer",
                "expires_in": 3599,
                "access_token": "entra",
            },
            "https://acme.azurecr.io/oauth2/exchange": {"refresh_token": jwt(exp=IN_AN_HOUR)},
            "https://acme.azurecr.io/oauth2/token": {"access_token": acr_token()},
        },
        audience="api://AzureADTokenExchange",
        secret=acr_token(),
        username=None,
        asks={
            "https://acme.azurecr.io/oauth2/token": {
                "scope": "repository:team/app:pull,push",
                "service": "acme.azurecr.io",
            }
        },
    ),
    "dockerhub": Vendor(
        registry="docker.io",
        settings=Exchange(connection="c0ffee00-0000-4000-8000-000000000000", username="acme"),
        answers={
            "https://identity.docker.com/oauth/token": {
                "access_token": jwt(exp=SOON),
                "token_type": "Bearer",
                "expires_in": 300,
            }
        },
        audience="https://identity.docker.com",
        secret=jwt(exp=SOON),
        username="acme",
        asks={
            "https://identity.docker.com/oauth/token": {
                "connection_id": "c0ffee00-0000-4000-8000-000000000000",
                "subject_token": "the-job",
            }
        },
    ),
    "google": Vendor(
        registry="europe-docker.pkg.dev",
        settings=Exchange(provider=POOL, account="push@acme.iam.gserviceaccount.com"),
        answers={
            "https://sts.googleapis.com/v1/token": {
                "access_token": "federated",
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "token_type": "Bearer",
                "expires_in": 3599,
            },
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
            "push@acme.iam.gserviceaccount.com:generateAccessToken": {
                "accessToken": "ya29.the-token",
                "expireTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 900)),
            },
        },
        audience=f"https://iam.googleapis.com/{POOL}",
        secret="ya29.the-token",
        username="oauth2accesstoken",
        asks={"https://sts.googleapis.com/v1/token": {"audience": f"//iam.googleapis.com/{POOL}"}},
    ),
    "jfrog": Vendor(
        registry="acme.jfrog.io",
        settings=Exchange(url="https://acme.jfrog.io", provider="github"),
        answers={
            "https://acme.jfrog.io/access/api/v1/oidc/token": {
                "access_token": jwt(exp=IN_AN_HOUR, sub="jfac@x/users/ci-pusher"),
                "expires_in": 600,
                "scope": "applied-permissions/user",
                "token_type": "Bearer",
            }
        },
        audience="https://acme.jfrog.io",
        secret=jwt(exp=IN_AN_HOUR, sub="jfac@x/users/ci-pusher"),
        username="ci-pusher",
        asks={"https://acme.jfrog.io/access/api/v1/oidc/token": {"provider_name": "github"}},
    ),
}


class Recorded(Transport):
    """Answers as recorded, and keeps what it was asked."""

    def __init__(self, answers: dict[str, dict[str, Any]]) -> None:
        super().__init__(Settings())
        self.answers = answers
        self.asked: dict[str, Call] = {}

    def exchange(self, call: Call) -> Answer:
        self.asked[call.url] = call
        content = json.dumps(self.answers[call.url]).encode()
        return Answer(status=200, headers={}, content=content, url=call.url)

    def said(self, url: str) -> dict[str, Any]:
        """The fields of a form or of JSON."""
        call = self.asked[url]
        assert call.body
        content = call.body()
        assert isinstance(content, bytes)
        if call.headers["Content-Type"] == "application/x-www-form-urlencoded":
            return {name: values[0] for name, values in parse_qs(content.decode()).items()}
        return dict(json.loads(content))


def exchanged(
    name: str, answers: dict[str, dict[str, Any]] | None = None
) -> tuple[Minted, Recorded, list[str], str]:
    """What is obtained, what was asked with, the secrets that were told of, and the audience asked for."""
    vendor, kept, audiences = VENDORS[name], list[str](), list[str]()
    transport = Recorded(answers or vendor.answers)

    def job_token(audience: str) -> str:
        audiences.append(audience)
        return "the-job"

    prepared = prepare(name, vendor.settings, Repository.parse(f"{vendor.registry}/team/app"))
    minted = obtain(prepared, job_token, transport, kept.append)
    assert not minted.differences(prepared.promise)
    (audience,) = audiences
    return minted, transport, kept, audience


def test_every_exchange_but_the_generic_one_is_in_the_table() -> None:
    """That one is tried with a real registry (tests/integration/test_login.py)."""
    assert VENDORS.keys() == KINDS.keys() - {"rfc8693"}


@pytest.mark.parametrize("name", VENDORS)
def test_a_recorded_exchange_gives_what_the_registry_is_shown(name: str) -> None:
    vendor = VENDORS[name]
    minted, transport, kept, audience = exchanged(name)
    assert (minted.secret, minted.username, audience) == (vendor.secret, vendor.username, vendor.audience)
    assert list(transport.asked) == list(vendor.answers)
    for url, fields in vendor.asks.items():
        assert fields.items() <= transport.said(url).items()
    assert {"the-job", vendor.secret} <= set(kept)
    assert vendor.secret not in repr(minted)


def test_a_session_of_aws_is_for_this_repository_alone() -> None:
    said = exchanged("aws")[1].said("https://sts.eu-central-1.amazonaws.com/")
    token, own = json.loads(said["Policy"])["Statement"]
    assert token["Action"] == "ecr:GetAuthorizationToken"
    assert own["Resource"] == "arn:aws:ecr:eu-central-1:123456789012:repository/team/app"
    assert "ecr:PutImage" in own["Action"]
    reads = prepare("aws", Exchange(role=ROLE), Repository.parse(f"{ECR}/team/app"), push=False)
    assert "PutImage" not in reads.values["policy"]


def test_every_secret_on_the_way_is_told_of() -> None:
    assert {"the-job", "the-key", "the-session", "the-password"} <= set(exchanged("aws")[2])
    assert {"the-job", "entra"} <= set(exchanged("azure")[2])
    assert {"the-job", "federated"} <= set(exchanged("google")[2])


def test_the_signature_is_that_of_the_published_vector() -> None:
    """AWS, Signature Version 4 test suite: post-vanilla."""
    header = ecr.authorization(
        {"Host": "example.amazonaws.com", "X-Amz-Date": "20150830T123600Z"},
        b"",
        key_id="AKIDEXAMPLE",
        key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        service="service",
        now="20150830T123600Z",
    )
    assert header.endswith("=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ((sts_answer(), ecr_answer("999999999999.dkr.ecr.eu-central-1.amazonaws.com")), "another registry"),
        ((sts_answer("admin"), ecr_answer()), "another role"),
        ((sts_answer(PackedPolicySize=None), ecr_answer()), "PackedPolicySize"),
        ((sts_answer(), {"authorizationData": []}), "authorizationData.0"),
    ],
)
def test_an_answer_of_aws_about_something_else_is_refused(
    answers: tuple[dict[str, Any], dict[str, Any]], says: str
) -> None:
    with pytest.raises(PushError, match=says):
        exchanged("aws", dict(zip(VENDORS["aws"].answers, answers, strict=True)))


@pytest.mark.parametrize(
    ("name", "settings", "registry", "says"),
    [
        ("aws", Exchange(), ECR, "aws needs role"),
        ("aws", None, ECR, "aws needs role"),
        ("aws", Exchange(role=ROLE, tenant="t"), ECR, "aws has no tenant"),
        ("aws", Exchange(role=ROLE), "registry.example", "is not for the registry"),
        ("aws", Exchange(role=ROLE), f"{ECR}.evil.example", "is not for the registry"),
        ("azure", Exchange(tenant="t", client="c"), "acme.azurecr.io.evil.example", "is not for"),
        ("google", Exchange(provider=POOL), "docker.io", "is not for the registry"),
        ("broker", None, "registry.example", "there is no such exchange"),
        ("harbor", None, "harbor.example", "there is no such exchange"),
    ],
)
def test_what_cannot_be_exchanged_is_said_before_anybody_is_asked(
    name: str, settings: Exchange | None, registry: str, says: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        prepare(name, settings, Repository.parse(f"{registry}/team/app"))


def test_a_job_token_goes_to_no_server_in_the_clear() -> None:
    prepared = prepare(
        "broker", Exchange(url="http://broker.example/token"), Repository.parse("registry.example/team/app")
    )
    transport = Recorded({})
    with pytest.raises(PushError, match="goes to https only"):
        obtain(prepared, lambda _: "the-job", transport, lambda _: None)
    assert not transport.asked

"""The exchanges that ``--login`` knows, as a table: what is asked of whom, and where the answer holds what.

None of them was seen live but the last, `rfc8693`; they follow the vendors' documentation:
AWS "AssumeRoleWithWebIdentity" and ECR "GetAuthorizationToken"; Google "Security Token Service: token" and
"IAM Credentials: generateAccessToken"; Microsoft "client credentials flow, federated credential" and ACR
"Authenticate: token exchange"; JFrog "OIDC Token Exchange"; Docker "OIDC connections" (docker/login-action).
Harbor and GHCR have none: Harbor takes robots and users only, and ghcr.io the job's own GITHUB_TOKEN.
"""

from __future__ import annotations

from collections.abc import Mapping

from pushpolicy.errors import PushError
from pushpolicy.identity import ecr
from pushpolicy.identity.claims import claims_of
from pushpolicy.identity.exchange_kind import Kind, Step, Values

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 (a name)
_JWT = "urn:ietf:params:oauth:token-type:jwt"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 (a name)
_CLOUD = "https://www.googleapis.com/auth/cloud-platform"
_HOUR = 3600


SCOPE = "repository:{repository}:{actions}"


def _jfrog_user(values: Values) -> Values:
    """Artifactory takes a token under its own user name: that of the answer, or of the token's subject."""
    subject = str((claims_of(values["token"]) or {}).get("sub", ""))
    user = values.get("answered_user") or values["username"] or subject.partition("/users/")[2]
    if not user:
        raise PushError("the answer names no user", "say it in trust.yaml: `username` of the exchange")
    return {"shown_as": user}


KINDS: Mapping[str, Kind] = {
    "aws": Kind(
        hosts=r"(?P<account_id>\d+)\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.(?P<domain>amazonaws\.com(\.cn)?)",
        needs=("role",),
        token_audience="sts.amazonaws.com",  # noqa: S106 (a name)
        seconds=12 * _HOUR,
        username="AWS",
        scope=SCOPE,  # by a session policy, which takes everything else away
        issued_by="aws",
        further=ecr.session_policy,
        read=ecr.password,
        steps=(
            Step(
                url="https://sts.{region}.{domain}/",
                headers={"Accept": "application/json"},
                body={
                    "Action": "AssumeRoleWithWebIdentity",
                    "Version": "2011-06-15",
                    "RoleArn": "{role}",
                    "RoleSessionName": "pushpolicy",
                    "DurationSeconds": "900",
                    "Policy": "{policy}",
                    "WebIdentityToken": "{job_token}",
                },
                found={
                    name: f"AssumeRoleWithWebIdentityResponse.AssumeRoleWithWebIdentityResult.{place}"
                    for name, place in {
                        "key_id": "Credentials.AccessKeyId",
                        "key": "Credentials.SecretAccessKey",
                        "session": "Credentials.SessionToken",
                        "assumed": "AssumedRoleUser.Arn",
                        "policy_size": "PackedPolicySize",
                    }.items()
                },
            ),
            Step(
                url="https://api.ecr.{region}.{domain}/",
                headers={
                    "Content-Type": "application/x-amz-json-1.1",
                    "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
                },
                body={},
                is_json=True,
                sign=ecr.signed,
                found={
                    "token": "authorizationData.0.authorizationToken",
                    "expires_at": "authorizationData.0.expiresAt",
                    "endpoint": "authorizationData.0.proxyEndpoint",
                },
            ),
        ),
    ),
    "azure": Kind(
        hosts=r"[a-z0-9]+\.azurecr\.(io|cn|us)",
        needs=("client", "tenant"),
        token_audience="api://AzureADTokenExchange",  # noqa: S106 (a name)
        seconds=3 * _HOUR,
        scope=SCOPE,
        issued_by="azure",
        steps=(
            Step(
                url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
                body={
                    "grant_type": "client_credentials",
                    "client_id": "{client}",
                    "scope": "https://containerregistry.azure.net/.default",
                    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    "client_assertion": "{job_token}",
                },
                found={"entra": "access_token"},
            ),
            Step(
                url="https://{registry}/oauth2/exchange",
                body={
                    "grant_type": "access_token",
                    "service": "{registry}",
                    "tenant": "{tenant}",
                    "access_token": "{entra}",
                },
                found={"refresh": "refresh_token"},
            ),
            Step(
                url="https://{registry}/oauth2/token",
                body={
                    "grant_type": "refresh_token",
                    "service": "{registry}",
                    "scope": "{scope}",
                    "refresh_token": "{refresh}",
                },
                found={"token": "access_token"},
            ),
        ),
    ),
    "dockerhub": Kind(
        hosts=r"docker\.io",
        needs=("connection", "username"),
        token_audience="https://identity.docker.com",  # noqa: S106 (an address)
        seconds=_HOUR,
        username="{username}",
        issued_by="docker",
        steps=(
            Step(
                url="https://identity.docker.com/oauth/token",
                body={
                    "grant_type": _EXCHANGE,
                    "subject_token_type": _ID_TOKEN,
                    "subject_token": "{job_token}",
                    "connection_id": "{connection}",
                    "expires_in": "300",
                },
                found={"token": "access_token", "expires_in": "expires_in?"},
            ),
        ),
    ),
    "google": Kind(
        hosts=r"[a-z0-9-]+-docker\.pkg\.dev|([a-z]+\.)?gcr\.io",
        needs=("provider",),
        takes=("account",),
        token_audience="https://iam.googleapis.com/{provider}",  # noqa: S106 (an address)
        seconds=_HOUR,
        username="oauth2accesstoken",
        issued_by="google",
        steps=(
            Step(
                url="https://sts.googleapis.com/v1/token",
                body={
                    "grantType": _EXCHANGE,
                    "audience": "//iam.googleapis.com/{provider}",
                    "scope": _CLOUD,
                    "requestedTokenType": _ACCESS_TOKEN,
                    "subjectToken": "{job_token}",
                    "subjectTokenType": _JWT,
                },
                is_json=True,
                found={"token": "access_token", "expires_in": "expires_in", "token_type": "token_type"},
            ),
            Step(
                url="https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}:generateAccessToken",
                body={"scope": [_CLOUD], "lifetime": "900s"},
                is_json=True,
                headers={"Authorization": "Bearer {token}"},
                only_with="account",
                found={"token": "accessToken", "expires_at": "expireTime"},
            ),
        ),
    ),
    "jfrog": Kind(
        needs=("provider", "url"),
        takes=("username",),
        token_audience="{url}",  # noqa: S106 (an address)
        seconds=_HOUR,
        username="{shown_as}",
        issued_by="jfrog",
        read=_jfrog_user,
        steps=(
            Step(
                url="{url}/access/api/v1/oidc/token",
                body={
                    "grant_type": _EXCHANGE,
                    "subject_token_type": _ID_TOKEN,
                    "subject_token": "{job_token}",
                    "provider_name": "{provider}",
                },
                is_json=True,
                found={
                    "token": "access_token",
                    "expires_in": "expires_in",
                    "token_type": "token_type?",
                    "answered_user": "username?",
                },
            ),
        ),
    ),
    "rfc8693": Kind(
        needs=("url",),
        takes=("audience", "fields", "scope", "username"),
        token_audience="{url}",  # noqa: S106 (a template)
        seconds=_HOUR,
        scope=SCOPE,
        steps=(
            Step(
                url="{url}",
                body={
                    "grant_type": _EXCHANGE,
                    "subject_token": "{job_token}",
                    "subject_token_type": _JWT,
                    "requested_token_type": _ACCESS_TOKEN,
                    "audience": "{audience}",
                    "scope": "{scope}",
                },
                found={
                    "token": "access_token",
                    "expires_in": "expires_in?",
                    "scope_given": "scope?",
                    "token_type": "token_type",
                    "issued_token_type": "issued_token_type?",
                    "refresh_token": "refresh_token?",
                },
            ),
        ),
    ),
}

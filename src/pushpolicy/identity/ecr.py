"""What a table cannot say of Amazon ECR: the session policy, the signature, and what the answer holds.

AWS: "AssumeRoleWithWebIdentity" (Policy), "Signature Version 4", "GetAuthorizationToken".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec.structs import replace

from pushpolicy.errors import PushError
from pushpolicy.http.call import Call
from pushpolicy.model import canonical

_PULL = (
    "BatchCheckLayerAvailability",
    "BatchGetImage",
    "DescribeImages",
    "GetDownloadUrlForLayer",
    "ListImages",
)
_PUSH = ("CompleteLayerUpload", "InitiateLayerUpload", "PutImage", "UploadLayerPart")


def session_policy(values: Mapping[str, str]) -> dict[str, str]:
    """The policy that leaves a session of the role this repository alone, and what is to be done there."""
    actions = _PULL + (_PUSH if "push" in values["actions"].split(",") else ())
    partition = "aws-cn" if values["domain"].endswith(".cn") else "aws"
    place = f"arn:{partition}:ecr:{values['region']}:{values['account_id']}:repository/{values['repository']}"
    statements = [
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": [f"ecr:{action}" for action in actions], "Resource": place},
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    return {"policy": canonical.encode(policy).decode("utf-8")}


def signed(call: Call, values: Mapping[str, str]) -> Call:
    """The request with its signature: a POST to the root of a host, with a body in memory."""
    body = call.body() if call.body else b""
    assert isinstance(body, bytes)
    now, host = values["now"], urlsplit(call.url).netloc
    headers = {**call.headers, "Host": host, "X-Amz-Date": now, "X-Amz-Security-Token": values["session"]}
    signature = authorization(
        headers,
        body,
        key_id=values["key_id"],
        key=values["key"],
        region=values["region"],
        service="ecr",
        now=now,
    )
    del headers["Host"]  # whoever sends it sets it
    return replace(call, headers={**headers, "Authorization": signature})


def authorization(
    headers: Mapping[str, str], body: bytes, *, key_id: str, key: str, region: str, service: str, now: str
) -> str:
    """The Authorization header of Signature Version 4 for a POST to /.

    Args:
        headers: all that are signed, Host and X-Amz-Date among them.
        body: what is sent.
        key_id: of the access key.
        key: its secret.
        region: such as eu-central-1.
        service: such as ecr.
        now: the time, as X-Amz-Date has it.
    """
    lines = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    names = ";".join(sorted(lines))
    canonical_headers = "".join(f"{name}:{lines[name]}\n" for name in sorted(lines))
    request = "\n".join(["POST", "/", "", canonical_headers, names, hashlib.sha256(body).hexdigest()])
    scope = f"{now[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    derived = f"AWS4{key}".encode()
    for part in scope.split("/"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    signature = hmac.digest(derived, text.encode(), "sha256").hex()
    return f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}"


def password(values: Mapping[str, str]) -> dict[str, str]:
    """The password that the answer holds, once it is that of this registry, this role and this policy.

    Raises:
        PushError: when it is another's.
    """
    if urlsplit(values["endpoint"]).netloc.lower() != values["registry"]:
        raise PushError(f"ECR answered with a token for another registry than {values['registry']}")
    role = values["role"].rpartition(":role/")[2].rpartition("/")[2]
    if f":assumed-role/{role}/" not in values["assumed"]:
        raise PushError(f"STS answered with a session of another role than {role}")
    try:
        user, _, secret = base64.b64decode(values["token"], validate=True).decode().partition(":")
    except ValueError:
        user = secret = ""
    if user != "AWS" or not secret:
        raise PushError("ECR's answer holds no authorization token as documented")
    return {"token": secret}

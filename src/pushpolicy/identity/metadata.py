"""The identity token of a job's service account, from the metadata server of Google Cloud.

The server is known by its name only and speaks plain http, so another container on the way could answer. Such
an answer gains nothing: what counts is Google's signature, and the nonce in the audience. Sources:
cloud.google.com, "Verify VM identity", "About VM metadata" (Metadata-Flavor), and of Cloud Build "Authorize
service-to-service access".
"""

from __future__ import annotations

import re
from urllib.parse import urlencode

from pushpolicy.errors import PushError
from pushpolicy.http.call import Answer, Call
from pushpolicy.http.failures import refusal
from pushpolicy.http.settings import Settings
from pushpolicy.http.transport import Transport
from pushpolicy.identity.token import MAX_TOKEN, TokenError

_PATH = "/computeMetadata/v1/instance/service-accounts/default/identity"
_FLAVOR, _GOOGLE = "Metadata-Flavor", "Google"
_ACTION = "asking Google's metadata server for an identity token"
# Three parts of base64url (RFC 7515, 3.1).
_SIGNED = re.compile(rb"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2}")
_ACCOUNT = (
    "let the build run as a service account of its own that has roles/iam.serviceAccountOpenIdTokenCreator"
    " on itself, or leave verified identity out"
)
# It is on the machine or next to it: no proxy leads there, and it answers soon or not at all.
SETTINGS = Settings(plain_http=True, connect_timeout=2, read_timeout=5, total_timeout=10, attempts=3)


def metadata_token(address: str, audience: str, settings: Settings = SETTINGS) -> str:
    """A token of the service account that the job runs as, with what is known of its machine (`format=full`).

    Args:
        address: of the metadata server, without a path.
        audience: what the token is asked for.
        settings: how long it may take.

    Raises:
        TokenError: when nobody answers with one in time.
    """
    call = Call(
        action=_ACTION,
        method="GET",
        url=f"{address}{_PATH}?{urlencode({'audience': audience, 'format': 'full'})}",
        headers={_FLAVOR: _GOOGLE},
        limit=MAX_TOKEN,
    )
    try:
        answer = Transport(settings).exchange(call)
    except PushError as error:
        raise TokenError(error.message, error.hint or _ACCOUNT) from error
    return _token(answer)


def _token(answer: Answer) -> str:
    if answer.headers.get(_FLAVOR) != _GOOGLE:
        raise TokenError(
            f"{_ACTION}: what answers does not say {_FLAVOR}: {_GOOGLE}, so it is another server"
        )
    if answer.status != 200:
        raise TokenError(refusal(_ACTION, answer).message, _ACCOUNT)
    value = answer.content.strip()
    if not _SIGNED.fullmatch(value):
        raise TokenError(f"{_ACTION}: the answer holds no token", _ACCOUNT)
    return value.decode("ascii")

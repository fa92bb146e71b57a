"""The token of this job: asked for where its CI system offers that, else taken from a variable.

Source of the request: docs.github.com, "OpenID Connect reference", Requesting the JWT using environment
variables.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from msgspec.structs import replace

from pushpolicy.errors import PushError
from pushpolicy.http.addresses import is_address, origin
from pushpolicy.http.call import Call
from pushpolicy.http.fetch import fetch_json
from pushpolicy.http.settings import Settings
from pushpolicy.http.transport import Transport
from pushpolicy.identity.issuers import KNOWN, Issuer, gives_tokens
from pushpolicy.identity.metadata import metadata_token
from pushpolicy.identity.token import (
    MAX_TOKEN,
    REQUEST_TOKEN,
    REQUEST_URL,
    VARIABLES,
    NoTokenError,
    Token,
    TokenError,
)
from pushpolicy.model.text import printable

_PERMISSION = "let the job have `permissions: id-token: write`, or leave verified identity out"


def trusted_transport(settings: Settings) -> Transport:
    """What issuers and token services are asked with.

    An earlier step could have variables name its own authorities, and be the service: none of them counts.
    """
    return Transport(replace(settings, variables=False))


def fresh_audience(name: str = "pushpolicy") -> str:
    """An audience that no earlier token can have: the name, and 128 bits that are new."""
    return f"{name}/{secrets.token_urlsafe(16)}"


def job_token(
    environ: Mapping[str, str],
    transport: Transport,
    audience: str,
    issuers: Iterable[Issuer] = tuple(KNOWN.values()),
    metadata: str | None = None,
) -> Token:
    """The token of this job, for an audience.

    Args:
        environ: of the job.
        transport: what to ask with.
        audience: what is asked for; a token of a variable has the audience that its pipeline wrote.
        issuers: those that are trusted; the address that a variable names has to be of one of them.
        metadata: address of Google's metadata server, which then is asked and nobody else; None where the
            job is not of Google Cloud Build.

    Raises:
        NoTokenError: when the job has none, and cannot ask for one.
        TokenError: when nobody answers with one, or the address is of no issuer.
    """
    if metadata:
        value = metadata_token(metadata, audience)
        return Token(value=value, source="Google's metadata server", audience=audience)
    if environ.get(REQUEST_URL):
        return Token(
            value=_asked_for(environ, transport, audience, issuers), source=REQUEST_URL, audience=audience
        )
    for name in VARIABLES:
        if value := environ.get(name, "").strip():
            return Token(value=value, source=name)
    raise NoTokenError(
        f"the job has no identity token (none of {REQUEST_URL}, {', '.join(VARIABLES)} is set)"
    )


def _asked_for(
    environ: Mapping[str, str], transport: Transport, audience: str, issuers: Iterable[Issuer]
) -> str:
    url, secret = environ[REQUEST_URL], environ.get(REQUEST_TOKEN)
    if not secret:
        raise TokenError(f"{REQUEST_URL} is set and {REQUEST_TOKEN} is not", _PERMISSION)
    trusted = tuple(issuers)
    if not (is_address(url) and gives_tokens(origin(url), trusted)):
        named = ", ".join(each.issuer for each in trusted)
        raise TokenError(
            f"{REQUEST_URL} is an address of no trusted issuer: {printable(url, 200)}",
            f"the policy trusts {named}; name another under `issuers` of its trust.yaml",
        )
    call = Call(
        action=f"asking for an identity token ({REQUEST_URL})",
        method="GET",
        url=f"{url}{'&' if '?' in url else '?'}audience={quote(audience, safe='')}",
        headers={"Authorization": f"Bearer {secret}", "Accept": "application/json"},
        limit=2 * MAX_TOKEN,
    )
    try:
        answer = fetch_json(transport, call, allows=lambda asked: gives_tokens(asked, trusted))
    except PushError as error:
        raise TokenError(error.message, error.hint or _PERMISSION) from error
    value = answer.get("value") if isinstance(answer, dict) else None
    if not isinstance(value, str) or not value:
        raise TokenError(f"{call.action}: the answer holds no token")
    return value

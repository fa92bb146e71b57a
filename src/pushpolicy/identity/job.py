"""Who this job is, in one step: its token is obtained, and checked with the keys of its issuer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from pushpolicy.http.addresses import is_address, origin
from pushpolicy.http.settings import Settings
from pushpolicy.http.transport import Transport
from pushpolicy.identity.issuers import Issuer, gives_tokens
from pushpolicy.identity.keys import issuer_keys
from pushpolicy.identity.obtain import fresh_audience, job_token
from pushpolicy.identity.token import REQUEST_URL, Token
from pushpolicy.identity.verify import Verified, read_token, verify

# What a token of a variable is for, where trust.yaml names no other audience.
AUDIENCE = "pushpolicy"


def prove(
    environ: Mapping[str, str], issuers: Sequence[Issuer], settings: Settings
) -> tuple[Token, Verified]:
    """The token of this job, and what it proves; one request for it, and one for the keys.

    Args:
        environ: of the job.
        issuers: those that are trusted.
        settings: how they are reached, and how long they may take; no variable says who they are.

    Raises:
        NoTokenError: when the job has none.
        TokenError: when it proves nothing.
    """
    # An earlier step could have variables name its own authorities, and be the issuer.
    transport = Transport(replace(settings, variables=False))
    token = job_token(environ, transport, _wanted(environ, issuers), issuers)
    said = read_token(token, issuers)
    keys = issuer_keys(said.issuer, transport)
    audience = token.audience or said.issuer.audience or AUDIENCE
    return token, verify(token, said, keys, datetime.now(UTC), audience)


def _wanted(environ: Mapping[str, str], issuers: Sequence[Issuer]) -> str:
    """The audience to ask for: a new one, unless trust.yaml wants the same from each run."""
    url = environ.get(REQUEST_URL, "")
    asked = [each for each in issuers if is_address(url) and gives_tokens(origin(url), [each])]
    return next((each.audience for each in asked if each.audience), None) or fresh_audience(AUDIENCE)

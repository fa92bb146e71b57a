"""Who a job is, in one step: a token is obtained, or came with a part, and checked with its issuer's keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pushpolicy.http.addresses import is_address, origin
from pushpolicy.http.settings import Settings
from pushpolicy.identity.issuers import Issuer, gives_tokens
from pushpolicy.identity.keys import Keyring, keys_once
from pushpolicy.identity.obtain import fresh_audience, job_token, trusted_transport
from pushpolicy.identity.token import REQUEST_URL, NoTokenError, Token
from pushpolicy.identity.verify import Verified, read_token, verify

# What a token of a variable is for, where trust.yaml names no other audience.
AUDIENCE = "pushpolicy"


def prove(
    environ: Mapping[str, str],
    issuers: Sequence[Issuer],
    settings: Settings,
    keys: Keyring | None = None,
    metadata: str | None = None,
) -> tuple[Token, Verified]:
    """The token of this job, and what it proves; one request for it, and one for the keys.

    Args:
        environ: of the job.
        issuers: those that are trusted.
        settings: how they are reached, and how long they may take; no variable says who they are.
        keys: those that the run was told before.
        metadata: address of Google's metadata server, in a job that asks it.

    Raises:
        NoTokenError: when the job has none.
        TokenError: when it proves nothing.
    """
    if metadata:
        # Anybody could answer, with a token of any issuer: the job's own is Google's, for this run alone.
        issuers, audience = [each for each in issuers if each.system == "cloud-build"], fresh_audience()
    else:
        audience = _wanted(environ, issuers)
    token = job_token(environ, trusted_transport(settings), audience, issuers, metadata)
    return token, check(token, issuers, settings, {} if keys is None else keys)


def check(token: Token, issuers: Sequence[Issuer], settings: Settings, keys: Keyring) -> Verified:
    """What a token proves that is for the audience that it was asked for; raises and takes as `prove`."""
    said = read_token(token, issuers)
    own = keys_once(said.issuer, trusted_transport(settings), keys)
    audience = token.audience or said.issuer.audience or AUDIENCE
    return verify(token, said, own, datetime.now(UTC), audience)


def ask(environ: Mapping[str, str], issuers: Sequence[Issuer], settings: Settings, audience: str) -> Token:
    """A token of this job for an audience of our own, which one that lies in a variable never is.

    Raises:
        NoTokenError: when the job cannot ask for one.
        TokenError: when nobody answers with one.
    """
    if not environ.get(REQUEST_URL):
        raise NoTokenError(f"the job cannot ask for a token ({REQUEST_URL} is not set)")
    return job_token(environ, trusted_transport(settings), audience, issuers)


def _wanted(environ: Mapping[str, str], issuers: Sequence[Issuer]) -> str:
    """The audience to ask for: a new one, unless trust.yaml wants the same from each run."""
    url = environ.get(REQUEST_URL, "")
    asked = [each for each in issuers if is_address(url) and gives_tokens(origin(url), [each])]
    return next((each.audience for each in asked if each.audience), None) or fresh_audience(AUDIENCE)

"""The keys of an issuer (RFC 7517): from a file of trust.yaml, or from the issuer's own host, once a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushpolicy.errors import PushError
from pushpolicy.http.addresses import Origin, is_address, origin
from pushpolicy.http.call import Call
from pushpolicy.http.fetch import fetch_json
from pushpolicy.http.transport import Transport
from pushpolicy.identity.issuers import Issuer
from pushpolicy.identity.token import TokenError
from pushpolicy.model.text import printable

_DISCOVERY = "/.well-known/openid-configuration"
_UNREACHED = "where the issuer cannot be reached, trust.yaml can name a file with its keys (jwks)"

Jwk = Mapping[str, Any]
# What became of asking each issuer for its keys.
Keyring = dict[str, "tuple[Jwk, ...] | TokenError"]


def keys_once(issuer: Issuer, transport: Transport, asked: Keyring) -> tuple[Jwk, ...]:
    """The keys of an issuer, which is asked once a run, whatever comes of it.

    Args:
        issuer: whose keys.
        transport: what to ask with.
        asked: what became of it before in this run; the answer is added.

    Raises:
        TokenError: as `issuer_keys`, and when that was raised before.
    """
    if issuer.issuer not in asked:
        try:
            asked[issuer.issuer] = issuer_keys(issuer, transport)
        except TokenError as error:
            asked[issuer.issuer] = error
    found = asked[issuer.issuer]
    if isinstance(found, TokenError):
        raise found
    return found


def issuer_keys(issuer: Issuer, transport: Transport) -> tuple[Jwk, ...]:
    """All keys that an issuer publishes.

    Raises:
        TokenError: when there is no answer in time, or it is no set of keys.
    """
    if isinstance(issuer.jwks, Mapping):
        return read_keys(issuer.jwks, f"the keys of {issuer.issuer}")
    url = issuer.jwks_url or _discovered(issuer, transport)
    # Google's known address is on another host; no other issuer may have that.
    value = _fetched(f"fetching the keys of {issuer.issuer}", url, origin(url), transport)
    return read_keys(value, url)


def read_keys(value: Any, name: str) -> tuple[Jwk, ...]:
    """The keys of a JWK Set.

    Raises:
        TokenError: when it is none; `name` is what the message calls it.
    """
    keys = value.get("keys") if isinstance(value, Mapping) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise TokenError(f"{printable(name)} is no set of keys (RFC 7517)")
    return tuple(keys)


def _discovered(issuer: Issuer, transport: Transport) -> str:
    """Where its discovery document says that its keys are, on its own host (OpenID Connect Discovery, 4)."""
    url, own = issuer.issuer.rstrip("/") + _DISCOVERY, origin(issuer.issuer)
    found = _fetched(f"asking {issuer.issuer} where its keys are", url, own, transport)
    said = found.get("issuer") if isinstance(found, dict) else None
    if said != issuer.issuer:
        raise TokenError(f"{url}: it is of the issuer {printable(str(said))}")
    uri = found.get("jwks_uri")
    if not isinstance(uri, str) or not is_address(uri) or origin(uri) != own:
        hint = "trust.yaml can name a file with its keys (jwks)"
        raise TokenError(f"{url}: jwks_uri {printable(str(uri))} is not on the issuer's host", hint)
    return uri


def _fetched(action: str, url: str, own: Origin, transport: Transport) -> Any:
    call = Call(action=action, method="GET", url=url, headers={"Accept": "application/json"})
    try:
        return fetch_json(transport, call, allows=lambda asked: asked == own)
    except PushError as error:
        raise TokenError(error.message, error.hint or _UNREACHED) from error

"""What a token proves: that a trusted issuer signed it, for this run and for now; or why it proves nothing.

PyJWT checks the signature. All else is checked here, on the strict reading of the very bytes that are signed:
by itself it takes tokens without times, of any lifetime, for several audiences, with a claim twice, and
signed by short keys. Sources: RFC 7519, RFC 7515, RFC 8725.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from pushpolicy.identity.issuers import Issuer
from pushpolicy.identity.keys import Jwk
from pushpolicy.identity.token import MAX_TOKEN, Token, TokenError
from pushpolicy.model import strict_json
from pushpolicy.model.strict_json import Shape
from pushpolicy.model.text import printable

# Seconds that the clocks of issuer and runner may be apart.
LEEWAY = 60
# Seconds that a token may live. GitHub's live six hours, so a token that this run asked for may; one that lay
# in a variable is there for every step of the job, and those of GitLab and CircleCI live an hour or less.
LONGEST_ASKED, LONGEST_FOUND = 6 * 3600, 3600
MIN_RSA_BITS, MIN_RSA_EXPONENT = 2048, 65537

_PART = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = Shape(dict.fromkeys(("alg", "typ", "kid", "crit", "jku", "jwk", "x5u", "x5c", "b64", "zip")))
_CLAIMS = Shape(dict.fromkeys(("iss", "sub", "aud", "exp", "iat", "nbf", "jti")))
# What would say how the token is to be read, or whose key it is signed with; the issuer alone says that.
_REFUSED = ("crit", "b64", "jku", "jwk", "x5u", "x5c", "zip")
# Type, and curve where there is one, of the key that an algorithm needs (RFC 7518, 3.1; RFC 8037).
_KEY_OF = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "EdDSA": ("OKP", "Ed25519"),
}
_PUBLIC = ("kty", "kid", "alg", "n", "e", "crv", "x", "y")


class Unverified(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it says of itself; only which key to look for is taken from it."""

    issuer: Issuer
    algorithm: str
    kid: str
    claims: Mapping[str, Any]


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a token proves.

    Attributes:
        issuer: whose it is.
        claims: all of them; ``aud`` is one text.
        key: the public key that it is signed with (RFC 7517).
        algorithm: of the signature.
        audience: what it is for.
        issued, expires: when it was made, and until when it counts.
    """

    issuer: Issuer
    claims: Mapping[str, Any]
    key: Jwk
    algorithm: str
    audience: str
    issued: datetime
    expires: datetime


def read_token(token: Token, issuers: Iterable[Issuer]) -> Unverified:
    """Read a token without believing it, to know whose key it is to be checked with.

    Raises:
        TokenError: when it is not strictly a signed token of one of the issuers.
    """
    header, claims = _parts(token)
    refused = [name for name in _REFUSED if name in header]
    if refused:
        raise TokenError(f"the token's header has {refused[0]}, which says how to read it or whose key it is")
    name = claims.get("iss")
    issuer = next((each for each in issuers if each.issuer == name), None)
    if issuer is None:
        raise TokenError(
            f"the token's issuer {printable(str(name))} is not trusted",
            "name it in the policy's trust.yaml (issuers)",
        )
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in issuer.algorithms:
        known = ", ".join(issuer.algorithms)
        raise TokenError(
            f"the token is signed by {printable(str(algorithm))}; {issuer.issuer} signs by {known}"
        )
    if not isinstance(kid, str) or not kid:
        raise TokenError("the token does not say which key it is signed with (kid)")
    return Unverified(issuer=issuer, algorithm=algorithm, kid=kid, claims=claims)


def verify(token: Token, said: Unverified, keys: Sequence[Jwk], at: datetime, audience: str) -> Verified:
    """Check a token with the keys of its issuer.

    Args:
        token: as it came.
        said: what `read_token` read of it.
        keys: those of the issuer that it names.
        at: the time by the runner's clock.
        audience: what it has to be for.

    Raises:
        TokenError: when it proves nothing.
    """
    key = _key(keys, said)
    _check_signature(token, key, said.algorithm)
    longest = LONGEST_FOUND if token.replayable else LONGEST_ASKED
    issued, expires = _times(said.claims, at.timestamp(), longest)
    return Verified(
        issuer=said.issuer,
        claims={**said.claims, "aud": _audience(said.claims, audience)},
        key={name: key[name] for name in _PUBLIC if name in key},
        algorithm=said.algorithm,
        audience=audience,
        issued=datetime.fromtimestamp(issued, UTC),
        expires=datetime.fromtimestamp(expires, UTC),
    )


def _parts(token: Token) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if len(token.value) > MAX_TOKEN:
        raise TokenError(f"the token of {token.source} is over the limit of {MAX_TOKEN} characters")
    parts = token.value.split(".")
    if len(parts) != 3 or not all(map(_PART.fullmatch, parts)):
        raise TokenError(f"what {token.source} gives is no signed token (RFC 7515, 3.1)")
    return _object(parts[0], "header", _HEADER), _object(parts[1], "payload", _CLAIMS)


def _object(part: str, name: str, shape: Shape) -> Mapping[str, Any]:
    try:
        value = strict_json.read(_decoded(part), shape)
    except ValueError as error:
        raise TokenError(f"the token's {name} {error}") from error
    if not isinstance(value, dict):
        raise TokenError(f"the token's {name} is no object")
    return value


def _decoded(part: str) -> bytes:
    """Base64url of which there is one spelling (RFC 7515, 2)."""
    try:
        content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise ValueError("is not base64url") from error
    if base64.urlsafe_b64encode(content).rstrip(b"=") != part.encode():
        raise ValueError("is base64url with bits that mean nothing")
    return content


def _key(keys: Sequence[Jwk], said: Unverified) -> Jwk:
    """The one key of that name, if it is fit for the algorithm."""
    named = [key for key in keys if key.get("kid") == said.kid]
    of = f"{said.issuer.issuer}: the key {printable(said.kid, 80)}"
    if len(named) != 1:
        raise TokenError(f"{of} is not there" if not named else f"{of} is there {len(named)} times")
    (key,) = named
    kind, curve = _KEY_OF[said.algorithm]
    uses = key.get("key_ops", ["verify"])
    if (
        key.get("kty") != kind
        or key.get("crv", curve) != curve
        or key.get("alg", said.algorithm) != said.algorithm
    ):
        raise TokenError(f"{of} is none for {said.algorithm}")
    if key.get("use", "sig") != "sig" or not isinstance(uses, list) or "verify" not in uses:
        raise TokenError(f"{of} is not for signatures")
    if "d" in key:
        raise TokenError(f"{of} is published with its private part")
    if kind == "RSA" and (
        _number(key, "n").bit_length() < MIN_RSA_BITS or _number(key, "e") < MIN_RSA_EXPONENT
    ):
        raise TokenError(
            f"{of} is weak: RSA needs {MIN_RSA_BITS} bits, and an exponent of {MIN_RSA_EXPONENT}"
        )
    return key


def _number(key: Jwk, name: str) -> int:
    value = key.get(name)
    if not isinstance(value, str) or not _PART.fullmatch(value):
        return 0
    return int.from_bytes(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))


def _check_signature(token: Token, key: Jwk, algorithm: str) -> None:
    from jwt import PyJWK, PyJWS, PyJWTError  # with its cryptography, for jobs that have a token

    try:
        PyJWS([algorithm]).decode(token.value, PyJWK(dict(key), algorithm), [algorithm])
    except (PyJWTError, ValueError) as error:
        raise TokenError(f"the token's signature does not verify: {printable(str(error))}") from error


def _times(claims: Mapping[str, Any], now: float, longest: int) -> tuple[int, int]:
    """When it was issued and when it expires, in seconds since 1970, if it counts now."""
    issued, expires = _time(claims, "iat"), _time(claims, "exp")
    begins = _time(claims, "nbf") if "nbf" in claims else issued
    if not issued < expires <= issued + longest:
        raise TokenError(f"the token lives {expires - issued} s; at most {longest} s are believed")
    if max(issued, begins) > now + LEEWAY:
        ahead = round(max(issued, begins) - now)
        raise TokenError(f"the token counts from {ahead} s after now", "set the clock of the runner")
    if expires < now - LEEWAY:
        ago = round(now - expires)
        raise TokenError(f"the token expired {ago} s ago", "make it in the job that pushes, just before")
    return issued, expires


def _time(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or not 0 < value < 2**40:
        raise TokenError(f"the token says no time as {name}")
    return value


def _audience(claims: Mapping[str, Any], audience: str) -> str:
    said = claims.get("aud")
    if isinstance(said, list) and len(said) == 1:
        (said,) = said
    if said != audience:
        found = printable(str(said))
        raise TokenError(f"the token is for {found}, not for {audience} alone")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise TokenError("the token names nobody (sub)")
    return audience

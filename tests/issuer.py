"""An issuer of identity tokens on loopback, over TLS: discovery, keys, and where a job asks for its token.

It is honest; a test makes it lie by what it signs, serves or answers.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from pushpolicy.identity.issuers import Issuer
from tests.certificates import Certificates
from tests.fake_registry import Answered, Asked, fake_registry

REQUEST_SECRET = "the-secret-of-the-request"
KID = "2026-11"
METADATA_PATH = "/computeMetadata/v1/instance/service-accounts/default/identity"
FLAVOR = {"Metadata-Flavor": "Google"}
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def rsa_key(name: str = "", bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key of this name; making one takes long."""
    return rsa.generate_private_key(65537, bits)


def encoded(value: bytes) -> str:
    """Base64url as in tokens (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def numbered(value: int) -> str:
    """A number as in keys (RFC 7518, 2)."""
    return encoded(value.to_bytes((value.bit_length() + 7) // 8))


def jwk(key: Key, kid: str = KID, **more: Any) -> dict[str, Any]:
    """The public key as an issuer publishes it."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "kid": kid, "n": numbered(numbers.n), "e": numbered(numbers.e)} | more
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_numbers()
        return {
            "kty": "EC",
            "kid": kid,
            "crv": "P-256",
            "x": numbered(point.x),
            "y": numbered(point.y),
        } | more
    return {"kty": "OKP", "kid": kid, "crv": "Ed25519", "x": encoded(public.public_bytes_raw())} | more


def sign(key: Key | bytes | None, content: bytes) -> bytes:
    """By RS256, ES256, EdDSA, HS256 (of bytes) or not at all."""
    if key is None:
        return b""
    if isinstance(key, bytes):
        mac = hmac.HMAC(key, hashes.SHA256())
        mac.update(content)
        return mac.finalize()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(content)
    numbers = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
    return b"".join(each.to_bytes(32) for each in numbers)


def token(
    claims: Mapping[str, Any] | bytes,
    key: Key | bytes | None = None,
    header: Mapping[str, Any] | bytes = {"alg": "RS256", "typ": "JWT", "kid": KID},
    *,
    unsigned: bool = False,
) -> str:
    """A token in compact form; claims and header may be any bytes."""
    parts = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in (header, claims)]
    content = ".".join(map(encoded, parts)).encode()
    return f"{content.decode()}.{encoded(sign(None if unsigned else key or rsa_key(), content))}"


@dataclass(slots=True)
class LocalIssuer:
    """A running one.

    Attributes:
        url: what it calls itself.
        claims: what it says of the job, beside times, subject and audience.
        keys: what it publishes.
        answers: what it answers instead, by path.
        asked: the paths that were asked, oldest first.
    """

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=lambda: [jwk(rsa_key())])
    answers: dict[str, Callable[[], Answered]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def token(self, audience: str = "pushpolicy", **changes: Any) -> str:
        """A token of the job; a claim that is changed to None is left out."""
        now = int(time.time())
        usual = {"iss": self.url, "sub": "a job", "aud": audience, "iat": now, "nbf": now, "exp": now + 600}
        said = usual | self.claims | changes
        return token({name: value for name, value in said.items() if value is not None})

    def environ(self) -> dict[str, str]:
        """What a job of GitHub's kind has, to ask for its token."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/request?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_SECRET,
        }

    def trusted(self, **more: Any) -> Issuer:
        """As trust.yaml names it."""
        return Issuer(issuer=self.url, **{"system": "github-actions"} | more)

    def answer(self, asked: Asked) -> Answered:
        url = urlsplit(asked.path)
        self.asked.append(url.path)
        if url.path in self.answers:
            return self.answers[url.path]()
        if url.path == "/.well-known/openid-configuration":
            return said({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})
        if url.path == "/keys":
            return said({"keys": self.keys})
        if url.path == "/request" and asked.headers.get("Authorization") == f"Bearer {REQUEST_SECRET}":
            return said({"value": self.token(parse_qs(url.query)["audience"][0])})
        if url.path == METADATA_PATH and asked.headers.get("Metadata-Flavor") == "Google":
            value = self.token(parse_qs(url.query)["audience"][0])
            return Answered(headers=FLAVOR, body=value.encode())
        return Answered(status=404)


def said(value: Any) -> Answered:
    """An answer of JSON."""
    return Answered(body=json.dumps(value).encode())


@contextmanager
def local_issuer(certificates: Certificates) -> Iterator[LocalIssuer]:
    """Run one on a free port."""
    issuer = LocalIssuer()
    with fake_registry(issuer.answer, certificates) as server:
        issuer.url = f"https://{server.host}"
        yield issuer


@contextmanager
def metadata_server(issuer: LocalIssuer) -> Iterator[str]:
    """Google's metadata server on loopback, which gives the tokens of this issuer: its address."""
    with fake_registry(issuer.answer) as server:
        yield f"http://{server.host}"

"""A token service as the distribution project specifies it, whose tokens a real registry verifies.

GET with basic credentials and OAuth2 POST (grants `password` and `refresh_token`), RS256, scopes:
a token allows what was asked for and may be had, never more.
"""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.certificates import Certificates

ISSUER = "pushpolicy-test-issuer"
SERVICE = "pushpolicy-test-registry"
REGISTRY_LEEWAY = 60
"""Seconds that distribution adds to `exp`; subtracted here, so that a lifetime is what a client sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What one client asked for; `user` is None for an anonymous request."""

    method: str
    user: str | None
    scopes: tuple[str, ...]
    grant: str | None
    status: int


@dataclass(slots=True, kw_only=True)
class TokenServer:
    """Settings may be changed while it runs.

    Attributes:
        lifetime: seconds until the registry refuses a token; a negative one is refused at once.
        actions: what the user may do in any repository.
        anonymous: what anybody may do; empty refuses anonymous requests.
        get: whether GET is answered (False: only OAuth2 POST, 405 otherwise).
        post: whether OAuth2 POST is answered (False: 404, as of registries without it).
    """

    username: str
    password: str
    key: rsa.RSAPrivateKey
    realm: str = ""
    lifetime: int = 300
    actions: frozenset[str] = frozenset({"pull", "push"})
    anonymous: frozenset[str] = frozenset()
    get: bool = True
    post: bool = True
    refresh_token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    requests: list[TokenRequest] = field(default_factory=list)

    def jwks(self) -> str:
        """The public key, as the JSON Web Key Set that the registry is configured with."""
        numbers = self.key.public_key().public_numbers()
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "test"}
        return json.dumps({"keys": [key | {"n": _base64_number(numbers.n), "e": _base64_number(numbers.e)}]})

    def token(self, user: str | None, scopes: tuple[str, ...]) -> str:
        """A signed token for those of the scopes that the user may have."""
        now = int(time.time())
        allowed = self.anonymous if user is None else self.actions
        claims = {
            "iss": ISSUER,
            "sub": user or "",
            "aud": SERVICE,
            "exp": now + self.lifetime - REGISTRY_LEEWAY,
            "nbf": now - 300,
            "iat": now,
            "jti": secrets.token_hex(8),
            "access": [_access(scope, allowed) for scope in scopes],
        }
        header = {"typ": "JWT", "alg": "RS256", "kid": "test"}
        signed = b".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        signature = self.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return (signed + b"." + _base64(signature)).decode()


@contextmanager
def token_server(
    username: str, password: str, certificates: Certificates | None = None
) -> Iterator[TokenServer]:
    """Serve tokens on a free loopback port, over TLS when there are certificates."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    service = TokenServer(username=username, password=password, key=key)
    handler = type("Handler", (_Handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if certificates:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.server, certificates.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    service.realm = f"{'https' if certificates else 'http'}://localhost:{server.server_port}/token"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    service: TokenServer

    def do_GET(self) -> None:
        parameters = parse_qs(urlsplit(self.path).query)
        credentials = self._basic()
        known = credentials == (self.service.username, self.service.password)
        if not self.service.get:
            self._answer(405, None, parameters)
        elif known or (credentials is None and self.service.anonymous):
            self._answer(200, credentials[0] if credentials else None, parameters)
        else:
            self._answer(401, None, parameters)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        form = parse_qs(self.rfile.read(length).decode())
        sent = {name: values[0] for name, values in form.items()}
        allowed = (
            sent.get("username") == self.service.username and sent.get("password") == self.service.password
            if sent.get("grant_type") == "password"
            else sent.get("refresh_token") == self.service.refresh_token
        )
        status = 404 if not self.service.post else 200 if allowed else 401
        self._answer(status, self.service.username if allowed else None, form)

    def _basic(self) -> tuple[str, str] | None:
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        username, _, password = base64.b64decode(value).decode().partition(":")
        return username, password

    def _answer(self, status: int, user: str | None, parameters: Mapping[str, list[str]]) -> None:
        scopes = tuple(scope for value in parameters.get("scope", []) for scope in value.split())
        grant = parameters.get("grant_type", [None])[0]
        request = TokenRequest(method=self.command, user=user, scopes=scopes, grant=grant, status=status)
        self.service.requests.append(request)
        body: dict[str, object] = {"errors": [{"code": "UNAUTHORIZED", "message": "no token for you"}]}
        if status == 200:
            body = {"expires_in": max(self.service.lifetime, 0), "scope": " ".join(scopes)}
            body["access_token"] = self.service.token(user, scopes)
            if self.command == "GET":
                body["token"] = body["access_token"]
            if parameters.get("access_type") == ["offline"] or parameters.get("offline_token") == ["true"]:
                body["refresh_token"] = self.service.refresh_token
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Requests are kept in `TokenServer.requests`; a test's output stays quiet."""


def write_jwks(service: TokenServer, folder: Path) -> Path:
    """Write the key set where a registry's configuration can name it."""
    path = folder / "jwks.json"
    path.write_text(service.jwks())
    return path


def _access(scope: str, allowed: frozenset[str]) -> dict[str, object]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": [each for each in actions.split(",") if each in allowed]}


def _base64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _base64_number(number: int) -> str:
    return _base64(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()

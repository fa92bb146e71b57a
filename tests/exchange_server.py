"""A token service (RFC 8693) in front of a registry: it trades the token of an issuer's job for a registry's.

It verifies what it is shown, and what it gives a real registry verifies. It is honest; a test makes it lie by
what it lets be given or answered.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt

from tests.certificates import Certificates
from tests.fake_registry import Answered, Asked, fake_registry
from tests.issuer import LocalIssuer, rsa_key
from tests.token_server import TokenServer

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@dataclass(slots=True, kw_only=True)
class ExchangeServer:
    """A running one.

    Attributes:
        issuer: whose tokens it takes.
        tokens: what makes the tokens that the registry verifies.
        url: of its token endpoint; any other path of the host is one, too.
        scope: what it gives; what was asked for, where None.
        change: what it answers instead of what it would.
        answer: what it answers instead, as bytes.
        asked: the forms that it was sent, oldest first.
        given: the tokens that it gave.
    """

    issuer: LocalIssuer
    tokens: TokenServer
    url: str = ""
    scope: str | None = None
    change: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer
    answer: Callable[[], Answered] | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    given: list[str] = field(default_factory=list)

    def handle(self, asked: Asked) -> Answered:
        """The answer to a form."""
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        self.asked.append(form | {"path": urlsplit(asked.path).path})
        if self.answer:
            return self.answer()
        try:
            job = self._job(form["subject_token"], asked)
        except jwt.InvalidTokenError as error:
            return _said({"error": "invalid_grant", "error_description": str(error)}, 400)
        if form.get("grant_type") != EXCHANGE:
            return _said({"error": "unsupported_grant_type"}, 400)
        scopes = tuple((self.scope or form["scope"]).split())
        token = self.tokens.token(job, scopes)
        self.given.append(token)
        said = {"access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer"}
        return _said(self.change({**said, "expires_in": self.tokens.lifetime}))

    def _job(self, token: str, asked: Asked) -> str:
        claims = jwt.decode(
            token,
            rsa_key().public_key(),
            algorithms=["RS256"],
            issuer=self.issuer.url,
            audience=f"https://{asked.headers['Host']}{asked.path}",
        )
        return str(claims["sub"])


def _said(value: Any, status: int = 200) -> Answered:
    return Answered(status=status, body=json.dumps(value).encode())


def slowly(seconds: float) -> Callable[[], Answered]:
    """An answer that comes too late."""

    def answer() -> Answered:
        time.sleep(seconds)
        return _said({})

    return answer


@contextmanager
def exchange_server(
    issuer: LocalIssuer, tokens: TokenServer, certificates: Certificates
) -> Iterator[ExchangeServer]:
    """Run one on a free port, over TLS."""
    service = ExchangeServer(issuer=issuer, tokens=tokens)
    with fake_registry(service.handle, certificates) as server:
        service.url = f"https://{server.host}/exchange"
        yield service

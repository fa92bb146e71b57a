"""Answer a registry's challenge: Basic, or a bearer token of the scopes that a request needs.

Sources: distribution, "Token Authentication Specification" and "OAuth2 Token Authentication".
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from pushpolicy.errors import PushError
from pushpolicy.http.addresses import is_address, origin
from pushpolicy.http.call import Call
from pushpolicy.http.fetch import NotJsonError, StatusError, fetch_json
from pushpolicy.http.transport import Transport
from pushpolicy.model.redacted import Redacted
from pushpolicy.model.text import printable
from pushpolicy.registry.challenges import Challenge, read_challenges, united
from pushpolicy.registry.credentials import Credential
from pushpolicy.registry.endpoint import Endpoint
from pushpolicy.registry.meanings import Phase, RegistryAnswer
from pushpolicy.registry.refusals import refusal

_CLIENT = "pushpolicy"
# "If omitted, this defaults to 60 seconds"; a token is given up a little early, for requests on their way.
_DEFAULT_LIFETIME = 60.0
_MARGIN = 10.0


class _Token(Redacted, frozen=True):
    hidden_fields = frozenset({"value"})

    value: str
    until: float  # on the monotonic clock, which nobody sets

    @classmethod
    def read(cls, value: Any, action: str) -> Self:
        try:
            token = value.get("token") or value.get("access_token")
            lifetime = float(value.get("expires_in") or _DEFAULT_LIFETIME)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise PushError(f"{action}: the token server's answer is not as specified") from error
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise PushError(f"{action}: the token server's answer holds no token")
        return cls(token, time.monotonic() + max(lifetime - _MARGIN, lifetime / 2))


class Authorizer:
    """Knows what to show to one registry; safe to use from several threads.

    Args:
        endpoint: the registry's.
        credential: what the registry and the token server that it names may see.
        transport: what token servers are asked with.

    Attributes:
        was_asked: whether the registry has asked for a login in a way that is known.
    """

    def __init__(self, endpoint: Endpoint, credential: Credential, transport: Transport) -> None:
        self._endpoint = endpoint
        self._credential = credential
        self._transport = transport
        self.was_asked = credential.registry_token is not None
        self._basic = False
        self._tokens: dict[tuple[str, ...], _Token] = {}
        self._lock = threading.Lock()

    def header(self, scopes: tuple[str, ...]) -> dict[str, str]:
        """The Authorization header for a request of these scopes, if one is known to be needed."""
        if self._credential.registry_token:
            return {"Authorization": f"Bearer {self._credential.registry_token}"}
        if self._basic:
            return {"Authorization": _basic(self._credential)}
        token = self._cached(scopes)
        return {"Authorization": f"Bearer {token.value}"} if token else {}

    def satisfy(self, header: str, status: int, scopes: tuple[str, ...], shown: Mapping[str, str]) -> bool:
        """Whether to ask again after this challenge, with what `header` gives now.

        Raises:
            PushError: when the token server refuses or must not be asked.
        """
        for challenge in read_challenges(header):
            self.was_asked = True
            if status == 403 and challenge.parameters.get("error") != "insufficient_scope":
                continue
            if challenge.scheme == "bearer" and not self._credential.registry_token:
                with self._lock:
                    return self._obtain(challenge, scopes, shown)
            if challenge.scheme == "basic" and self._credential.secret:
                # Another thread may have learned it meanwhile: only a header that was shown was refused.
                if shown == {"Authorization": _basic(self._credential)}:
                    continue
                self._basic = True
                return True
        return False

    def _cached(self, scopes: tuple[str, ...]) -> _Token | None:
        for key in (scopes, tuple(_with_push(scope) for scope in scopes)):
            token = self._tokens.get(key)
            if token and token.until > time.monotonic():
                return token
        return None

    def _obtain(self, challenge: Challenge, scopes: tuple[str, ...], shown: Mapping[str, str]) -> bool:
        if self.header(scopes) not in ({}, shown):
            return True  # another thread was faster
        wanted = united((*scopes, *challenge.parameters.get("scope", "").split()))
        # Drop the refused push token, or _cached() prefers it to the new one.
        self._tokens.pop(tuple(_with_push(scope) for scope in scopes), None)
        self._tokens[scopes] = self._ask(challenge, wanted)
        return True

    def _ask(self, challenge: Challenge, scopes: tuple[str, ...]) -> _Token:
        realm = challenge.parameters.get("realm", "")
        action = f"{self._endpoint.host}: token for {printable(' '.join(scopes)) or 'the registry'}"
        self._check_realm(realm, action)
        service = challenge.parameters.get("service", "")
        try:
            if self._credential.identity_token:
                value = self._post(action, realm, service, scopes)
            else:
                value = self._get_or_post(action, realm, service, scopes)
        except StatusError as error:
            where = f"{action} from {printable(urlsplit(realm).netloc)}"
            about = RegistryAnswer.of(error.answer, phase=Phase.TOKEN, shown=self._credential.origin)
            raise refusal(where, about) from error
        except NotJsonError as error:
            raise PushError(f"{action}: the token server's answer is not as specified") from error
        return _Token.read(value, action)

    def _get_or_post(self, action: str, realm: str, service: str, scopes: tuple[str, ...]) -> Any:
        try:
            return self._get(action, realm, service, scopes)
        except StatusError as error:
            if error.answer.status not in (404, 405) or not self._credential.secret:
                raise
        return self._post(action, realm, service, scopes)

    def _get(self, action: str, realm: str, service: str, scopes: tuple[str, ...]) -> Any:
        pairs = [("service", service)] if service else []
        query = urlencode([*pairs, *(("scope", scope) for scope in scopes)])
        url = realm + ("&" if urlsplit(realm).query else "?") + query
        headers = {"Authorization": _basic(self._credential)} if self._credential.secret else {}
        return self._fetch(Call(action=action, method="GET", url=url, headers=headers))

    def _post(self, action: str, realm: str, service: str, scopes: tuple[str, ...]) -> Any:
        """The OAuth2 way: the only one for identity tokens, and some servers have no other."""
        form = {"service": service, "scope": " ".join(scopes), "client_id": _CLIENT}
        if token := self._credential.identity_token:
            form |= {"grant_type": "refresh_token", "refresh_token": token}
        else:
            username, password = self._credential.username or "", self._credential.secret or ""
            form |= {"grant_type": "password", "username": username, "password": password}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        content = urlencode(form).encode()
        return self._fetch(
            Call(action=action, method="POST", url=realm, headers=headers, body=lambda: content)
        )

    def _fetch(self, call: Call) -> Any:
        """A credential goes to the token server that the registry names, and no redirect takes it on."""
        server = origin(call.url)
        return fetch_json(self._transport, call, allows=lambda asked: asked == server)

    def _check_realm(self, realm: str, action: str) -> None:
        """A credential never goes from TLS to plain http."""
        if not is_address(realm):
            raise PushError(
                f"{action}: the registry names {printable(realm)!r} as its token server, which is no address"
            )
        if not self._endpoint.is_safe(realm):
            raise PushError(
                f"{action}: the registry names {printable(realm)!r} as its token server, which is not safe"
            )


def _basic(credential: Credential) -> str:
    pair = f"{credential.username or ''}:{credential.secret or ''}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _with_push(scope: str) -> str:
    return scope + ",push" if scope.endswith(":pull") else scope

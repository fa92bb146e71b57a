"""opa-python-client's OpaClient over our own transport: strict, bounded, and verified.

The library makes the request: address, parameters, token header, form of the body. What it lacks is here: a
bound on time and size, verification by authorities that are named, no redirect, an answer that is read
strictly, and errors that say what happened. docs/engine.md lists both.
"""

from __future__ import annotations

import json as json_format
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pushpolicy.engines.local import ASK_FIRST, problem
from pushpolicy.errors import EngineError, PushError
from pushpolicy.http.call import Answer, Call
from pushpolicy.http.connections import Connections
from pushpolicy.http.deferred import deferred
from pushpolicy.http.failures import CERTIFICATE_HINT, CLIENT_HINT, HTTP_HINT
from pushpolicy.http.response import Response
from pushpolicy.http.retry import SLOW_HINT, TRANSIENT_STATUS, Deadline, TransientError
from pushpolicy.http.settings import Settings
from pushpolicy.http.tls import TlsContexts
from pushpolicy.http.transport import Transport
from pushpolicy.model import canonical
from pushpolicy.model.redacted import Redacted
from pushpolicy.model.text import printable

# What the library imports and this use of it never calls: 150 ms.
with deferred("aiohttp", "asyncio", "requests", "requests.adapters", "urllib3.util.retry"):
    from opa_client.opa import OpaClient

# An answer has no more than the findings, each a few times.
_MAX_ANSWER = 64 * 1024 * 1024
_MAX_VALUES = 4_000_000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HINT = "what answers there is no OPA, or something before it changes its answers"
# In the place of advice about registries.
_HINTS = {
    CERTIFICATE_HINT: "if the server has a private authority, give its certificate: --engine-ca-file",
    CLIENT_HINT: "give a folder with a NAME.cert and NAME.key that the server accepts: --engine-cert-dir",
    HTTP_HINT: "the server seems to speak plain http, which is for loopback addresses",
    SLOW_HINT: "the server or the network is too slow; see what else the server is asked",
}


class Address(Redacted, frozen=True, kw_only=True):
    """An OPA server, and what it is shown and spoken to with.

    Attributes:
        url: where its API begins: http or https, without a login, parameters or a slash at the end.
        token: the bearer token, if it asks for one.
        settings: certificates, proxies and times.
    """

    hidden_fields = frozenset({"token"})

    url: str
    token: str | None = None
    settings: Settings = Settings()


class Input(msgspec.Struct, frozen=True):
    """The input of a query, encoded already; the library hands it through."""

    content: bytes


class StrictOpaClient(OpaClient):  # type: ignore[misc]  # opa_client has no types
    """An OpaClient of one server.

    Args:
        address: the server.
        seconds: how long one query may take, with its repetitions.
    """

    def __init__(self, address: Address, seconds: float) -> None:
        self._address = address
        parts = urlsplit(address.url)
        super().__init__(
            host=f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "",
            port=parts.port or {"http": 80, "https": 443}[parts.scheme],
            # It ends its address with the version: a path before that has no other place.
            version=f"{parts.path}/v1".lstrip("/"),
            ssl=parts.scheme == "https",
            token=address.token,
            timeout=seconds,
        )

    def _init_session(self) -> _Session:
        return _Session(self._address, self.headers or {})


class _Session:
    """What the library uses of a requests.Session."""

    def __init__(self, address: Address, headers: Mapping[str, str]) -> None:
        self._action = f"the OPA server {address.url}"
        self._headers = {**headers, "Content-Type": "application/json"}
        settings = address.settings
        # Nothing else is ever asked, so that a client's certificate is for every address.
        self._transport = _Transport(settings, Connections(settings, TlsContexts(settings), lambda _: True))

    def post(self, url: str, *, json: Mapping[str, Input], timeout: float) -> _Reply:
        """Send a query; a server that is busy or away for a moment is asked again.

        Raises:
            EngineError: when there is no answer in time.
        """
        members = (b'"%b":%b' % (name.encode(), value.content) for name, value in json.items())
        content = b"{%b}" % b",".join(members)
        call = Call(
            action=self._action,
            method="POST",
            url=url,
            headers=self._headers,
            body=lambda: content,
            limit=_MAX_ANSWER,
            deadline=Deadline(timeout),
        )
        try:
            return _Reply(self._action, self._transport.exchange(call))
        except PushError as error:
            hint = error.hint or _HINT
            raise EngineError(error.message, _HINTS.get(hint, hint)) from error

    def close(self) -> None:
        """Called by the library; what is kept open ends with the transport."""


class _Transport(Transport):
    def _transient(self, call: Call, response: Response) -> TransientError:
        found = super()._transient(call, response)
        if response.status == 500:
            # What an evaluation ends with is no passing trouble.
            raise found.failure
        return found

    def _refusal(self, action: str, answer: Answer) -> PushError:
        return PushError(*_refused(action, answer))


class _Reply:
    """What the library uses of a requests.Response."""

    def __init__(self, action: str, answer: Answer) -> None:
        self._action, self._answer = action, answer

    def raise_for_status(self) -> None:
        """Raise EngineError for every answer that is not 200."""
        if self._answer.status != 200:
            raise EngineError(*_refused(self._action, self._answer))

    def json(self) -> Any:
        """The content, as strict JSON.

        Raises:
            EngineError: when it is none, or too much.
        """
        content = self._answer.content
        if canonical.most_values(content) > _MAX_VALUES:
            raise EngineError(f"{self._action}: its answer has more than {_MAX_VALUES} values", _HINT)
        try:
            return canonical.decode(content)
        except ValueError as error:
            why = printable(str(error), 200)
            raise EngineError(f"{self._action}: its answer is not strict JSON ({why})", _HINT) from error


_ADVICE = {
    **dict.fromkeys(TRANSIENT_STATUS, "it, or what is before it, is busy or away; try again later"),
    **dict.fromkeys((401, 403), "its system.authz says which token it takes: PUSHPOLICY_OPA_TOKEN holds it"),
    404: "the address ends where OPA's /v1 begins; what answers there has no such API",
    413: "let the server take more: server.decoding.max_length in its configuration",
    500: "evaluating ended with this error; an OPA of this machine (without --engine) says it, too",
}


def _refused(action: str, answer: Answer) -> tuple[str, str]:
    """What a status that is not 200 says, and what to do about it."""
    location = answer.headers.get("Location")
    if answer.status in _REDIRECTS and location:
        where = f"{action}: it redirects to {printable(location, 200)}, which is not followed"
        return where, "give the address that answers itself, if that is the right one"
    said, advice = f"{action}: it answered {answer.status}", _ADVICE.get(answer.status, _HINT)
    try:
        # {code, message, errors: [{code, message, location}]}
        told = json_format.loads(answer.content)
        errors = [str(problem(each)) for each in told.get("errors", [])[:3]]
        words = printable(" ".join("; ".join([str(told["message"]), *errors]).split()), 500)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return said, advice
    return f"{said}: {words}", ASK_FIRST if "eval_builtin_error" in words else advice

"""An exchange: how a policy's trust.yaml declares it, and how the table in `exchanges` describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from pushpolicy.http.call import Call
from pushpolicy.model.document import Exact

Values = Mapping[str, str]


class Exchange(Exact, frozen=True):
    """An exchange as trust.yaml declares it; which fields it needs and takes, its kind says.

    Attributes:
        kind: which exchange it is; its own name where that is one of them, else rfc8693.
        url: the token endpoint (rfc8693), or the server (jfrog: https://NAME.jfrog.io).
        token_audience: what the job's token is for; each kind has a usual one.
        audience: the audience that is asked for (RFC 8693); the registry's host where there is none.
        scope: the scope that is asked for, with {registry} and {repository} for the target's.
        username: as whom the token is shown; without one it is shown as a bearer token (rfc8693).
        role: the ARN of the role to assume (aws).
        provider: the provider's resource name (google), or its name (jfrog).
        account: the service account to impersonate (google).
        tenant: of the application (azure).
        client: the application's client id (azure).
        connection: the id of the OIDC connection (dockerhub).
        max_seconds: the longest that what is obtained may live; each kind has a usual one.
        fields: where the answer holds `token`, `expires_in`, `scope` (rfc8693), by another name than usual.
    """

    kind: Literal["aws", "azure", "dockerhub", "google", "jfrog", "rfc8693"] | None = None
    url: str | None = None
    token_audience: str | None = None
    audience: str | None = None
    scope: str | None = None
    username: str | None = None
    role: str | None = None
    provider: str | None = None
    account: str | None = None
    tenant: str | None = None
    client: str | None = None
    connection: str | None = None
    max_seconds: int | None = None
    fields: Mapping[Literal["token", "expires_in", "scope"], str] = {}


class Step(NamedTuple):
    """One request, which is a POST, and what is taken from its answer.

    Attributes:
        url: with {names} of values; what is not part of an address is quoted.
        body: of a form, or of a JSON object.
        found: name of a value to its place in the answer: keys and indices joined by dots; ? after one that
            may be absent.
        is_json: whether the body is JSON.
        headers: further ones.
        only_with: a setting without which the step is left out.
        sign: what has to be done to the request.
    """

    url: str
    body: Mapping[str, Any]
    found: Mapping[str, str]
    is_json: bool = False
    headers: Mapping[str, str] = {}
    only_with: str | None = None
    sign: Callable[[Call, Values], Call] | None = None


class Kind(NamedTuple):
    """One exchange.

    Attributes:
        steps: in order; values that one finds, those after it use.
        token_audience: what the job's token is for.
        seconds: the longest that what is obtained may live.
        hosts: a pattern of the registries that it is for; its named groups are values.
        needs: settings of `Exchange` that must be there.
        takes: those that may be.
        username: as whom the token is shown; None for a bearer token.
        scope: what is asked for; None where the vendor's own permissions decide, and nobody can tell.
        issued_by: the vendor, as in the evidence.
        further: values that are computed from the others before anything is asked.
        read: values that are computed from what was found.
    """

    steps: tuple[Step, ...]
    token_audience: str
    seconds: int
    hosts: str = ".+"
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    username: str | None = None
    scope: str | None = None
    issued_by: str | None = None
    further: Callable[[Values], Values] = lambda _: {}
    read: Callable[[Values], Values] = lambda _: {}

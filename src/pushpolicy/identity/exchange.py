"""Trade the job's token for a credential of the registry, for one repository (``--login NAME``).

What will be obtained is known before anybody is asked: `prepare` says it (`Promise`), and a push is judged by
that. `obtain` asks, which is done after an ALLOW only, and nobody is asked a second way when it fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from pushpolicy.errors import PushError, UsageError
from pushpolicy.http.addresses import origin
from pushpolicy.http.call import Call
from pushpolicy.http.fetch import NotJsonError, StatusError, fetch_json
from pushpolicy.http.retry import Deadline
from pushpolicy.http.transport import Transport
from pushpolicy.identity.exchange_kind import Exchange, Kind, Step
from pushpolicy.identity.exchanges import KINDS
from pushpolicy.identity.minted import Minted, Promise
from pushpolicy.model import canonical
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import first_of, printable

# Seconds that all requests of one exchange may take together.
SECONDS = 60.0
_MAX_ANSWER = 256 * 1024
_TOKEN = re.compile(r"[!-~]+")
_SETTINGS = frozenset(Exchange.__struct_fields__) - {"kind", "token_audience", "max_seconds", "fields"}
_VENDORS = ", ".join(sorted(KINDS.keys() - {"rfc8693"}))
# Values that are an address, or a part of one.
_AS_THEY_ARE = frozenset({"domain", "region", "registry", "url"})

# Gives the job's token for an audience.
JobToken = Callable[[str], str]


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange, ready to be made.

    Attributes:
        audience: what the job's token is asked for.
        promise: what it will yield.
        values: what is asked with.
    """

    kind: Kind
    audience: str
    promise: Promise
    values: Mapping[str, str]
    fields: Mapping[str, str]


def prepare(name: str, declared: Exchange | None, repository: Repository, *, push: bool = True) -> Prepared:
    """Say what the exchange of this name will yield for a repository; asks nobody.

    Args:
        name: of ``--login``.
        declared: what trust.yaml says of it.
        repository: of the target.
        push: whether it is for a push, or for reading only.

    Raises:
        UsageError: when there is no such exchange, it lacks a setting, or is for another registry.
    """
    settings = declared or Exchange()
    kind_name = settings.kind or (name if name in KINDS else "rfc8693")
    if declared is None and kind_name == "rfc8693":
        raise UsageError(
            f"--login {printable(name, 60)}: there is no such exchange",
            f"declare it under `exchanges` of the policy's trust.yaml; known are {_VENDORS}, github, gitlab",
        )
    kind = KINDS[kind_name]
    _check_settings(name, kind_name, kind, settings)
    host = re.fullmatch(kind.hosts, repository.registry)
    if host is None:
        raise UsageError(f"--login {name}: {kind_name} is not for the registry {repository.registry}")
    actions = ("pull", "push") if push else ("pull",)
    place = {"registry": repository.registry, "repository": repository.path, "actions": ",".join(actions)}
    given = {key: getattr(settings, key) or "" for key in _SETTINGS}
    values = {**given, **{key: text or "" for key, text in host.groupdict().items()}, **place}
    values["audience"] = settings.audience or repository.registry
    scope = _filled(settings.scope or kind.scope, place) if kind.scope else None
    values["scope"] = scope or ""
    promise = Promise(
        name=name,
        kind=kind_name,
        registry=repository.registry,
        repository=repository.path,
        actions=actions,
        scope=scope,
        seconds=settings.max_seconds or kind.seconds,
        issued_by=kind.issued_by,
    )
    return Prepared(
        kind=kind,
        audience=settings.token_audience or kind.token_audience.format_map(values),
        promise=promise,
        values={**values, **kind.further(values)},
        fields={str(key): place for key, place in settings.fields.items()},
    )


def obtain(
    prepared: Prepared, job_token: JobToken, transport: Transport, keep: Callable[[str], None]
) -> Minted:
    """Make the exchange.

    Args:
        prepared: what to ask of whom.
        job_token: gives the job's token for an audience.
        transport: what to ask with.
        keep: told of each secret before it is used, so that no message holds it.

    Raises:
        PushError: when a server refuses, does not answer in time, or answers otherwise than documented.
    """
    deadline, values = Deadline(SECONDS), {**prepared.values, "job_token": job_token(prepared.audience)}
    keep(values["job_token"])
    found = dict[str, str]()
    for step in prepared.kind.steps:
        if step.only_with and not values[step.only_with]:
            continue
        values["now"] = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        call = _call(step, values, prepared.promise, deadline)
        found = _found(step, _asked(transport, call), prepared.fields, call.action)
        for name in ("entra", "key", "refresh", "refresh_token", "session", "token"):
            if name in found:
                keep(found[name])
        values |= found
    values |= prepared.kind.read(values)
    token = values["token"]
    keep(token)
    if token == values["job_token"] or not _TOKEN.fullmatch(token):
        raise PushError(
            f"{prepared.promise.called}: the answer holds "
            + ("the job's own token" if token == values["job_token"] else "what is no token")
        )
    username = prepared.kind.username
    shown_as = username.format_map(values) if username else prepared.values["username"]
    return Minted(secret=token, username=shown_as or None, told=found, at=datetime.now(UTC))


def _check_settings(name: str, kind_name: str, kind: Kind, settings: Exchange) -> None:
    given = {key for key in _SETTINGS if getattr(settings, key)}
    missing = [key for key in kind.needs if key not in given]
    place = f"exchanges.{name} of the policy's trust.yaml"
    if missing:
        raise UsageError(f"--login {name}: {kind_name} needs {', '.join(missing)}", f"say it under {place}")
    if more := sorted(given - {*kind.needs, *kind.takes}):
        raise UsageError(f"--login {name}: {kind_name} has no {', '.join(more)}", f"leave it out of {place}")
    if settings.fields and "fields" not in kind.takes:
        raise UsageError(f"--login {name}: {kind_name} has no fields", f"leave them out of {place}")


def _filled(text: str | None, values: Mapping[str, str]) -> str:
    """A text with {registry}, {repository} and {actions} for the target's; other braces stay."""
    filled = text or ""
    for key, value in values.items():
        filled = filled.replace(f"{{{key}}}", value)
    return filled


def _call(step: Step, values: Mapping[str, str], promise: Promise, deadline: Deadline) -> Call:
    parts = {key: text if key in _AS_THEY_ARE else quote(text, safe="@") for key, text in values.items()}
    url = step.url.format_map(parts)
    body = {key: _value(each, values) for key, each in step.body.items()}
    content = canonical.encode(body) if step.is_json else urlencode(body).encode("ascii")
    kind = "application/json" if step.is_json else "application/x-www-form-urlencoded"
    further = {key: text.format_map(values) for key, text in step.headers.items()}
    call = Call(
        action=f"{promise.called}: {promise.kind} exchange for {promise.registry}/{promise.repository}",
        method="POST",
        url=url,
        headers={"Content-Type": kind, "Accept": "application/json", **further},
        body=lambda: content,
        limit=_MAX_ANSWER,
        deadline=deadline,
    )
    return step.sign(call, values) if step.sign else call


def _value(template: Any, values: Mapping[str, str]) -> Any:
    return template.format_map(values) if isinstance(template, str) else template


def _asked(transport: Transport, call: Call) -> Any:
    try:
        server = origin(call.url)
    except ValueError as error:
        raise PushError(f"{call.action}: {printable(call.url, 200)} is not an address to ask") from error
    if server[0] != "https" and server[1] not in ("localhost", "127.0.0.1", "::1"):
        raise PushError(
            f"{call.action}: the job's token goes to https only, not to {printable(call.url, 200)}"
        )
    try:
        return fetch_json(transport, call, allows=lambda asked: asked == server)
    except StatusError as error:
        said = error.answer.content[:400].decode("utf-8", "replace").strip()
        hint = "compare what it trusts (issuer, subject, audience) with docs/login.md; nothing was pushed"
        raise PushError(
            f"{error.message}: {printable(said, 300)}" if said else error.message, hint
        ) from error
    except NotJsonError as error:
        raise PushError(error.message, "nothing was pushed, and no other credential is tried") from error


def _found(step: Step, answer: Any, fields: Mapping[str, str], action: str) -> dict[str, str]:
    renamed = {"token": "token", "expires_in": "expires_in", "scope_given": "scope"}
    found, lacking = dict[str, str](), list[str]()
    for name, usual in step.found.items():
        place, is_optional = usual.removesuffix("?"), usual.endswith("?")
        place = fields.get(renamed.get(name, ""), place)
        value = _at(answer, place)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            found[name] = str(value)
        elif value is not None or not is_optional:
            lacking.append(place)
    if lacking:
        raise PushError(f"{action}: the answer has no {first_of(lacking, 5)} as documented")
    return found


def _at(answer: Any, place: str) -> Any:
    """What is there in the answer; None where there is nothing."""
    for key in place.split("."):
        if isinstance(answer, list) and key.isdecimal() and int(key) < len(answer):
            answer = answer[int(key)]
        elif isinstance(answer, dict):
            answer = answer.get(key)
        else:
            return None
    return answer

"""What an exchange was promised to yield when a push was judged, and what it did yield."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from pushpolicy.errors import PushError
from pushpolicy.identity import forms
from pushpolicy.identity.claims import claims_of, moment
from pushpolicy.identity.forms import Told
from pushpolicy.identity.vendors import vendor_of
from pushpolicy.model.redacted import Redacted
from pushpolicy.model.text import printable

# The kind of login that shows the job's own token as it is, after the decision.
JOB_TOKEN = "job-token"  # noqa: S105 (a name)
# Clocks differ; a lifetime that was asked for may be counted from a moment later.
_LEEWAY = timedelta(seconds=60)
_TYPES = frozenset({"urn:ietf:params:oauth:token-type:access_token", "urn:ietf:params:oauth:token-type:jwt"})
_TOKEN_TYPES = frozenset({"bearer", "n_a"})  # RFC 8693, 2.2.1: N_A is what is no access token
# What a job is handed, by its form: another's, where it is not the one that was traded.
_OF_JOBS = frozenset({"identity-token", "job-token"})
_MAX_ACCESS = 100


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--login`` will obtain after an ALLOW, as far as can be said before.

    Attributes:
        name: the NAME of ``--login``.
        kind: the exchange, or job-token where the job's own token is shown as it is.
        registry: the one that it will be shown to.
        repository: the one that it is asked for.
        actions: what it is asked for there.
        scope: how that is asked for; None where nobody can ask, and the vendor's permissions decide.
        seconds: the longest that it may live; None where that is not known.
        issued_by: the vendor, where it is one of those that the evidence names.
    """

    name: str
    kind: str
    registry: str
    repository: str
    actions: tuple[str, ...] = ("pull", "push")
    scope: str | None = None
    seconds: int | None = None
    issued_by: str | None = None

    @property
    def called(self) -> str:
        """By what it was asked for, as a message says it."""
        return f"{'--login' if 'push' in self.actions else 'read_role'} {self.name}"

    @property
    def is_for_one(self) -> bool:
        """Whether what is asked for is this repository and no other, by scopes as registries have them."""
        parts = self.scope.split() if self.scope else []
        return bool(parts) and all(
            part.rpartition(":")[0] == f"repository:{self.repository}" for part in parts
        )

    def evidence(self) -> dict[str, str | int]:
        """`credentials.login` of the evidence; what is not known is left out."""
        known = {"name": self.name, "kind": self.kind, "max_seconds": self.seconds}
        return {name: value for name, value in known.items() if value is not None}


class Minted(Redacted, frozen=True, kw_only=True):
    """A credential that was obtained in this run.

    Attributes:
        secret: a password where there is a user name, else a bearer token.
        told: what the answer says of it: expires_in, expires_at, scope_given, token_type, issued_token_type,
            refresh_token.
        at: when it was answered.
    """

    hidden_fields = frozenset({"secret", "told"})

    secret: str
    username: str | None = None
    told: Mapping[str, str] = {}
    at: datetime

    def differences(self, promised: Promise) -> tuple[str, ...]:
        """In what it is wider, longer or other than was promised; never with its value."""
        form, claims = forms.told(self.secret, self.username, self.at), claims_of(self.secret) or {}
        longer = self._longer(promised, form.expires_at, claims)
        found = (*self._other(), *longer, *self._wider(promised, claims))
        # The job's own token is judged by its form before the decision.
        return found if promised.kind == JOB_TOKEN else (*_of_another_form(form, promised), *found)

    def check(self, promised: Promise) -> None:
        """Refuse what is not as promised.

        Raises:
            PushError: saying in what it differs.
        """
        if differences := self.differences(promised):
            raise PushError(
                f"{promised.called}: what was obtained is not what was judged: "
                + "; ".join(f"it {difference}" for difference in differences),
                "nothing was written; have the token service give out no more than is asked (docs/login.md)",
            )

    def _other(self) -> Iterator[str]:
        # Another reader might find an end or a scope in it that is not seen here.
        if self.secret.startswith("eyJ") and self.secret.count(".") == 2 and claims_of(self.secret) is None:
            yield "is a JWT that cannot be read strictly"
        kind = self.told.get("token_type")
        if kind is not None and kind.lower() not in _TOKEN_TYPES:
            yield f"is a token of type {printable(kind, 60)}"
        issued = self.told.get("issued_token_type")
        if issued is not None and issued not in _TYPES:
            yield f"is a {printable(issued, 80)}, not an access token"

    def _longer(
        self, promised: Promise, own_end: datetime | None, claims: Mapping[str, Any]
    ) -> Iterator[str]:
        if promised.seconds is None:
            return
        ends = [end for end in (self._told_end(), own_end) if end]
        if "refresh_token" in self.told:
            yield "comes with a refresh token, and so does not end"
        if "exp" in claims and moment(claims["exp"]) is None:
            yield "has an end that is no time"
        elif not ends:
            yield "does not say when it ends"
        elif max(ends) > self.at + timedelta(seconds=promised.seconds) + _LEEWAY:
            yield f"lives until {max(ends):%Y-%m-%dT%H:%M:%SZ}, longer than {promised.seconds} s"
        elif min(ends) <= self.at:
            yield f"has ended at {min(ends):%Y-%m-%dT%H:%M:%SZ}"

    def _told_end(self) -> datetime | None:
        """When it ends, by the answer: after seconds, at seconds since 1970, or at an RFC 3339 time."""
        after, at = self.told.get("expires_in"), self.told.get("expires_at")
        try:
            if at is None:
                return self.at + timedelta(seconds=float(after)) if after is not None else None
            found = moment(float(at)) if at.replace(".", "", 1).isdecimal() else datetime.fromisoformat(at)
        except (ValueError, OverflowError):
            return None
        return found if found is not None and found.tzinfo else None

    def _wider(self, promised: Promise, claims: Mapping[str, Any]) -> Iterator[str]:
        if promised.scope is not None:
            for part in _scopes(self.told.get("scope_given"), claims.get("scope"), claims.get("scp")):
                if not any(_within(part, asked) for asked in promised.scope.split()):
                    yield f"has the scope {printable(part, 200)}, which was not asked for"
        access = claims.get("access")
        if access is not None:
            yield from _wider_access(access, promised)


def _of_another_form(form: Told, promised: Promise) -> Iterator[str]:
    """What the form of a token tells that is not of a short-lived access token for this registry."""
    vendor = vendor_of(promised.registry)
    whose = promised.issued_by or (vendor.issuer if vendor else None)
    if whose is not None and form.issued_by not in (None, whose):
        yield f"is a token of {form.issued_by} by its form, not of {whose}"
    if form.user_kind in _OF_JOBS:
        yield f"is of the kind {form.user_kind} by its form, not an access token"
    elif form.ephemeral is False and form.expires_at is None:
        yield f"is of the kind {form.user_kind} by its form, and names no end of its own"


def _scopes(*said: Any) -> list[str]:
    """Each scope of the answer and of the token's claims, which are texts (RFC 9068) or lists of them."""
    texts = (text for one in said if one is not None for text in (one if isinstance(one, list) else [one]))
    return sorted({scope for text in texts for scope in str(text).split()})


def _within(given: str, asked: str) -> bool:
    """Whether a scope is one that was asked for; of a repository (TYPE:NAME:ACTIONS) with no action more."""
    place, _, actions = given.rpartition(":")
    wanted, _, may = asked.rpartition(":")
    is_of_place = place == wanted and ":" in place
    return given == asked or (is_of_place and set(actions.split(",")) <= set(may.split(",")))


def _wider_access(access: Any, promised: Promise) -> Iterator[str]:
    """What the access claim of a registry's token allows beyond the repository, and what is to be done there.

    Source: distribution, "Token Authentication Implementation".
    """
    if not isinstance(access, list) or len(access) > _MAX_ACCESS:
        yield "has an access claim that cannot be read"
        return
    for item in access:
        match item:
            case {"type": "repository", "name": promised.repository, "actions": list(actions)} if all(
                isinstance(each, str) for each in actions
            ):
                if more := sorted(set(actions) - set(promised.actions)):
                    yield f"may {printable(', '.join(more), 100)} in {promised.repository}"
            case {"actions": []}:
                pass
            case {"type": str(kind), "name": str(name)}:
                yield f"is for the {printable(kind, 40)} {printable(name, 200)}, too"
            case _:
                yield "has an access claim that cannot be read"

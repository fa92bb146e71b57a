"""The requests of one repository: with the credential to its registry, without it to where that leads."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from msgspec.structs import replace

from pushpolicy.errors import PushError
from pushpolicy.http.call import MAX_ANSWER, Answer, Call, MakeBody
from pushpolicy.http.connections import Connections
from pushpolicy.http.response import Response
from pushpolicy.http.tls import TlsContexts
from pushpolicy.http.transport import Transport, discard
from pushpolicy.model.evidence import Clock
from pushpolicy.model.reference import Repository
from pushpolicy.registry.auth import Authorizer
from pushpolicy.registry.challenges import read_challenges
from pushpolicy.registry.endpoint import Endpoint
from pushpolicy.registry.interface import Access
from pushpolicy.registry.meanings import Phase, RegistryAnswer, Try, attempt_of
from pushpolicy.registry.refusals import refusal


class RegistryCall(Call, frozen=True, kw_only=True):
    """One request to a registry.

    Attributes:
        scopes: the token scopes it needs (distribution, "Token Scope Documentation").
        phase: what it asks for.
    """

    scopes: tuple[str, ...] = ()
    phase: Phase = Phase.READ


_MAX_REDIRECTS = 5
_SAFE_METHODS = frozenset({"GET", "HEAD"})
# Codes of a 404 that only who may read is told.
_ABSENT = frozenset({"MANIFEST_UNKNOWN", "BLOB_UNKNOWN"})


class Api(Transport):
    """The API of a registry, for one repository; safe to use from several threads.

    Redirects are followed where the endpoint lets them lead, challenges are answered (RFC 9110, 11), and
    only the registry itself sees the credential.

    Attributes:
        clock: the skew against the registry's Date header, once an answer was seen.
    """

    def __init__(self, repository: Repository, access: Access) -> None:
        self.repository = repository
        self.endpoint = Endpoint(repository, plain_http=access.plain_http)
        self.clock: Clock | None = None
        connections = Connections(access, TlsContexts(access), self.endpoint.is_own)
        super().__init__(access, connections)
        self._credential = access.credential
        self._authorizer = Authorizer(self.endpoint, access.credential, Transport(access, connections))
        self._base_challenge: str | None = None
        self._has_read = False
        self._last_date = ""

    def call(
        self,
        method: str,
        url: str,
        what: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: MakeBody | None = None,
        limit: int = MAX_ANSWER,
    ) -> RegistryCall:
        """A request about the repository; `what` says in an error message what it is for."""
        reads = method in _SAFE_METHODS
        access = "pull" if reads else "pull,push"
        writes = Phase.MANIFEST if "/manifests/" in url else Phase.UPLOAD
        return RegistryCall(
            action=f"{self.repository}: {what}",
            method=method,
            url=url,
            scopes=(f"repository:{self.repository.path}:{access}",),
            phase=Phase.READ if reads else writes,
            headers=headers or {},
            body=body,
            limit=limit,
        )

    def greeting(self) -> Answer:
        """What the registry answers to whoever shows nothing (distribution-spec, "Determining Support").

        Raises:
            PushError: when it cannot be reached, or answers with trouble.
        """
        call = self.call("GET", self.endpoint.url(""), "API")
        return Transport(self._settings, self._connections).exchange(call)

    def _respond(self, call: Call) -> tuple[str, Response]:
        """Send a request along its redirects, and once more after a challenge that can be answered."""
        url = call.url
        scopes = call.scopes if isinstance(call, RegistryCall) else ()
        for _ in range(_MAX_REDIRECTS + 1):
            own = self.endpoint.is_own(url)
            response = self._authorized(url, call, scopes) if own else self._send(url, call)
            location = response.headers.get("Location")
            # Only 307 and 308 keep the method of a write (RFC 9110, 15.4).
            moved = (301, 302, 303, 307, 308) if call.method in _SAFE_METHODS else (307, 308)
            if not location or response.status not in moved:
                return url, response
            discard(response)
            url = self.endpoint.follow(url, location, call.action)
        raise PushError(f"{call.action}: the registry redirects more than {_MAX_REDIRECTS} times")

    def _authorized(self, url: str, call: Call, scopes: tuple[str, ...]) -> Response:
        shown = self._authorizer.header(scopes)
        response = self._send(url, call, shown)
        self._note_clock(response)
        if response.status not in (401, 403):
            return response
        challenge = response.headers.get("WWW-Authenticate", "")
        try:
            said = replace(self._head(call, url, response), asked=bool(read_challenges(challenge)))
            if attempt_of(said) is Try.ASK_BASE:
                challenge = self._challenge_of_base()
            again = self._authorizer.satisfy(challenge, response.status, scopes, shown)
        except BaseException:
            response.close()
            raise
        if not again:
            return response
        discard(response)
        return self._send(url, call, self._authorizer.header(scopes))

    def _challenge_of_base(self) -> str:
        """What the registry asks for at its base, where it says so if it does anywhere; asked for once."""
        if self._base_challenge is None:
            url = self.endpoint.url("")
            response = self._send(url, Call(action="", method="GET", url=url))
            self._base_challenge = response.headers.get("WWW-Authenticate", "")
            discard(response)
        return self._base_challenge

    def attempt(self, call: Call) -> Answer:
        """As `Transport.attempt`; that reading works here tells what the refusal of a write means."""
        answer = super().attempt(call)
        if isinstance(answer, RegistryAnswer) and answer.phase is Phase.READ:
            found = answer.status < 300 or not answer.codes.isdisjoint(_ABSENT)
            self._has_read = self._has_read or found
        return answer

    def _head(self, call: Call, url: str, response: Response) -> RegistryAnswer:
        phase = call.phase if isinstance(call, RegistryCall) else Phase.READ
        own = response.status < 400 or self.endpoint.is_own(url)
        # A 404 may be how a registry hides what a credential may not see.
        tells = response.status in (401, 403) or (response.status == 404 and phase is not Phase.READ)
        return RegistryAnswer.of(
            super()._head(call, url, response),
            phase=phase,
            media_type=call.headers.get("Content-Type", ""),
            shown=self._credential.origin if own and tells else None,
            asked=self._authorizer.was_asked or not own,
            has_read=self._has_read,
            elsewhere="" if own else urlsplit(url).netloc,
        )

    def _refusal(self, action: str, answer: Answer) -> PushError:
        return refusal(action, answer)

    def _note_clock(self, response: Response) -> None:
        """Keep the smallest skew seen: a slow answer makes ours look ahead."""
        date = response.headers.get("Date", "")
        # A repeated Date header arrived later and cannot give a better clock skew.
        if date == self._last_date:
            return
        self._last_date = date
        try:
            theirs = parsedate_to_datetime(date).timestamp()
        except (ValueError, OverflowError, OSError):
            return
        skew = round(time.time() - theirs)
        if self.clock is None or abs(skew) < abs(self.clock.skew_seconds):
            self.clock = Clock(skew_seconds=skew, against=self.endpoint.host)

"""The requests of one repository, as other modules need them: calls, and manifests as they are."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pushpolicy.errors import PushError
from pushpolicy.http.call import MAX_ANSWER, Call, MakeBody
from pushpolicy.http.failures import Answer, refusal
from pushpolicy.http.tls import TlsContexts
from pushpolicy.model.manifest import INDEX_TYPES, MANIFEST_TYPES, MAX_MANIFEST_SIZE, Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable
from pushpolicy.registry.access import Access
from pushpolicy.registry.endpoint import Endpoint

if TYPE_CHECKING:
    from pushpolicy.registry.transport import Transport

_KNOWN_TYPES = MANIFEST_TYPES | INDEX_TYPES
_ACCEPT = {"Accept": ", ".join(sorted(_KNOWN_TYPES))}


class Api:
    """The API of a registry, for one repository; safe to use from several threads.

    Attributes:
        has_referrers: whether it has the referrers API, once an answer has told.
    """

    def __init__(self, repository: Repository, access: Access) -> None:
        self.repository = repository
        self.endpoint = Endpoint(repository, plain_http=access.plain_http)
        self.has_referrers: bool | None = None
        self._access = access
        self._tls = TlsContexts(access)
        self._transport: Transport | None = None
        self._lock = threading.Lock()

    @property
    def transport(self) -> Transport:
        """The HTTP side, made when it is first needed: OPA has been started by then, and uses the time."""
        with self._lock:
            if self._transport is None:
                from pushpolicy.registry.transport import Transport

                self._transport = Transport(self.endpoint, self._access, self._tls)
            return self._transport

    def call(
        self,
        method: str,
        path: str,
        what: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: MakeBody | None = None,
        limit: int = MAX_ANSWER,
    ) -> Call:
        """A request below the repository's name; `what` says in an error message what it is for."""
        return Call(
            action=f"{self.repository}: {what}",
            method=method,
            url=self.transport.endpoint.url(f"{self.repository.path}/{path}"),
            scopes=self.scopes(push=method not in ("GET", "HEAD")),
            headers=headers or {},
            body=body,
            limit=limit,
        )

    def scopes(self, *, push: bool) -> tuple[str, ...]:
        """The token scopes for reading this repository, or for writing to it."""
        return (f"repository:{self.repository.path}:{'pull,push' if push else 'pull'}",)

    def get_manifest(self, reference: str) -> Manifest | None:
        """The manifest under a tag or digest, parsed but not compared with a digest; None when absent."""
        call = self.call(
            "GET", f"manifests/{reference}", f"manifest {reference}", headers=_ACCEPT, limit=MAX_MANIFEST_SIZE
        )
        answer = self.transport.exchange(call)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise refusal(call.action, answer)
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        try:
            # A type that is no manifest's was set by somebody who did not look; the bytes tell.
            return Manifest.parse(answer.content, kind if kind in _KNOWN_TYPES else None)
        except ValueError as error:
            raise PushError(f"{call.action}: {printable(str(error))}") from error

    def put_manifest(self, manifest: Manifest, reference: str) -> Answer:
        """Store the bytes of a manifest under a tag or digest."""
        call = self.call(
            "PUT",
            f"manifests/{reference}",
            f"manifest {reference}",
            headers={"Content-Type": manifest.media_type},
            body=lambda: manifest.content,
        )
        answer = self.transport.exchange(call)
        if answer.status not in (200, 201):
            raise refusal(call.action, answer)
        return answer

"""One upload session: the content in one PUT, and what to do when that breaks or is too much."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from pushpolicy.errors import PushError
from pushpolicy.http.call import Answer, MakeBody
from pushpolicy.http.retry import TransientError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.registry.admitted import OnAdmitted
from pushpolicy.registry.api import Api, RegistryCall
from pushpolicy.registry.body import BlobBody
from pushpolicy.registry.endpoint import with_query
from pushpolicy.registry.interface import OpenBlob
from pushpolicy.registry.meanings import Try, attempt_of
from pushpolicy.registry.refusals import refusal

OCTETS: Mapping[str, str] = {"Content-Type": "application/octet-stream"}
# Less than this is sent again rather than asked about.
_RESUMED_SIZE = 1024 * 1024
# What proxies that limit a request's size let through (the usual limits are 100 MB and more).
_CHUNK_SIZE = 32 * 1024 * 1024
_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")


class Session:
    """An upload that a POST opened; after a break `resume` asks what arrived and `finish` sends the rest."""

    def __init__(
        self,
        api: Api,
        start: RegistryCall,
        blob: Descriptor,
        content: OpenBlob,
        on_admitted: OnAdmitted | None,
    ) -> None:
        self._api = api
        self._start = start
        self._blob = blob
        self._content = content
        self._on_admitted = on_admitted
        self._location = ""
        self._offset = 0
        self._chunk: int | None = None
        self._least_chunk = 0
        self._was_begun_anew = False
        self.was_open = False

    @property
    def is_open(self) -> bool:
        """Whether there is something that may be continued."""
        return bool(self._location) and self._blob.size >= _RESUMED_SIZE

    def begin(self, opened: Answer) -> None:
        """Send everything to the upload that this answer opened.

        Raises:
            TransientError: when it broke off; `resume` may continue it.
            PushError: when the registry refuses.
        """
        self.was_open = True
        self._offset = 0
        least = opened.headers.get("OCI-Chunk-Min-Length", "")
        self._least_chunk = int(least) if least.isdecimal() and len(least) < 12 else 0
        self._move(opened)
        if self._chunk is not None:
            self._chunk = max(self._chunk, self._least_chunk)
        self.finish()

    def resume(self) -> bool:
        """Ask how much arrived; False when the session is gone or nothing did.

        Raises:
            TransientError: when there is no answer.
        """
        call = self._call("GET", self._location)
        answer = self._api.attempt(call)
        found = _RANGE.fullmatch(answer.headers.get("Range", ""))
        # 0-0 is how distribution writes that nothing is there.
        if answer.status != 204 or not found or not 0 < int(found[1]) < self._blob.size:
            self._location = ""
            # Nothing of a long request was kept: the next one is made of shorter ones.
            if self._blob.size > _CHUNK_SIZE:
                self._chunk = max(_CHUNK_SIZE, self._least_chunk)
            return False
        self._offset = int(found[1]) + 1
        self._move(answer)
        return True

    def finish(self) -> None:
        """Send what is missing and close the upload.

        Raises:
            TransientError: when it broke off.
            PushError: when the registry refuses.
        """
        while self._chunk is not None and self._blob.size - self._offset > self._chunk:
            stop = self._offset + self._chunk
            answer = self._api.attempt(self._sending("PATCH", self._location, self._offset, stop))
            # 204 is Pulp's answer.
            if answer.status not in (202, 204):
                raise self._lost(answer) if answer.status == 416 else self._refused(answer)
            self._offset = stop
            self._move(answer)
        url = with_query(self._location, digest=str(self._blob.digest))
        answer = self._api.attempt(self._sending("PUT", url, self._offset, self._blob.size))
        if answer.status == 413 and self._chunk is None and self._blob.size > _CHUNK_SIZE:
            self._chunk = max(_CHUNK_SIZE, self._least_chunk)
            raise self._lost(answer)
        if answer.status not in (200, 201, 204):
            # Of a continued upload any refusal may be about the state it was found in.
            raise self._lost(answer) if self._offset else self._refused(answer)

    def _sending(self, method: str, url: str, start: int, stop: int) -> RegistryCall:
        def body() -> BlobBody | bytes:
            if start == stop:
                return b""
            return BlobBody(
                self._blob,
                self._content,
                start,
                stop,
                self._on_admitted,
            )

        headers = dict(OCTETS)
        if start < stop and (start or stop < self._blob.size):
            headers["Content-Range"] = f"{start}-{stop - 1}"
        return self._call(method, url, headers, body)

    def _call(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: MakeBody | None = None
    ) -> RegistryCall:
        return replace(self._start, method=method, url=url, headers=headers or {}, body=body)

    def _move(self, answer: Answer) -> None:
        location = answer.headers.get("Location")
        if not location:
            raise PushError(
                f"{self._start.action}: the registry answered {answer.status} without a Location header, "
                "so that there is no address to send the content to",
                "it breaks the distribution specification, or a proxy before it takes the header away",
            )
        self._location = self._api.endpoint.follow(answer.url, location, self._start.action)

    def _refused(self, answer: Answer) -> Exception:
        """The refusal, or once, where it may be about this session only, the wish to begin another."""
        if attempt_of(answer) is Try.BEGIN_ANEW and not self._was_begun_anew:
            self._was_begun_anew = True
            return self._lost(answer)
        return refusal(self._start.action, answer)

    def _lost(self, answer: Answer) -> TransientError:
        self._location = ""
        return TransientError(refusal(self._start.action, answer))

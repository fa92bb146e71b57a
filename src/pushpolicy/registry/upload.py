"""Send blobs (distribution-spec v1.1, "Pushing blobs"): mounted, in one request, or by an upload session."""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec.structs import replace

from pushpolicy.errors import PushError
from pushpolicy.http.call import Answer
from pushpolicy.http.retry import TransientError, retrying
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.registry.admitted import Admitted, OnAdmitted
from pushpolicy.registry.api import Api, RegistryCall
from pushpolicy.registry.body import BlobBody
from pushpolicy.registry.endpoint import with_query
from pushpolicy.registry.interface import OpenBlob
from pushpolicy.registry.refusals import refusal
from pushpolicy.registry.session import OCTETS, Session

# A blob this small, one read of a file, is sent with the POST, which a registry that does not take it so has
# read for nothing.
_SINGLE_SIZE = 128 * 1024
# So many small blobs are asked for before it is concluded that the others are not there.
_SAMPLE = 3


class Uploads:
    """The uploads of one repository, and what was learned about its registry on the way."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._takes_single: bool | None = None
        self._mounts = True
        self._absent: set[Digest] = set()
        self._skipped: dict[Digest, tuple[Descriptor, OpenBlob]] = {}
        self._sent_again: set[Digest] = set()
        self._lock = threading.Lock()
        self._again = threading.Lock()

    def send(
        self,
        url: str,
        blob: Descriptor,
        content: OpenBlob,
        sibling: Repository | None,
        *,
        is_there: Callable[[Descriptor], bool],
        on_admitted: OnAdmitted | None = None,
    ) -> None:
        """Upload a blob that is not there.

        What a broken attempt left is continued where that is worth it, else the registry's to remove.

        Args:
            url: where uploads of the repository begin.
            blob: what to send.
            content: opened again for each attempt.
            sibling: a repository of the registry that may have the blob.
            is_there: asks again, for when only an answer was lost.
            on_admitted: told when all of the content was read and is what it should be.

        Raises:
            PushError: when the registry refuses, or no attempt succeeds.
            InputError: when the content is not what the descriptor says.
        """
        start = self._api.call("POST", url, f"upload of {blob.digest}")
        admitted = list[Admitted]()
        session = Session(self._api, start, blob, content, admitted.append)

        def once() -> None:
            if session.is_open and session.resume():
                return session.finish()
            if session.was_open and is_there(blob):
                return None
            body = BlobBody(blob, content, on_admitted=admitted.append)
            opened = self._mounted(start, blob, sibling) or self._opened(start, body, blob)
            return None if opened.status == 201 else session.begin(opened)

        retrying(once, self._api.budget(transfer=True))
        if not admitted:
            self.skip(blob, content)
        elif on_admitted:
            on_admitted(admitted[-1])

    def asks_for(self, blob: Descriptor) -> bool:
        """Whether to ask for a blob before it is sent.

        A small one takes as long to ask for as to send. A push that was killed, or one of an image on the
        same base, sent first what is sent first now: where none of that is there, the rest will not be.
        """
        return blob.size > _SINGLE_SIZE or len(self._absent) < _SAMPLE or bool(self._skipped)

    def note_absent(self, blob: Descriptor) -> None:
        """Remember a blob that was asked for and is not there."""
        if blob.size <= _SINGLE_SIZE:
            self._absent.add(blob.digest)

    def skip(self, blob: Descriptor, content: OpenBlob) -> None:
        """Remember a blob that is not sent, since the registry says that it has it."""
        self._skipped[blob.digest] = (blob, content)

    def send_skipped(self, url: str, manifest: Manifest) -> bool:
        """Send what a manifest names and was skipped; whether that may have it taken, which is so once.

        Raises:
            PushError, InputError: as `send` does.
        """
        named = {part.digest for part in (manifest.config, *manifest.layers) if part}
        with self._again:
            for digest in named & self._skipped.keys():
                blob, content = self._skipped.pop(digest)
                # Nobody is asked whether it is there: that is what was answered wrongly.
                self.send(url, blob, content, None, is_there=lambda _: False)
                self._sent_again.add(digest)
            is_first = manifest.digest not in self._sent_again
            self._sent_again.add(manifest.digest)
            return is_first and not named.isdisjoint(self._sent_again)

    def _mounted(self, start: RegistryCall, blob: Descriptor, sibling: Repository | None) -> Answer | None:
        """The answer to the wish to mount: 201, or 202 for an upload; None when it was not a useful one."""
        if sibling is None or not self._mounts:
            return None
        call = replace(
            start,
            url=with_query(start.url, mount=str(blob.digest), **{"from": sibling.path}),
            scopes=(*start.scopes, f"repository:{sibling.path}:pull"),
        )
        # It is a favour: whatever goes wrong with it, the blob can be sent.
        try:
            answer = self._api.attempt(call)
        except TransientError:
            return None
        except PushError:
            self._mounts = False
            return None
        if answer.status in (201, 202):
            return answer
        self._mounts = False
        return None

    def _opened(self, start: RegistryCall, body: BlobBody, blob: Descriptor) -> Answer:
        """The answer to a POST: 201 when that was all, 202 for an upload."""
        if 0 < blob.size <= _SINGLE_SIZE and (answer := self._single(start, body, blob)):
            return answer
        opened = self._api.attempt(start)
        if opened.status != 202:
            raise refusal(start.action, opened)
        return opened

    def _single(self, start: RegistryCall, body: BlobBody, blob: Descriptor) -> Answer | None:
        """The answer to the POST with content; None when the registry is known not to want that.

        One blob finds it out, the others wait for that: their content would be sent twice.
        """
        call = replace(
            start,
            url=with_query(start.url, digest=str(blob.digest)),
            headers=OCTETS,
            body=lambda: body,
        )
        with self._lock:
            if self._takes_single is None:
                answer = self._api.attempt(call)
                self._takes_single = answer.status == 201
                return _useful(answer, start)
        return _useful(self._api.attempt(call), start) if self._takes_single else None


def _useful(answer: Answer, start: RegistryCall) -> Answer | None:
    """The answer, unless it may be about the way the POST was made: then it is asked again without content.

    Raises:
        PushError: when the registry refuses a POST in any case.
    """
    if answer.status in (401, 403):
        raise refusal(start.action, answer)
    return answer if answer.status in (201, 202) else None

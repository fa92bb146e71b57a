"""Send a blob: a POST opens an upload, a PUT carries the content (distribution-spec, "Pushing blobs")."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.errors import PushError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.registry.api import Api
from pushpolicy.registry.endpoint import with_query
from pushpolicy.registry.failures import refusal
from pushpolicy.registry.interface import OpenBlob
from pushpolicy.registry.layout_files import verified
from pushpolicy.registry.retry import Deadline, retrying
from pushpolicy.registry.transport import Call

_READ_SIZE = 1024 * 1024
# One send must fit into the connect timeout, which urllib3 keeps while it sends a body.
_SEND_SIZE = 128 * 1024


class BlobBody:
    """The content of a blob as a request's body, hashed on its way.

    The last chunk is sent only when size and digest of the whole are right, so that a registry which
    does not check cannot end up with other content.
    """

    def __init__(self, action: str, blob: Descriptor, content: OpenBlob, deadline: Deadline) -> None:
        self._action = action
        self._blob = blob
        self._content = content
        self._deadline = deadline

    def __len__(self) -> int:
        return self._blob.size

    def __iter__(self) -> Iterator[memoryview]:
        try:
            with self._content() as file:
                for chunk in verified(self._blob, iter(lambda: file.read(_READ_SIZE), b"")):
                    self._deadline.check(self._action)
                    view = memoryview(chunk)
                    for start in range(0, len(view), _SEND_SIZE):
                        yield view[start : start + _SEND_SIZE]
        except (ValueError, OSError) as error:
            # A plain OSError would be taken for the connection's.
            raise PushError(f"{self._action}: the content to be sent: {error}") from error


def upload_blob(api: Api, blob: Descriptor, content: OpenBlob) -> None:
    """Upload a blob that is not there.

    Each attempt opens an upload of its own: what a broken one left is the registry's to remove.

    Raises:
        PushError: when the registry refuses, or no attempt succeeds.
    """
    start = api.call("POST", "blobs/uploads/", f"upload of {blob.digest}")
    deadline = api.transport.deadline(blob.size)

    def once() -> None:
        finish = Call(
            action=start.action,
            method="PUT",
            url=with_query(_open_upload(api, start), digest=str(blob.digest)),
            scopes=start.scopes,
            headers={"Content-Type": "application/octet-stream"},
            body=lambda: BlobBody(start.action, blob, content, deadline) if blob.size else b"",
        )
        answer = api.transport.attempt(finish)
        if answer.status not in (200, 201, 204):
            raise refusal(start.action, answer)

    retrying(once, api.transport.patience(blob.size))


def _open_upload(api: Api, start: Call) -> str:
    opened = api.transport.attempt(start)
    location = opened.headers.get("Location")
    if opened.status != 202 or not location:
        raise refusal(start.action, opened)
    return api.endpoint.follow(opened.url, location, start.action)

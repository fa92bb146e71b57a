"""What oras-py's methods take and answer with, as ours do it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pushpolicy.errors import PushError
from pushpolicy.http.call import Answer
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import INDEX_TYPES, MANIFEST_TYPES, Manifest
from pushpolicy.model.text import printable
from pushpolicy.registry.interface import OpenBlob
from pushpolicy.registry.meanings import RegistryAnswer
from pushpolicy.registry.refusals import refusal

if TYPE_CHECKING:
    import requests

KNOWN_TYPES = MANIFEST_TYPES | INDEX_TYPES
_OCTETS = "application/octet-stream"


class OrasAnswer(RegistryAnswer, frozen=True, kw_only=True):
    """An answer under the names of a `requests.Response`.

    It is none: to import requests would add 40 ms of processor time and 6 MiB to each push.

    Attributes:
        action: what was being done, as an error message begins.
    """

    action: str

    @property
    def status_code(self) -> int:
        """The status."""
        return self.status

    @property
    def reason(self) -> str:
        """What the status means."""
        return http.client.responses.get(self.status, "")

    @property
    def ok(self) -> bool:
        """Whether it is what was asked for: neither a refusal, nor a way to elsewhere that is not taken."""
        return 200 <= self.status < 300

    @property
    def is_taken(self) -> bool:
        """Whether it says that what was asked for is done, as no redirect of a write does."""
        return self.status in (200, 201, 202)

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The content as JSON; raises ValueError when it is none."""
        return json.loads(self.content)

    def raise_for_status(self) -> None:
        """Raise PushError for a refusal."""
        if not self.ok:
            raise refusal(self.action, self)


def streamed(head: Answer, chunks: Iterator[bytes], close: Callable[[], None]) -> requests.Response:
    """An answer whose content is still to be read; `close` ends it. Push never asks for one."""
    import requests

    response = requests.Response()
    response.status_code, response.url = head.status, head.url
    response.reason = http.client.responses.get(head.status, "")
    response.headers.update(head.headers.items())
    response.raw = _Body(chunks, close)
    return response


class _Body:
    """The part of a file that requests reads a body by."""

    def __init__(self, chunks: Iterator[bytes], close: Callable[[], None]) -> None:
        self._chunks = chunks
        self._rest = b""
        self.close = close

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


class KeptManifest(dict[str, Any]):
    """A manifest as oras-py gives it, a dict, with the bytes that it was read from.

    Attributes:
        etag: what the registry calls these bytes in a condition, if it said.
    """

    def __init__(self, manifest: Manifest, etag: str | None = None) -> None:
        super().__init__(manifest.document())
        self.manifest = manifest
        self.etag = etag

    @classmethod
    def read(cls, answer: OrasAnswer) -> KeptManifest:
        """The manifest that an answer holds.

        Raises:
            PushError: when it is none.
        """
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        try:
            # A type that is no manifest's was set by somebody who did not look; the bytes tell.
            manifest = Manifest.parse(answer.content, kind if kind in KNOWN_TYPES else None)
        except ValueError as error:
            raise PushError(f"{answer.action}: {printable(str(error))}") from error
        return cls(manifest, answer.headers.get("ETag"))


def descriptor_of(layer: Descriptor | Mapping[str, Any]) -> Descriptor:
    """The descriptor, or what oras-py's dict says of it.

    Raises:
        ValueError: when the dict is none.
    """
    if isinstance(layer, Descriptor):
        return layer
    return Descriptor(
        media_type=layer.get("mediaType") or _OCTETS, digest=Digest.parse(layer["digest"]), size=layer["size"]
    )


def opener_of(blob: str | OpenBlob) -> OpenBlob:
    """What opens the content: of the file of this path, if it is one."""
    if callable(blob):
        return blob
    path = Path(blob)
    return lambda: path.open("rb")

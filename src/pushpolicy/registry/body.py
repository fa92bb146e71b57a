"""The content of a blob as the body of a request."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.registry.admitted import OnAdmitted, chunks_of, unreadable, verified
from pushpolicy.registry.interface import OpenBlob


class BlobBody:
    """A blob from a byte on to before another one, hashed on its way.

    The last piece of the blob is sent only when size and digest of the whole are right, so that a registry
    which does not check cannot end up with other content.
    """

    def __init__(
        self,
        blob: Descriptor,
        content: OpenBlob,
        start: int = 0,
        stop: int | None = None,
        on_admitted: OnAdmitted | None = None,
    ) -> None:
        self._blob = blob
        self._content = content
        self._start = start
        self._stop = blob.size if stop is None else stop
        self._on_admitted = on_admitted

    def __len__(self) -> int:
        return self._stop - self._start

    def __iter__(self) -> Iterator[memoryview]:
        position = 0
        try:
            with self._content() as file:
                chunks = chunks_of(file, self._blob.size)
                whole = self._stop == self._blob.size
                for chunk in verified(self._blob, chunks, self._on_admitted) if whole else chunks:
                    wanted = chunk[max(self._start - position, 0) : max(self._stop - position, 0)]
                    if wanted:
                        yield wanted
                    position += len(chunk)
                    if not whole and position >= self._stop:
                        return
        except (ValueError, OSError) as error:
            # A plain OSError would be taken for the connection's.
            raise unreadable(self._blob, error) from error

"""The content of a blob as the body of a request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, cast

from pushpolicy.http.retry import Deadline
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.registry.admitted import OnAdmitted, unreadable, verified
from pushpolicy.registry.interface import OpenBlob

# Two of these stay in a core's own cache between being read, hashed and encrypted.
_READ_SIZE = 128 * 1024


class BlobBody:
    """A blob from a byte on to before another one, hashed on its way.

    The last piece of the blob is sent only when size and digest of the whole are right, so that a registry
    which does not check cannot end up with other content.
    """

    def __init__(
        self,
        action: str,
        blob: Descriptor,
        content: OpenBlob,
        deadline: Deadline,
        start: int = 0,
        stop: int | None = None,
        on_admitted: OnAdmitted | None = None,
    ) -> None:
        self._action = action
        self._blob = blob
        self._content = content
        self._deadline = deadline
        self._start = start
        self._stop = blob.size if stop is None else stop
        self._on_admitted = on_admitted

    def __len__(self) -> int:
        return self._stop - self._start

    def __iter__(self) -> Iterator[memoryview]:
        position = 0
        try:
            with self._content() as file:
                chunks = _chunks(cast("_Readable", file), min(self._blob.size, _READ_SIZE))
                whole = self._stop == self._blob.size
                for chunk in verified(self._blob, chunks, self._on_admitted) if whole else chunks:
                    self._deadline.check(self._action)
                    wanted = chunk[max(self._start - position, 0) : max(self._stop - position, 0)]
                    if wanted:
                        yield wanted
                    position += len(chunk)
                    if not whole and position >= self._stop:
                        return
        except (ValueError, OSError) as error:
            # A plain OSError would be taken for the connection's.
            raise unreadable(self._blob, error) from error


class _Readable(Protocol):
    """What binary streams can do and typing.BinaryIO does not say."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Read into a buffer; 0 at the end."""


def _chunks(file: _Readable, size: int) -> Iterator[memoryview]:
    """What is read, in two buffers in turn: `verified` holds one chunk while the next is read.

    Memory is taken once, which is a third of the time of reading into new bytes.
    """
    buffers = [memoryview(bytearray(max(size, 1))) for _ in range(2)]
    while True:
        for buffer in buffers:
            count = file.readinto(buffer)
            if not count:
                return
            yield buffer[:count]

"""How a transfer tells what it is doing; the command line renders it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.registry.interface import OpenBlob

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK = 1024 * 1024


class Progress(Protocol):
    """Told about each blob; a blob that has to be sent again starts again."""

    def blob_started(self, blob: Descriptor) -> None:
        """The first byte is about to be sent."""

    def blob_advanced(self, blob: Descriptor, count: int) -> None:
        """So many more bytes were read for sending."""

    def blob_done(self, blob: Descriptor, *, sent: bool) -> None:
        """The blob is in the repository; `sent` is False when it was there before."""


class _Silent:
    def blob_started(self, blob: Descriptor) -> None:
        pass

    def blob_advanced(self, blob: Descriptor, count: int) -> None:
        pass

    def blob_done(self, blob: Descriptor, *, sent: bool) -> None:
        pass


SILENT: Progress = _Silent()


class Watched:
    """The content of a blob, which reports to a Progress as it is opened and read."""

    def __init__(self, blob: Descriptor, content: OpenBlob, progress: Progress) -> None:
        self._blob = blob
        self._content = content
        self._progress = progress
        self.opened = False

    def __call__(self) -> AbstractContextManager[BinaryIO]:
        """Open the content from its start (an `OpenBlob`)."""
        return self._open()

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        self.opened = True
        self._progress.blob_started(self._blob)
        with self._content() as stream:
            counted = _Counted(stream, lambda count: self._progress.blob_advanced(self._blob, count))
            yield cast("BinaryIO", io.BufferedReader(counted, _CHUNK))


class _Counted(io.RawIOBase):
    """A stream that tells how many bytes were read from it."""

    def __init__(self, stream: BinaryIO, advanced: Callable[[int], None]) -> None:
        self._stream = stream
        self._advanced = advanced

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        data = self._stream.read(len(view))
        view[: len(data)] = data
        self._advanced(len(data))
        return len(data)

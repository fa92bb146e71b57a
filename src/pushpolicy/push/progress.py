"""How compressing and sending tell what they are doing; the command line renders it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from pushpolicy.errors import PushError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.registry.interface import OpenBlob

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Progress(Protocol):
    """Told about each blob, by several threads; `blob_started` is called again for one that is sent again."""

    def step(self, name: str) -> None:
        """Another step of the push begins; `name` says which, for people."""

    def compression_advanced(self, count: int) -> None:
        """`count` more bytes of a Docker image's layers were compressed, before anything is sent."""

    def transfer_started(self, blobs: Sequence[Descriptor]) -> None:
        """These blobs are about to be sent, except those that the repository has."""

    def blob_started(self, blob: Descriptor) -> None:
        """The first byte is about to be sent."""

    def blob_advanced(self, blob: Descriptor, count: int) -> None:
        """`count` more bytes were read for sending."""

    def blob_done(self, blob: Descriptor, *, sent: bool) -> None:
        """The blob is in the repository; `sent` is False when it was there before or was mounted."""


class _Silent:
    def step(self, name: str) -> None:
        pass

    def compression_advanced(self, count: int) -> None:
        pass

    def transfer_started(self, blobs: Sequence[Descriptor]) -> None:
        pass

    def blob_started(self, blob: Descriptor) -> None:
        pass

    def blob_advanced(self, blob: Descriptor, count: int) -> None:
        pass

    def blob_done(self, blob: Descriptor, *, sent: bool) -> None:
        pass


SILENT: Progress = _Silent()


class Watched:
    """The content of a blob, which reports to a Progress as it is opened and read.

    Args:
        stop: once it is set, reading raises PushError: another blob failed, and this one is not needed.
    """

    def __init__(
        self, blob: Descriptor, content: OpenBlob, progress: Progress, stop: threading.Event
    ) -> None:
        self._blob = blob
        self._content = content
        self._progress = progress
        self._stop = stop
        self.opened = False

    @contextmanager
    def __call__(self) -> Iterator[BinaryIO]:
        """Open the content from its start (an `OpenBlob`)."""
        self.opened = True
        self._progress.blob_started(self._blob)
        with self._content() as stream:
            yield cast("BinaryIO", _Counted(stream, self._advanced))

    def _advanced(self, count: int) -> None:
        if self._stop.is_set():
            raise PushError(f"{self._blob.digest}: given up, because another blob could not be sent")
        self._progress.blob_advanced(self._blob, count)


class _Counted(io.RawIOBase):
    """A stream that tells how many bytes were read from it; nothing is copied on the way."""

    def __init__(self, stream: BinaryIO, advanced: Callable[[int], None]) -> None:
        self._stream = cast("io.BufferedIOBase", stream)
        self._advanced = advanced

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        count = self._stream.readinto(buffer)
        self._advanced(count)
        return count

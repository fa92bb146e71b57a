"""The content of a blob on its way: counted, given up when not needed, compared where it has to be."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from pushpolicy.errors import PushError
from pushpolicy.http.parallel import each_sized
from pushpolicy.images.image import Image
from pushpolicy.images.options import Limits
from pushpolicy.images.uncompressed import Uncompressed
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.push.compared import Layer
from pushpolicy.push.progress import SILENT, Progress
from pushpolicy.registry.admitted import admit
from pushpolicy.registry.interface import OpenBlob

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_LIMITS = Limits()


class Watched:
    """The content of a blob, which reports to a Progress as it is opened and read.

    Args:
        stop: once it is set, reading raises PushError: another blob failed, and this one is not needed.
        layer: what the content has to be, uncompressed; None where that need not be known.

    Attributes:
        diff_id: what the content is, uncompressed, once it was read whole and found to be the layer.
    """

    def __init__(
        self,
        blob: Descriptor,
        content: OpenBlob,
        progress: Progress,
        stop: threading.Event,
        layer: Layer | None = None,
    ) -> None:
        self._blob = blob
        self._content = content
        self._progress = progress
        self._stop = stop
        self._layer = layer
        self.diff_id: Digest | None = None

    @contextmanager
    def __call__(self) -> Iterator[BinaryIO]:
        """Open the content from its start (an `OpenBlob`)."""
        self._progress.blob_started(self._blob)
        reading = Uncompressed(self._layer.descriptor, _LIMITS) if self._layer else None
        with self._content() as stream:
            yield cast("BinaryIO", _Passing(stream, self, reading))

    def advanced(self, count: int) -> None:
        """So many bytes were read."""
        if self._stop.is_set():
            raise PushError(f"{self._blob.digest}: given up, because another blob could not be sent")
        self._progress.blob_advanced(self._blob, count)

    def ended(self, reading: Uncompressed) -> None:
        """All of it was read.

        Raises:
            ValueError: when it is another layer than the config says.
        """
        found = reading.diff_id()
        if self._layer and found != self._layer.diff_id:
            raise ValueError(f"the layer is {found} uncompressed where the config says {self._layer.diff_id}")
        self.diff_id = found


def read_content(image: Image, compared: Mapping[Digest, Layer]) -> None:
    """Read every blob as a push would, and send none.

    Raises:
        InputError: when one is not what its digest, or the image's config, says.
    """
    stop = threading.Event()

    def read(blob: Descriptor) -> None:
        opened = image.content.open_blob(blob)
        admit(blob, Watched(blob, opened, SILENT, stop, compared.get(blob.digest)))

    each_sized(read, image.blobs)


class _Passing(io.RawIOBase):
    """A stream that is looked at while it is read; nothing is copied on the way."""

    def __init__(self, stream: BinaryIO, watched: Watched, reading: Uncompressed | None) -> None:
        self._stream = cast("io.BufferedIOBase", stream)
        self._watched = watched
        self._reading = reading

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        count = self._stream.readinto(buffer)
        self._watched.advanced(count)
        if self._reading and count:
            self._reading.update(memoryview(buffer)[:count])
        elif self._reading:
            self._watched.ended(self._reading)
        return count

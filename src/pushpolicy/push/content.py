"""The content of a blob on its way: counted, given up when not needed, compared where it has to be.

A scan or SBOM that is bound by the image ID or by diff_ids is about the layers that the config names by
their diff_ids (design section 5); the manifest names layers by other digests, and only reading them tells
that both are one.
"""

from __future__ import annotations

import io
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

import msgspec

from pushpolicy.errors import InputError, PushError
from pushpolicy.images.image import Image
from pushpolicy.images.options import Limits
from pushpolicy.images.uncompressed import Uncompressed
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.registry.interface import OpenBlob

_LIMITS = Limits()
# What a captured scanner was given may have been known by its image ID alone.
_BY_CONFIG = ("config", "diff_ids", "capture")


class Progress(Protocol):
    """How compressing and sending tell what they do, which the command line renders.

    It is told about each blob, by several threads; `blob_started` is called again for one that is sent again.
    """

    def step(self, name: str) -> None:
        """Another step of the push begins; `name` says which, for people."""

    def note(self, text: str) -> None:
        """Something to be known before the push goes on; whoever reports its end is told again."""

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

    def note(self, text: str) -> None:
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


class Layer(msgspec.Struct, frozen=True):
    """A layer as a manifest names it, and what it has to be uncompressed."""

    descriptor: Descriptor
    diff_id: Digest


def layers_to_compare(evidence: Mapping[str, Any], image: Image) -> Mapping[Digest, Layer]:
    """By digest, the layers that a scan or SBOM of the evidence rests on by their diff_ids only.

    Where an index has several manifests of one image ID, a scan names one of them at most: what says that the
    others are the same image is their config alone, too.

    Raises:
        InputError: when one layer is to be two things.
    """
    if image.layers_compared:
        return MappingProxyType({})
    items = [item for kind in ("scans", "sbom") for item in evidence.get(kind, {}).get("items", ())]
    rest_on_config = {item["platform"] for item in items if item.get("bound_by") in _BY_CONFIG}
    platforms = evidence["image"]["platforms"]
    shared = _shared_configs(platforms) if items else frozenset[str]()
    manifests = {str(manifest.digest): manifest for manifest in image.manifests}
    found: dict[Digest, Layer] = {}
    for platform in platforms:
        if platform["platform"] not in rest_on_config and platform["config_digest"] not in shared:
            continue
        layers = manifests[platform["digest"]].layers
        for descriptor, diff_id in zip(layers, platform["diff_ids"], strict=True):
            layer = Layer(descriptor, Digest.parse(diff_id))
            known = found.setdefault(descriptor.digest, layer)
            if (known.diff_id, known.descriptor.media_type) != (layer.diff_id, descriptor.media_type):
                raise InputError(f"{image.source}: layer {descriptor.digest} is said to be two things")
    return MappingProxyType(found)


def _shared_configs(platforms: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    manifests = defaultdict[str, set[str]](set)
    for platform in platforms:
        manifests[platform["config_digest"]].add(platform["digest"])
    return frozenset(config for config, found in manifests.items() if len(found) > 1)


if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


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
        reading = Uncompressed(self._layer.descriptor.media_type, _LIMITS) if self._layer else None
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

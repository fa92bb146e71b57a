"""The layers of a Docker image: checked against its config, and compressed where they are not.

Several layers are in work at a time, and several blocks of each, because one core hashes faster than it
compresses; memory is bounded by the number of blocks, disk by the layers.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from queue import SimpleQueue
from threading import Event

import msgspec

from pushpolicy.images.archive import compression
from pushpolicy.images.compressors import BLOCK, compressor
from pushpolicy.images.options import Compression, LayerCompression, Limits
from pushpolicy.images.scratch import Scratch, Section, scratch
from pushpolicy.images.uncompressed import Uncompressed
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest

_LAYER = "application/vnd.oci.image.layer.v1.tar"
_MAX_WORKERS = 8
_LAYERS_AT_ONCE = 2


class Layer(msgspec.Struct, frozen=True):
    """A layer in an archive; `diff_id` is the digest that its content must have, uncompressed."""

    content: Section
    diff_id: Digest


class CompressedLayer(msgspec.Struct, frozen=True):
    """A layer as it is to be pushed."""

    descriptor: Descriptor
    content: Section


def compress_layers(
    layers: Sequence[Layer],
    options: LayerCompression,
    limits: Limits,
    stack: ExitStack,
    on_compressed: Callable[[int], None] | None = None,
) -> list[CompressedLayer]:
    """Check every layer, and compress those that are not compressed.

    Args:
        layers: in any order, each once.
        options: with what.
        limits: bounds of what a layer may decompress to.
        stack: closes the temporary files.
        on_compressed: told how many bytes were read since it was told last.

    Raises:
        ValueError: when a layer is not what its config says.
        InputError: when the disk is full, or something is not installed.
    """
    workers = min(os.cpu_count() or 1, _MAX_WORKERS)
    stop = Event()
    # One temporary file for each layer in work, not for each layer: the number of open files is limited.
    files: SimpleQueue[Scratch] = SimpleQueue()
    for _ in range(_LAYERS_AT_ONCE):
        files.put(file := scratch())
        stack.callback(file.close)
    with ThreadPoolExecutor(workers) as pool, ThreadPoolExecutor(_LAYERS_AT_ONCE) as layer_threads:
        work = _LayerWork(options, limits, pool, workers, files, stop, on_compressed)
        started = [layer_threads.submit(work.run, layer) for layer in layers]
        try:
            for layer in as_completed(started):
                layer.result()
        finally:
            # After a failure or an interrupt, the other layers end at their next block.
            stop.set()
            layer_threads.shutdown(wait=False, cancel_futures=True)
    return [layer.result() for layer in started]


class _LayerWork(msgspec.Struct, frozen=True):
    options: LayerCompression
    limits: Limits
    pool: Executor
    workers: int
    files: SimpleQueue[Scratch]
    stop: Event
    on_compressed: Callable[[int], None] | None

    def run(self, layer: Layer) -> CompressedLayer:
        kind = compression(next(layer.content.blocks(8), b""))
        if kind or self.options.method is Compression.NONE:
            return self._keep(layer, kind)
        file = self.files.get()
        try:
            return self._compress(layer, file)
        finally:
            self.files.put(file)

    def _compress(self, layer: Layer, file: Scratch) -> CompressedLayer:
        plain, compressed = hashlib.sha256(), hashlib.sha256()
        engine = compressor(self.options, self.pool, self.workers)
        start = file.size

        def write(output: Iterator[bytes]) -> None:
            for piece in output:
                compressed.update(piece)
                file.write(piece)

        for block in self._watched(layer.content.blocks(BLOCK)):
            write(engine.feed(block))
            plain.update(block)
        write(engine.finish())
        _check(layer, plain.hexdigest())
        return _described(self.options.method.value, compressed.hexdigest(), file.since(start))

    def _keep(self, layer: Layer, kind: str | None) -> CompressedLayer:
        """Keep the layer as it is. What it is uncompressed is told as for layers of other sources."""
        method = kind or Compression.NONE.value
        if method not in {each.value for each in Compression}:
            raise ValueError(f"a layer is compressed with {kind}, which is not understood; decompress it")
        stored, inside = hashlib.sha256(), Uncompressed(_media_type(method), self.limits)
        for block in self._watched(layer.content.blocks(BLOCK)):
            stored.update(block)
            inside.update(block)
        _check(layer, inside.diff_id().hex)
        return _described(method, stored.hexdigest(), layer.content)

    def _watched(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            if self.stop.is_set():
                raise InterruptedError("another layer failed")
            if self.on_compressed:
                self.on_compressed(len(block))
            yield block


def _check(layer: Layer, digest: str) -> None:
    if layer.diff_id != Digest("sha256", digest):
        raise ValueError(f"a layer is sha256:{digest} where the config says {layer.diff_id}")


def _described(method: str, digest: str, content: Section) -> CompressedLayer:
    media_type = _media_type(method)
    descriptor = Descriptor(media_type=media_type, digest=Digest("sha256", digest), size=content.size)
    return CompressedLayer(descriptor, content)


def _media_type(method: str) -> str:
    return _LAYER if method == Compression.NONE.value else f"{_LAYER}+{method}"

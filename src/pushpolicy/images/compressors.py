"""Compression of layers as they are read, on all cores, and the way back, as a stream of bounded length.

The same layer gives the same bytes, however many cores there are: its blocks have a fixed size, and each is
compressed for itself. The blocks are joined to a single gzip member, as pigz does it, because there are
readers that stop after the first member of a file: a scanner would see the first block only, and not
complain.
ISA-L and zstandard are imported where they are used: most pushes need neither.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO, Protocol

from pushpolicy.errors import InputError
from pushpolicy.images.options import DEFAULT_LEVELS, Compression, LayerCompression, Limits

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

# Of a layer's content. Blocks four times larger save 0.1 %, blocks four times smaller cost 1 %.
BLOCK = 1024 * 1024
# What one thread of libzstd takes at a time; its own choice, four windows, needs five times the memory.
_ZSTD_JOB = 2 * 1024 * 1024
# The largest window that a zstd frame may require; the zstd program has the same limit.
ZSTD_WINDOW = 128 * 1024 * 1024
# RFC 1952: no name, no time, unknown system.
_GZIP_HEADER = bytes.fromhex("1f8b08000000000000ff")
# RFC 1951: the last block, empty, with fixed codes.
_DEFLATE_END = b"\x03\x00"
# How a block begins; from 4 to 16 bytes, which ISA-L compresses by other code than it does the rest.
_FIRST = 8


class Compressor(Protocol):
    """Compresses one layer."""

    def feed(self, block: bytes) -> Iterator[bytes]:
        """Take the next block of `BLOCK` bytes (the last may be shorter); gives output as it is ready."""

    def finish(self) -> Iterator[bytes]:
        """The rest of the output."""


def compressor(options: LayerCompression, pool: Executor, workers: int) -> Compressor:
    """A compressor for one layer.

    Args:
        options: with what, and how much; not `Compression.NONE`.
        pool: where blocks are compressed.
        workers: how many of them are in work at a time.

    Raises:
        InputError: when what it needs is not installed.
    """
    level = DEFAULT_LEVELS[options.method] if options.level is None else options.level
    if options.method is Compression.GZIP:
        return _Gzip(level, pool, workers)
    return _Zstd(level, workers)


class _Gzip:
    def __init__(self, level: int, pool: Executor, workers: int) -> None:
        from isal import isal_zlib

        self._isal = isal_zlib
        self._level = level
        self._pool = pool
        self._width = workers
        self._pending: deque[Future[bytes]] = deque()
        self._checksum = 0
        self._size = 0

    def feed(self, block: bytes) -> Iterator[bytes]:
        self._pending.append(self._pool.submit(self._deflate, block))
        if not self._size:
            yield _GZIP_HEADER
        self._checksum = self._isal.crc32(block, self._checksum)
        self._size += len(block)
        if len(self._pending) > self._width:
            yield self._pending.popleft().result()

    def finish(self) -> Iterator[bytes]:
        if not self._size:
            yield _GZIP_HEADER
        while self._pending:
            yield self._pending.popleft().result()
        yield _DEFLATE_END + struct.pack("<II", self._checksum, self._size & 0xFFFFFFFF)

    def _deflate(self, block: bytes) -> bytes:
        isal = self._isal
        engine = isal.compressobj(self._level, isal.DEFLATED, -isal.MAX_WBITS)
        # Where a stream has no history yet, ISA-L's assembler (2.32, igzip_icf_body_h1_gr_bt.asm,
        # .write_first_byte) enters the address of the stream in its table of matches instead of the third
        # position, so that a match can be missed in one process and found in another. Compressing a few
        # bytes first gives the stream a history, and avoids it.
        first: bytes = engine.compress(block[:_FIRST]) + engine.flush(isal.Z_SYNC_FLUSH)
        # A flush ends the block on a byte, so that the next one can be appended.
        rest: bytes = engine.compress(memoryview(block)[_FIRST:]) + engine.flush(isal.Z_FULL_FLUSH)
        return first + rest


class _Zstd:
    """One frame, made by libzstd's own threads; its output does not depend on their number."""

    def __init__(self, level: int, workers: int) -> None:
        zstandard = import_zstandard("--compression zstd")
        parameters = zstandard.ZstdCompressionParameters.from_level(
            level, threads=workers, job_size=_ZSTD_JOB, write_checksum=True, write_content_size=False
        )
        self._engine = zstandard.ZstdCompressor(compression_params=parameters).compressobj()

    def feed(self, block: bytes) -> Iterator[bytes]:
        yield self._engine.compress(block)

    def finish(self) -> Iterator[bytes]:
        yield self._engine.flush()


def import_zstandard(purpose: str) -> ModuleType:
    """The optional module for zstd.

    Raises:
        InputError: when it is not installed.
    """
    try:
        import zstandard
    except ModuleNotFoundError as error:
        raise InputError(
            f"{purpose} needs the Python module zstandard", "pip install 'pushpolicy[zstd]'"
        ) from error
    return zstandard


def unpacked(file: BinaryIO, kind: str | None, limits: Limits) -> Iterator[bytes]:
    """Content that comes compressed, in blocks.

    Args:
        file: read from where it stands.
        kind: "gzip", "zstd", or None for content that is not compressed.
        limits: bounds of what may come out.

    Raises:
        ValueError: when it is malformed, in another format, or too long.
        InputError: when what is needed for zstd is not installed.
    """
    total = 0
    for block in _blocks(file, kind):
        total += len(block)
        if total > limits.unpacked_size:
            raise ValueError(
                f"has more than {limits.unpacked_size} bytes when it is unpacked (--limit max-image-size)"
            )
        yield block


def _blocks(file: BinaryIO, kind: str | None) -> Iterator[bytes]:
    match kind:
        case None:
            return iter(lambda: file.read(BLOCK), b"")
        case "gzip":
            return _gunzip(file)
        case "zstd":
            return _unzstd(file)
        case _:
            raise ValueError(f"is compressed with {kind}, which is not understood; decompress it first")


def _gunzip(file: BinaryIO) -> Iterator[bytes]:
    from isal import igzip, isal_zlib

    # isal's stubs leave out this call, and have an instance where the class of the error is.
    failure: type[Exception] = isal_zlib.IsalError  # type: ignore[assignment]
    try:
        with igzip.open(file, "rb") as stream:  # type: ignore[no-untyped-call]
            yield from iter(lambda: stream.read(BLOCK), b"")
    except (igzip.BadGzipFile, failure, EOFError) as error:
        raise ValueError(f"is not readable gzip: {error}") from error


def _unzstd(file: BinaryIO) -> Iterator[bytes]:
    zstandard = import_zstandard("what is compressed with zstd")
    engine = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    try:
        with engine.stream_reader(file, read_across_frames=True, closefd=False) as stream:
            yield from iter(lambda: stream.read(BLOCK), b"")
    except zstandard.ZstdError as error:
        raise ValueError(f"is not readable zstd: {error}") from error

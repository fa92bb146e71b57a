"""Content that comes compressed, read as a stream of bounded length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from pushpolicy.images.compressors import BLOCK, import_zstandard
from pushpolicy.images.limits import Limits

# The largest window that a zstd frame may require; the zstd program has the same limit.
ZSTD_WINDOW = 128 * 1024 * 1024


def unpacked(file: BinaryIO, kind: str | None, limits: Limits) -> Iterator[bytes]:
    """The content in blocks.

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

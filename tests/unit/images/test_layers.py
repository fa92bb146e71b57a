"""Compressing layers: one gzip member, the same bytes on any number of cores, and an end when one fails."""

from __future__ import annotations

import io
import os
import random
import resource
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import pytest
import zstandard
from isal import isal_zlib

from pushpolicy.errors import InputError
from pushpolicy.images import Compression, LayerCompression, Limits
from pushpolicy.images.compressors import BLOCK, compressor, unpacked
from pushpolicy.images.layers import CompressedLayer, Layer, compress_layers
from pushpolicy.images.scratch import Section
from pushpolicy.model.digest import Digest

TEXT = b" ".join(b"%d" % random.Random(1).getrandbits(20) for _ in range(20)) * 30_000
SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7]


@contextmanager
def layers(folder: Path, *contents: bytes, diff_ids: tuple[Digest, ...] = ()) -> Iterator[list[Layer]]:
    file = folder / "layers"
    file.write_bytes(b"".join(contents))
    with file.open("rb") as opened:
        result, start = [], 0
        for number, content in enumerate(contents):
            diff_id = diff_ids[number] if diff_ids else Digest.of(content)
            result.append(Layer(Section(opened.fileno(), start, len(content)), diff_id))
            start += len(content)
        yield result


def stored(layer: CompressedLayer) -> bytes:
    with layer.content.open() as file:
        content = file.read()
    assert layer.descriptor.digest.matches(content)
    assert layer.descriptor.size == len(content)
    return content


@pytest.mark.parametrize("level", [None, 0, 1, 2, 3])
def test_any_size_comes_back_from_a_single_member(tmp_path: Path, level: int | None) -> None:
    contents = [TEXT[:size] for size in SIZES]
    with layers(tmp_path, *contents) as given, ExitStack() as stack:
        done = compress_layers(given, LayerCompression(level=level), Limits(), stack)
        for content, layer in zip(contents, done, strict=True):
            reader = zlib.decompressobj(wbits=31)
            assert reader.decompress(stored(layer)) == content
            assert reader.eof
            assert not reader.unused_data


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.ZSTD])
def test_the_bytes_do_not_depend_on_the_number_of_cores(compression: Compression) -> None:
    found = set()
    for workers in (1, 2, 7):
        with ThreadPoolExecutor(workers) as pool:
            engine = compressor(LayerCompression(method=compression), pool, workers)
            output = [
                piece
                for start in range(0, len(TEXT), BLOCK)
                for piece in engine.feed(TEXT[start : start + BLOCK])
            ]
            found.add(b"".join([*output, *engine.finish()]))
    assert len(found) == 1


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_the_bytes_do_not_depend_on_where_the_compressor_lies(
    level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ISA-L hashes the address of its stream as if it were data: here a block has those data, twice."""
    engines = [isal_zlib.compressobj(level, isal_zlib.DEFLATED, -15) for _ in range(2)]
    # The stream begins some 50 bytes into the object; what is hashed are the bits above the lowest 16.
    address = ((id(engines[0]) + 64 >> 16) & 0xFFFFFFFF).to_bytes(4, "little")
    filler = bytes(random.Random(2).choices(b"abcdefgh", k=600))
    block = address + filler + address + filler[::-1]
    monkeypatch.setattr(isal_zlib, "compressobj", lambda *_: engines.pop(0))

    first, second = (
        compressed(block, LayerCompression(level=level)),
        compressed(block, LayerCompression(level=level)),
    )

    assert not engines
    assert first == second
    assert zlib.decompress(first, wbits=31) == block


def compressed(block: bytes, options: LayerCompression) -> bytes:
    with ThreadPoolExecutor(1) as pool:
        engine = compressor(options, pool, 1)
        return b"".join((*engine.feed(block), *engine.finish()))


def test_the_gzip_header_says_nothing_of_the_run(tmp_path: Path) -> None:
    with layers(tmp_path, b"content") as given, ExitStack() as stack:
        (done,) = compress_layers(given, LayerCompression(), Limits(), stack)
        assert stored(done)[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # no name, time 0, no system


def test_zstd_comes_back_and_a_zstd_layer_is_kept(tmp_path: Path) -> None:
    with layers(tmp_path, TEXT) as given, ExitStack() as stack:
        (done,) = compress_layers(given, LayerCompression(method=Compression.ZSTD), Limits(), stack)
        assert done.descriptor.media_type.endswith("+zstd")
        assert b"".join(unpacked(done.content.open(), "zstd", Limits())) == TEXT
        content = stored(done)
    with layers(tmp_path, content, diff_ids=(Digest.of(TEXT),)) as given, ExitStack() as stack:
        (kept,) = compress_layers(given, LayerCompression(), Limits(), stack)
        assert stored(kept) == content
        assert kept.descriptor.media_type.endswith("+zstd")


def test_zstd_is_optional(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    refused = pytest.raises(InputError, match="needs the Python module zstandard")
    with layers(tmp_path, TEXT) as given, ExitStack() as stack, refused as caught:
        compress_layers(given, LayerCompression(method=Compression.ZSTD), Limits(), stack)
    assert "pushpolicy[zstd]" in str(caught.value.hint)


def test_nothing_is_written_when_nothing_is_to_be_compressed(tmp_path: Path) -> None:
    with layers(tmp_path, TEXT) as given, ExitStack() as stack:
        (done,) = compress_layers(given, LayerCompression(method=Compression.NONE), Limits(), stack)
        assert done.content == given[0].content
        assert done.descriptor.digest == given[0].diff_id


def test_a_failure_ends_the_other_layers(tmp_path: Path) -> None:
    wrong = (Digest.of(b"another"), Digest.of(TEXT))
    refused = pytest.raises(ValueError, match="where the config says")
    with layers(tmp_path, b"short", TEXT, diff_ids=wrong) as given, ExitStack() as stack, refused:
        compress_layers(given, LayerCompression(), Limits(), stack)


def test_after_a_failure_another_layer_ends_at_its_next_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, failed = Event(), Event()
    monkeypatch.setattr("pushpolicy.images.layers.Event", lambda: failed)
    read = []

    def advanced(count: int) -> None:
        if count == BLOCK:
            read.append(count)
            begun.set()
            assert failed.wait(30)
        else:
            assert begun.wait(30)

    wrong = (Digest.of(b"another"), Digest.of(TEXT))
    refused = pytest.raises(ValueError, match="where the config says")
    with layers(tmp_path, b"short", TEXT, diff_ids=wrong) as given, ExitStack() as stack, refused:
        compress_layers(given, LayerCompression(), Limits(), stack, advanced)
    assert read == [BLOCK]


def test_zstd_that_is_damaged_is_refused() -> None:
    whole = zstandard.ZstdCompressor().compress(TEXT)
    for damaged in (whole[:100] + b"\xff" * 50 + whole[150:], whole + b"more"):
        with pytest.raises(ValueError, match="is not readable zstd"):
            list(unpacked(io.BytesIO(damaged), "zstd", Limits()))


def test_a_file_that_becomes_shorter(tmp_path: Path) -> None:
    with layers(tmp_path, TEXT) as given, ExitStack() as stack:
        os.truncate(tmp_path / "layers", len(TEXT) // 2)
        with pytest.raises(ValueError, match="cut off while it was read"):
            compress_layers(given, LayerCompression(), Limits(), stack)


def test_where_the_room_ends_half_way(tmp_path: Path) -> None:
    noise = random.Random(2).randbytes(3 * BLOCK)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with layers(tmp_path, noise) as given, ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_FSIZE, (BLOCK, hard))
        try:
            with pytest.raises(InputError, match="layers cannot be kept there") as caught:
                compress_layers(given, LayerCompression(), Limits(), stack)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "TMPDIR" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("compression", "level"), [("gzip", 4), ("gzip", -1), ("zstd", 0), ("zstd", 20), ("none", 0)]
)
def test_levels_that_do_not_exist(compression: str, level: int) -> None:
    with pytest.raises(ValueError, match="level"):
        LayerCompression(method=Compression(compression), level=level)

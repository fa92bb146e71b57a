"""A layer is compared with its diff_id as runtimes unpack it: every member, and nothing after the last."""

from __future__ import annotations

import gzip
import hashlib
import zlib

import pytest
import zstandard

from pushpolicy.images.options import Limits
from pushpolicy.images.uncompressed import KINDS, Uncompressed
from pushpolicy.model.digest import Digest

OCI = "application/vnd.oci.image.layer.v1.tar"
TEXT = b"some content of a layer " * 20_000
SKIPPED = b"\x50\x2a\x4d\x18\x05\x00\x00\x00hello"
EMPTY_FRAME = zstandard.ZstdCompressor().compress(b"")
GZIP, ZSTD = gzip.compress(TEXT, mtime=0), zstandard.ZstdCompressor().compress(TEXT)


def diff_id(content: bytes, kind: str, step: int = 4093, limits: Limits = Limits()) -> Digest:  # noqa: B008
    reading = Uncompressed(kind, limits)
    for start in range(0, len(content), step):
        reading.update(memoryview(content)[start : start + step])
    return reading.diff_id()


@pytest.mark.parametrize("step", [1, 7, 4093, 1024 * 1024])
@pytest.mark.parametrize(
    ("kind", "content", "plain"),
    [
        ("", TEXT, TEXT),
        ("", b"", b""),
        ("", b"abc", b"abc"),
        ("+gzip", GZIP, TEXT),
        ("+gzip", gzip.compress(b"", mtime=0), b""),
        ("+gzip", gzip.compress(b"a", mtime=0) + GZIP + gzip.compress(b"b", mtime=0), b"a" + TEXT + b"b"),
        ("+gzip", GZIP + bytes(1000), TEXT),
        ("+zstd", ZSTD, TEXT),
        ("+zstd", ZSTD + ZSTD, TEXT + TEXT),
        ("+zstd", ZSTD + SKIPPED + ZSTD + SKIPPED, TEXT + TEXT),
        ("+zstd", ZSTD + bytes(1000), TEXT),
    ],
)
def test_all_members_are_read(kind: str, content: bytes, plain: bytes, step: int) -> None:
    assert diff_id(content, OCI + kind, step).hex == hashlib.sha256(plain).hexdigest()


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("+gzip", GZIP[:-1], "cut off"),
        ("+gzip", GZIP[: len(GZIP) // 2], "cut off"),
        ("+gzip", GZIP + b"x", "cut off"),
        ("+gzip", GZIP + bytes(10) + b"x", "after the end"),
        ("+gzip", GZIP + bytes(10) + GZIP, "after the end"),
        ("+gzip", GZIP + b"evil content", "not readable"),
        ("+gzip", GZIP[:100] + bytes(100) + GZIP[200:], "cut off|not readable"),
        ("+gzip", b"", "media type says gzip, its content none"),
        ("+gzip", TEXT, "media type says gzip, its content none"),
        ("+gzip", ZSTD, "media type says gzip, its content zstd"),
        ("+gzip", zlib.compress(TEXT), "media type says gzip, its content none"),
        ("+gzip", gzip.compress(b"", mtime=0) + GZIP, "begins with gzip content of nothing, and goes on"),
        ("+gzip", b"\n" + GZIP, "media type says gzip, its content none"),
        ("+zstd", EMPTY_FRAME + ZSTD, "begins with zstd content of nothing, and goes on"),
        ("+zstd", SKIPPED + ZSTD, "media type says zstd, its content a skippable frame of zstd"),
        ("", SKIPPED + ZSTD, "no compression, its content a skippable frame of zstd"),
        ("", b"\x5f" + SKIPPED[1:] + TEXT, "no compression, its content a skippable frame of zstd"),
        ("", b"BZh91AY&SY", "no compression, its content bzip2"),
        ("", b"\xfd7zXZ\0", "no compression, its content xz"),
        ("", b"]\0\0\x80", "no compression, its content lzma"),
        ("", b"LZIP\1", "no compression, its content lzip"),
        ("", b"\x89LZO\0", "no compression, its content lzop"),
        ("", b"\x04\x22\x4d\x18", "no compression, its content lz4"),
        ("", b"\x1f\x9d\x90", "no compression, its content compress"),
        ("+zstd", GZIP, "media type says zstd, its content gzip"),
        ("+zstd", ZSTD[:-1], "cut off"),
        ("+zstd", ZSTD + b"evil content", "not readable"),
        ("", GZIP, "media type says no compression, its content gzip"),
        ("", ZSTD, "media type says no compression, its content zstd"),
    ],
)
def test_what_runtimes_would_read_otherwise_is_refused(kind: str, content: bytes, said: str) -> None:
    for step in (1, 4093):
        with pytest.raises(ValueError, match=said):
            diff_id(content, OCI + kind, step)


@pytest.mark.parametrize(
    "content", [gzip.compress(bytes(5_000_000), mtime=0), gzip.compress(b"a", mtime=0) * 10 + GZIP]
)
def test_a_layer_unpacks_to_a_bounded_size(content: bytes) -> None:
    with pytest.raises(ValueError, match="more than 100000 bytes when it is unpacked"):
        diff_id(content, f"{OCI}+gzip", limits=Limits(unpacked_size=100_000))


@pytest.mark.parametrize(
    "kind",
    [
        f"{OCI}+gzip+encrypted",
        "application/vnd.oci.image.layer.nydus.blob.v1",
        "text/plain",
    ],
)
def test_other_layers_cannot_be_compared(kind: str) -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        Uncompressed(kind, Limits())


@pytest.mark.parametrize(
    "kind",
    [
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ],
)
def test_docker_layers_and_foreign_ones_are_read_too(kind: str) -> None:
    assert KINDS[kind] == "gzip"
    assert diff_id(GZIP, kind) == Digest.of(TEXT)

"""A blob as a body: in small pieces, and never its last one when it is not what it should be."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pytest

from pushpolicy.errors import InputError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.registry.body import BlobBody

MIB = 1024 * 1024
CONTENT = bytes(range(256)) * (3 * MIB // 256) + b"and a rest"
BLOB = Descriptor.of(CONTENT, "text/plain")


class Watched(io.BytesIO):
    """Notes how much is asked of it at once."""

    most = 0

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]
        self.most = max(self.most, len(buffer))
        return super().readinto(buffer)


def body(content: bytes, **options: Any) -> tuple[BlobBody, Watched]:
    stream = Watched(content)

    @contextmanager
    def opened() -> Iterator[BinaryIO]:
        yield stream

    return BlobBody(BLOB, opened, **options), stream


@pytest.mark.parametrize(
    ("start", "stop"), [(0, len(CONTENT)), (1, len(CONTENT)), (MIB - 1, 2 * MIB + 1), (0, 10)]
)
def test_no_more_than_a_piece_is_in_memory(start: int, stop: int) -> None:
    sent, stream = body(CONTENT, start=start, stop=stop)
    pieces = [bytes(piece) for piece in sent]
    assert b"".join(pieces) == CONTENT[start:stop]
    assert len(sent) == stop - start
    assert max(map(len, pieces)) <= 128 * 1024
    assert stream.most <= 128 * 1024


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"!", CONTENT[:-1], CONTENT + b"!"])
def test_the_last_piece_of_something_else_is_not_sent(content: bytes) -> None:
    sent, _ = body(content)
    pieces: list[bytes] = []
    with pytest.raises(InputError, match="the content to be sent"):
        pieces.extend(bytes(piece) for piece in sent)
    assert len(b"".join(pieces)) < len(CONTENT)

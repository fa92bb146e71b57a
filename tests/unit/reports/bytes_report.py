"""A report held in memory, for the tests of one format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class BytesReport:
    """What a format's reader is given, in pieces as small as the test wants."""

    value: bytes
    piece: int = 1 << 16

    def chunks(self) -> Iterator[bytes]:
        for start in range(0, len(self.value), self.piece):
            yield self.value[start : start + self.piece]

    def content(self) -> bytes:
        return self.value

"""How the uncompressed layers of a Docker image are to be compressed."""

from __future__ import annotations

from enum import Enum

import msgspec


class Compression(Enum):
    """What a layer may be compressed with (image-spec, layer.md)."""

    GZIP = "gzip"
    ZSTD = "zstd"
    NONE = "none"


# ISA-L's own scale for gzip. Its level 2 has the ratio of zlib's level 4 at ten times the speed; 3 is
# 1.5 % smaller than 2 and takes more than twice its time. For zstd, what the zstd program takes.
LEVELS = {Compression.GZIP: range(4), Compression.ZSTD: range(1, 20), Compression.NONE: range(0)}
DEFAULT_LEVELS = {Compression.GZIP: 2, Compression.ZSTD: 3}


class LayerCompression(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for; ValueError for a level that the compression has not.

    Attributes:
        level: None for the usual one.
    """

    method: Compression = Compression.GZIP
    level: int | None = None

    def __post_init__(self) -> None:
        levels = LEVELS[self.method]
        if self.level is not None and self.level not in levels:
            name = self.method.value
            has = f"the levels {levels[0]} to {levels[-1]}" if levels else "no levels"
            raise ValueError(f"{name} has {has}, not {self.level}")


AS_USUAL = LayerCompression()

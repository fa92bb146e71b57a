"""How an image is opened: which part of it, how its layers are compressed, and how much it may ask for."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import msgspec

from pushpolicy.model.descriptor import Platform
from pushpolicy.model.reference import Repository


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


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """How an image is to be opened.

    Attributes:
        platforms: only these of an index; empty means all of it, which is the only way to keep its digest.
        referrers: whether what refers to the image at its source is to be carried along.
        destination: the repository that the image is for; None where it goes nowhere.
        compression: how uncompressed layers of a Docker image are compressed; None for the usual way.
        on_compressed: told by several threads how many more bytes of the layers were compressed.
        docker_host: where the Docker daemon listens, as DOCKER_HOST says it; None for the usual place.
    """

    platforms: tuple[Platform, ...] = ()
    referrers: bool = False
    destination: Repository | None = None
    compression: LayerCompression | None = None
    on_compressed: Callable[[int], None] | None = None
    docker_host: str | None = None


EVERYTHING = Selection()


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much an image may ask of this machine (design section 10); what is over a bound is refused.

    Attributes:
        manifests: manifests and indexes of one image, as often as they are named.
        documents_size: bytes of all manifests and configs of one image, as often as they are named.
        depth: indexes above a manifest.
        blobs: configs and layers of one image.
        config_size: bytes of one config.
        statements_size: bytes of all attestations of one image, as often as they are named.
        archive_members: files of one archive.
        unpacked_size: bytes of an archive, or of a layer, as they come out of a stream or a compression.
    """

    manifests: int = 1000
    documents_size: int = 64 * 1024 * 1024
    depth: int = 4
    blobs: int = 20_000
    config_size: int = 8 * 1024 * 1024
    statements_size: int = 512 * 1024 * 1024
    archive_members: int = 50_000
    unpacked_size: int = 256 * 1024**3

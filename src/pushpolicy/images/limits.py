"""How much an image may ask of this machine before its decision is even made (design section 10)."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of an image; what is over one is refused.

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

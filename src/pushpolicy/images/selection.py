"""Which part of an image is opened, and how."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pushpolicy.images.compression import LayerCompression
from pushpolicy.model.descriptor import Platform
from pushpolicy.model.reference import Repository


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

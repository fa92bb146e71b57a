"""What of a source's image is asked for, beyond the image as it stands."""

from __future__ import annotations

import msgspec

from pushpolicy.images.packing import Packing
from pushpolicy.model.descriptor import Platform
from pushpolicy.model.reference import Repository


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How an image is to be opened.

    Attributes:
        platforms: only these of an index; empty means all of it, which is the only way to keep its digest.
        referrers: whether what refers to the image at its source is to be carried along.
        destination: the repository that the image is for; None where it goes nowhere.
        packing: how the uncompressed layers of a Docker image are to be compressed; None for the usual way.
        docker_host: where the Docker daemon listens, as DOCKER_HOST says it; None for the usual place.
    """

    platforms: tuple[Platform, ...] = ()
    referrers: bool = False
    destination: Repository | None = None
    packing: Packing | None = None
    docker_host: str | None = None


EVERYTHING = Wanted()

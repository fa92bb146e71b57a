"""Pushes to an OCI layout on a disk that may be full, and what such a layout must look like in any case."""

from __future__ import annotations

import mmap
import resource
import sys
from pathlib import Path

from pushpolicy.errors import EXIT_OK, PushPolicyError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Target
from pushpolicy.registry import Access, open_repository
from tests.faults.course import TAGS, wrong
from tests.faults.images import IMAGES
from tests.judged import current, publish

PAGE = mmap.PAGESIZE
IMAGE = IMAGES["3-layer"]


def push(layout: Path) -> int:
    """Push the image there; the exit code that the command would end with."""
    place = target(layout)
    try:
        publish(IMAGE, open_repository(place.repository, Access()), place)
    except PushPolicyError as error:
        return error.exit_code
    assert current(open_repository(place.repository, Access()), place) == dict.fromkeys(
        TAGS, IMAGE.top.digest
    )
    return EXIT_OK


def target(layout: Path) -> Target:
    """The layout as a target with two tags."""
    return Target.parse(f"oci:{layout}:{TAGS[0]}").with_tags(TAGS[1:])


def require_consistent(layout: Path) -> None:
    """Require that blobs are whole, that every tag has its record, and that nothing half-written stays."""
    assert list(layout.glob(".pushpolicy-*.tmp")) == []
    for blob in layout.glob("blobs/*/*"):
        assert Digest.parse(f"{blob.parent.name}:{blob.name}").matches(blob.read_bytes()), blob
    assert wrong(open_repository(target(layout).repository, Access())) is None


def push_with_limit(layout: Path, limit: int) -> None:
    """Push in a process that ends with the exit code, and whose files may not grow beyond so many bytes."""
    # The system then refuses to write more into a file (EFBIG), whoever runs this and wherever.
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    sys.exit(push(layout))

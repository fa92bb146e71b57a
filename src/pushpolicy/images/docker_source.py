"""Where a Docker archive comes from: a file, standard input, or the Docker daemon."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from pushpolicy.images.archive import compression
from pushpolicy.images.choice import short_id
from pushpolicy.images.compressors import unpacked
from pushpolicy.images.daemon import exported, image_id, inspected
from pushpolicy.images.docker_archive import image_of_docker_archive
from pushpolicy.images.image import Image
from pushpolicy.images.options import Limits, Selection
from pushpolicy.images.scratch import scratch
from pushpolicy.model.digest import Digest

STDIN = Path("-")


def image_of_file(
    text: str,
    path: Path,
    reference: str | Digest | None,
    limits: Limits,
    selection: Selection,
    stack: ExitStack,
) -> Image:
    """Open an image of an archive; of standard input for the path ``-``.

    Raises:
        ValueError: when it is not such an archive, or the image is ambiguous, incomplete or malformed.
        OSError: when it cannot be read.
        InputError: when there is no room for its layers.
    """
    if path != STDIN and not path.is_file():
        raise FileNotFoundError(2, f"there is no file {path}")
    file = os.fdopen(os.dup(0), "rb") if path == STDIN else path.open("rb")
    archive: BinaryIO = stack.enter_context(file)
    # The archive's list of layers comes last, so it is read by position: from an uncompressed regular file.
    if not stat.S_ISREG(os.fstat(archive.fileno()).st_mode):
        archive = _kept(archive, None, limits, stack)
    if kind := compression(os.pread(archive.fileno(), 8, archive.tell())):
        archive = _kept(archive, kind, limits, stack)
    return image_of_docker_archive(text, archive, reference, limits, selection, stack)


def image_of_daemon(text: str, name: str, limits: Limits, selection: Selection, stack: ExitStack) -> Image:
    """Open an image of the Docker daemon.

    Raises:
        ValueError: when what the daemon sends is not such an archive, or ends early.
        InputError: when no daemon answers or it refuses, or there is no room.
    """
    reference, digits = image_id(name), short_id(name)
    if digits and not reference:
        # Only the daemon knows whether that is a name or the beginning of an ID.
        found, _ = inspected(name, selection.docker_host)
        whole = image_id(found)
        if whole and whole.hex.startswith(digits):
            name, reference = found, whole
    with exported(name, selection.docker_host) as answer:
        archive = _kept(answer, None, limits, stack)
    return image_of_docker_archive(text, archive, reference, limits, selection, stack)


def _kept(file: BinaryIO, kind: str | None, limits: Limits, stack: ExitStack) -> BinaryIO:
    room = scratch()
    stack.callback(room.close)
    for block in unpacked(file, kind, limits):
        room.write(block)
    return room.reopen()

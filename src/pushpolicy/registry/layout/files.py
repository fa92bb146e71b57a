"""The files of an OCI image layout folder (image-spec, image-layout.md), read and written safely.

Whoever made the folder may be hostile: a symbolic link must not lead out of it, and only regular files
are opened. What is written is complete or absent, also after a crash: temporary file, fsync, rename.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from pushpolicy.files import NotRegularError, open_regular, write_whole
from pushpolicy.model import strict_json
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.registry.admitted import Admitted, verified

LAYOUT_MARKER = "oci-layout"
INDEX_FILE = "index.json"
MAX_INDEX_SIZE = 16 * 1024 * 1024
_MAX_MARKER_SIZE = 4096
_MARKER_SHAPE = strict_json.Shape({"imageLayoutVersion": None})
_A_DAY = 86400.0
# Lock and temporary files of ours; every reader of layouts passes over names it does not know.
OWN_PREFIX = ".pushpolicy-"


class LayoutFiles(Protocol):
    """What a layout is read through, be it a folder or an archive.

    Each method raises ValueError for a file that is not what it should be, and OSError as the system does.
    """

    def read(self, name: str, limit: int) -> bytes | None:
        """The content of a file at the top of the layout, of at most `limit` bytes; None when absent."""

    def size(self, digest: Digest) -> int | None:
        """The size in bytes of a blob; None when it is absent."""

    def open(self, digest: Digest) -> BinaryIO:
        """Open a blob from its start; FileNotFoundError when it is absent."""


def blob_name(digest: Digest) -> str:
    """Where a blob is kept, from the top of the layout."""
    return f"blobs/{digest.algorithm}/{digest.hex}"


def check_marker(content: bytes | None) -> None:
    """Check the ``oci-layout`` file.

    Raises:
        ValueError: when it is absent, malformed or of another major version than 1.
    """
    if content is None:
        raise ValueError(f"is not an OCI image layout: it has no {LAYOUT_MARKER} file")
    try:
        version = strict_json.read(content, _MARKER_SHAPE)["imageLayoutVersion"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"has a malformed {LAYOUT_MARKER} file: it {error}") from error
    if not isinstance(version, str) or not version.startswith("1."):
        raise ValueError(f"has an unknown layout version {str(version)[:40]!r}")


class LayoutFolder:
    """An image layout in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._real_root = os.path.realpath(root)

    def read(self, name: str, limit: int = _MAX_MARKER_SIZE) -> bytes | None:
        """The content of a file at the top of the layout; None when it is absent."""
        try:
            with self._open(name) as file:
                content = file.read(limit + 1)
        except FileNotFoundError:
            return None
        if len(content) > limit:
            raise ValueError(f"{name} is over the limit of {limit} bytes")
        return content

    def size(self, digest: Digest) -> int | None:
        """The size in bytes of a blob; None when it is absent."""
        try:
            with self.open(digest) as file:
                return os.fstat(file.fileno()).st_size
        except FileNotFoundError:
            return None

    def open(self, digest: Digest) -> BinaryIO:
        """Open a blob from its start."""
        return self._open(blob_name(digest))

    def _open(self, name: str) -> BinaryIO:
        try:
            return open_regular(self._inside(name))
        except NotRegularError as error:
            raise ValueError(f"{name} is not a regular file") from error
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise ValueError(f"{name} cannot be followed") from error
            raise

    def _inside(self, name: str) -> str:
        path = os.path.realpath(f"{self._real_root}/{name}")
        if not path.startswith(f"{self._real_root}/"):
            raise ValueError(f"{name} is a link that leads out of the layout")
        return path

    def prepare(self) -> None:
        """Make this a layout if the folder is absent or empty.

        Raises:
            ValueError: when the folder holds something else.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        content = self.read(LAYOUT_MARKER)
        others = [path for path in self.root.iterdir() if not path.name.startswith(OWN_PREFIX)]
        if content is None and not others:
            self.replace(LAYOUT_MARKER, b'{"imageLayoutVersion":"1.0.0"}')
        else:
            # Read again: another push may have begun this layout a moment ago.
            check_marker(content or self.read(LAYOUT_MARKER))
        self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        """Remove temporary files of runs that were killed; no run takes a day."""
        for path in self.root.glob(f"{OWN_PREFIX}*.tmp"):
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime < time.time() - _A_DAY:
                    path.unlink()

    def replace(self, name: str, content: bytes) -> None:
        """Write a file at the top of the layout, as a whole or not at all."""
        self._write(name, [content])

    def store(self, blob: Descriptor, chunks: Iterable[bytes]) -> Admitted:
        """Write a blob.

        Raises:
            ValueError: when the content has not the size or digest of the descriptor; nothing is kept then.
        """
        found: list[Admitted] = []
        self._write(blob_name(blob.digest), verified(blob, chunks, found.append))
        return found[0]

    def _write(self, name: str, chunks: Iterable[bytes]) -> None:
        target = Path(self._inside(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        # At the top of the layout, where `_remove_leftovers` finds what a killed run left.
        with write_whole(target, self.root / f"{OWN_PREFIX}{secrets.token_hex(16)}.tmp") as file:
            for chunk in chunks:
                file.write(chunk)
        _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

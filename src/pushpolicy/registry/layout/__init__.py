"""An OCI image layout (image-spec, image-layout.md): its files and its index, read and written safely.

Whoever made the folder may be hostile: a symbolic link must not lead out of it, and only regular files
are opened. What is written is complete or absent, also after a crash: temporary file, fsync, rename.

Of indexes, tools write different ones: buildx puts ``io.containerd.image.name`` beside the reference name,
crane and umoci may write no name, oras lists untagged manifests and referrers too, Go writes an empty list
as null. All of that is read; what others wrote is kept as it stands when an entry is added.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

import msgspec

from pushpolicy.files import NotRegularError, open_regular, write_whole
from pushpolicy.model import strict_json
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_INDEX, SHAPE, Manifest
from pushpolicy.registry.admitted import Admitted, Chunk, verified

LAYOUT_MARKER = "oci-layout"
INDEX_FILE = "index.json"
MAX_INDEX_SIZE = 16 * 1024 * 1024
_MAX_MARKER_SIZE = 4096
_MARKER_SHAPE = strict_json.Shape({"imageLayoutVersion": None})
REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
_LOCK_SECONDS = 60.0
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


def digest_of(name: str) -> Digest | None:
    """The digest of the blob that is kept under this name; None where that is no place of a blob."""
    folder, _, algorithm_and_hex = name.partition("/")
    try:
        return Digest.parse(algorithm_and_hex.replace("/", ":", 1)) if folder == "blobs" else None
    except ValueError:
        return None


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

    def state(self, name: str) -> tuple[int, ...] | None:
        """What differs once a file at the top of the layout was replaced; None when it is absent."""
        try:
            with self._open(name) as file:
                found = os.fstat(file.fileno())
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

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
        parts = name.split("/")
        places = ["/".join((self._real_root, *parts[:count])) for count in range(1, len(parts) + 1)]
        if ".." not in parts and not any(map(os.path.islink, places)):
            return places[-1]  # realpath would look at every folder above the layout, too
        path = os.path.realpath(places[-1])
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

    def store(self, blob: Descriptor, chunks: Iterable[Chunk], *, for_good: bool = True) -> Admitted:
        """Write a blob; `for_good` as in `write_whole`.

        Raises:
            ValueError: when the content has not the size or digest of the descriptor; nothing is kept then.
        """
        found: list[Admitted] = []
        self._write(blob_name(blob.digest), verified(blob, chunks, found.append), for_good=for_good)
        return found[0]

    def _write(self, name: str, chunks: Iterable[bytes | memoryview], *, for_good: bool = True) -> None:
        target = Path(self._inside(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        # At the top of the layout, where `_remove_leftovers` finds what a killed run left.
        temporary = self.root / f"{OWN_PREFIX}{os.urandom(16).hex()}.tmp"
        with write_whole(target, temporary, for_good=for_good) as file:
            for chunk in chunks:
                file.write(chunk)
        if for_good:
            _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class LayoutIndex(msgspec.Struct, frozen=True, dict=True):
    """The entries of an ``index.json``, each as JSON and as a descriptor, in order."""

    document: dict[str, Any]
    entries: tuple[Descriptor, ...]

    @classmethod
    def read(cls, files: LayoutFiles) -> Self:
        """Read the index of a layout; a layout without one has no entries.

        Raises:
            ValueError: when the file is malformed.
        """
        content = files.read(INDEX_FILE, MAX_INDEX_SIZE)
        if content is None:
            return cls({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}, ())
        return cls._of(content)

    @classmethod
    @lru_cache(maxsize=2)  # whoever looks up each tag reads the same bytes once more each time
    def _of(cls, content: bytes) -> Self:
        try:
            document = strict_json.read(content, SHAPE)
        except ValueError as error:
            raise ValueError(f"{INDEX_FILE} {error}") from error
        if not isinstance(document, dict):
            raise ValueError(f"{INDEX_FILE} is not an object")
        listed = document.get("manifests") or []
        if not isinstance(listed, list):
            raise ValueError(f"the manifests of {INDEX_FILE} are not a list")
        try:
            return cls({**document, "manifests": listed}, tuple(map(Descriptor.from_json, listed)))
        except ValueError as error:
            raise ValueError(f"{INDEX_FILE}: {error}") from error

    @cached_property
    def tagged(self) -> Mapping[str, Mapping[Digest, Descriptor]]:
        """By tag, the entries that have it: one, of a layout that is as it should be."""
        found: dict[str, dict[Digest, Descriptor]] = {}
        for entry in self.entries:
            if tag := entry.annotations.get(REF_NAME):
                found.setdefault(tag, {})[entry.digest] = entry
        return found

    def with_tag(self, tag: str, manifest: Manifest) -> Self:
        """The index in which the tag names this manifest; the one it named before stays, without it."""
        return self.with_all({tag: manifest}, ())

    def with_untagged(self, manifest: Manifest) -> Self:
        """The index that lists this manifest, under a name or none."""
        return self.with_all({}, [manifest])

    def with_all(self, tags: Mapping[str, Manifest], untagged: Iterable[Manifest]) -> Self:
        """The index in which each tag names its manifest, and that lists the others, under a name or none.

        What a tag named before stays, without it.
        """
        # An entry of a manifest that says no more than that it is there goes where one with a tag comes.
        bare = {str(manifest.digest) for manifest in tags.values()}
        unnamed = (_without_name(item, tags) for item in self._listed())
        kept = [item for item in unnamed if item.get("digest") not in bare or item.get("annotations")]
        kept += [{**_entry(manifest), "annotations": {REF_NAME: tag}} for tag, manifest in tags.items()]
        there = {item.get("digest") for item in kept}
        missing = {str(each.digest): each for each in untagged if str(each.digest) not in there}
        return self._with([*kept, *map(_entry, missing.values())])

    def encoded(self) -> bytes:
        """The content of the file."""
        return json.dumps(self.document, indent=2).encode()

    def _listed(self) -> list[dict[str, Any]]:
        return list(self.document["manifests"])

    def _with(self, listed: list[dict[str, Any]]) -> Self:
        entries = tuple(map(Descriptor.from_json, listed))
        return type(self)({**self.document, "manifests": listed}, entries)


def names(entry: Descriptor) -> tuple[str, ...]:
    """The names of an entry, the reference name first."""
    values = (entry.annotations.get(REF_NAME), entry.annotations.get(CONTAINERD_NAME))
    return tuple(value for value in values if value)


def _entry(manifest: Manifest) -> dict[str, Any]:
    # A manifest's own annotations stay out: one of them could be a reference name.
    return Descriptor(
        media_type=manifest.media_type,
        digest=manifest.digest,
        size=len(manifest.content),
        artifact_type=manifest.artifact_type,
    ).to_json()


def _without_name(item: dict[str, Any], tags: Mapping[str, Manifest]) -> dict[str, Any]:
    annotations = item.get("annotations") or {}
    if annotations.get(REF_NAME) not in tags:
        return item
    left = {key: value for key, value in annotations.items() if key not in (REF_NAME, CONTAINERD_NAME)}
    rest = {key: value for key, value in item.items() if key != "annotations"}
    return {**rest, "annotations": left} if left else rest


@contextmanager
def locked(folder: LayoutFolder) -> Iterator[None]:
    """Hold the layout's lock, so that two pushes do not lose each other's entries.

    Raises:
        TimeoutError: when another process holds it for a minute.
    """
    path = folder.root / f"{OWN_PREFIX}lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        _wait_for(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} is held by another process") from error
            time.sleep(0.02)

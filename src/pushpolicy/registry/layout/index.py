"""The ``index.json`` of an image layout: which manifests it has, and under which names.

Tools differ: buildx writes ``io.containerd.image.name`` beside the reference name, crane and umoci may
write no name, oras lists untagged manifests and referrers too, Go writes an empty list as null. All of
that is read; what others wrote is kept as it stands when an entry is added.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec

from pushpolicy.model import strict_json
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_INDEX, SHAPE, Manifest
from pushpolicy.registry.layout.files import INDEX_FILE, MAX_INDEX_SIZE, OWN_PREFIX, LayoutFiles, LayoutFolder

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
_LOCK_SECONDS = 60.0


class LayoutIndex(msgspec.Struct, frozen=True):
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

    def named(self, name: str) -> Descriptor | None:
        """The entry of this name; None when there is none.

        Raises:
            ValueError: when two entries of the name are different manifests.
        """
        found = [entry for entry in self.entries if name in names(entry)]
        if len({entry.digest for entry in found}) > 1:
            raise ValueError(f"{INDEX_FILE} gives the name {name!r} to more than one manifest")
        return found[0] if found else None

    def with_tag(self, tag: str, manifest: Manifest) -> Self:
        """The index in which the tag names this manifest; the one it named before stays, without it."""
        kept = [_without_name(item, tag) for item in self._listed()]
        kept = [item for item in kept if not _is_bare(item, manifest.digest)]
        kept.append({**_entry(manifest), "annotations": {REF_NAME: tag}})
        return self._with(kept)

    def with_untagged(self, manifest: Manifest) -> Self:
        """The index that lists this manifest, under a name or none."""
        if any(entry.digest == manifest.digest for entry in self.entries):
            return self
        return self._with([*self._listed(), _entry(manifest)])

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


def _without_name(item: dict[str, Any], tag: str) -> dict[str, Any]:
    annotations = item.get("annotations") or {}
    if annotations.get(REF_NAME) != tag:
        return item
    left = {key: value for key, value in annotations.items() if key not in (REF_NAME, CONTAINERD_NAME)}
    rest = {key: value for key, value in item.items() if key != "annotations"}
    return {**rest, "annotations": left} if left else rest


def _is_bare(item: dict[str, Any], digest: Digest) -> bool:
    return item.get("digest") == str(digest) and not item.get("annotations")


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

"""Where the parts of an image are read from: the files of a layout, or a repository of a registry."""

from __future__ import annotations

from typing import Protocol

from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import INDEX_TYPES, MANIFEST_TYPES, MAX_MANIFEST_SIZE, Manifest
from pushpolicy.registry.interface import RepositoryClient
from pushpolicy.registry.layout import LayoutFiles, LayoutIndex, names


class Store(Protocol):
    """Reads parts by their descriptors; content that is given has its descriptor's digest and size.

    Each method raises ValueError for content that is not what it should be.
    """

    def manifest(self, entry: Descriptor) -> bytes | None:
        """The content of a manifest or index; None when it is absent."""

    def blob(self, blob: Descriptor) -> bytes:
        """The content of a small blob, such as a config."""

    def size(self, blob: Descriptor) -> int | None:
        """The size in bytes of a blob; None when it is absent."""

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        """The manifests that name this one as their subject."""

    def named(self, tag: str) -> Manifest | None:
        """The manifest that a tag names; None when there is no such tag."""


def read_manifest(store: Store, entry: Descriptor) -> Manifest | None:
    """The manifest of a descriptor; None when it is absent.

    Raises:
        ValueError: when it is malformed, or not what the descriptor says.
    """
    content = store.manifest(entry)
    if content is None:
        return None
    if len(content) != entry.size:
        raise ValueError(f"manifest {entry.digest} has {len(content)} bytes, not {entry.size}")
    try:
        return Manifest.parse(content, entry.media_type)
    except ValueError as error:
        raise ValueError(f"manifest {entry.digest}: {error}") from error


class LayoutStore:
    """The parts in a layout, folder or archive."""

    def __init__(self, files: LayoutFiles) -> None:
        self._files = files
        self._by_subject: dict[Digest, list[Descriptor]] | None = None

    def manifest(self, entry: Descriptor) -> bytes | None:
        """The content of a manifest; None when it is absent."""
        if entry.size > MAX_MANIFEST_SIZE:
            raise ValueError(f"{entry.digest} of {entry.size} bytes is over the limit of {MAX_MANIFEST_SIZE}")
        try:
            return self.blob(entry)
        except FileNotFoundError:
            return None

    def blob(self, blob: Descriptor) -> bytes:
        """The content of a small blob; FileNotFoundError when it is absent."""
        with self._files.open(blob.digest) as file:
            content = file.read(blob.size + 1)
        if len(content) != blob.size:
            raise ValueError(f"{blob.digest} has not the {blob.size} bytes it should have")
        if not blob.digest.matches(content):
            raise ValueError(f"{blob.digest} has other content than its digest says")
        return content

    def size(self, blob: Descriptor) -> int | None:
        """The size of a blob; None when it is absent."""
        return self._files.size(blob.digest)

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        """The listed manifests with this subject, in the order they came."""
        if self._by_subject is None:
            self._by_subject = {}
            for entry in {entry.digest: entry for entry in LayoutIndex.read(self._files).entries}.values():
                known = entry.media_type in MANIFEST_TYPES | INDEX_TYPES
                manifest = read_manifest(self, entry) if known else None
                if manifest and manifest.subject:
                    self._by_subject.setdefault(manifest.subject.digest, []).append(manifest.descriptor)
        return tuple(dict.fromkeys(self._by_subject.get(subject, ())))

    def named(self, tag: str) -> Manifest | None:
        """The manifest of the last entry of this name, as in `LayoutIndex.with_tag`."""
        entries = LayoutIndex.read(self._files).entries
        found = [entry for entry in entries if tag in names(entry)]
        return read_manifest(self, found[-1]) if found else None


class RepositoryStore:
    """The parts in a repository, whose client verifies all that it reads.

    Layers are not asked for: a registry that stored a manifest promises its layers, and one that is missing
    is noticed when it is sent. A foreign layer (urls) need not be there, so it is asked for.
    """

    def __init__(self, client: RepositoryClient) -> None:
        self._client = client

    def manifest(self, entry: Descriptor) -> bytes | None:
        """The content of a manifest; None when it is absent."""
        found = self._client.manifest(entry.digest)
        return found.content if found else None

    def blob(self, blob: Descriptor) -> bytes:
        """The content of a small blob."""
        return b"".join(self._client.read_blob(blob))

    def size(self, blob: Descriptor) -> int | None:
        """What its descriptor states, unless it is foreign and absent."""
        return blob.size if not blob.urls or self._client.has_blob(blob) else None

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        """What the repository lists."""
        return self._client.referrers(subject)

    def named(self, tag: str) -> Manifest | None:
        """What the tag names now."""
        return self._client.resolve(tag)


class WithManifest:
    """A store that has one more manifest, which was built here."""

    def __init__(self, store: Store, built: Manifest) -> None:
        self._store = store
        self._built = built
        self.blob, self.size = store.blob, store.size
        self.referrers, self.named = store.referrers, store.named

    def manifest(self, entry: Descriptor) -> bytes | None:
        """The content of a manifest; None when it is absent."""
        return self._built.content if entry.digest == self._built.digest else self._store.manifest(entry)

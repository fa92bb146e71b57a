"""An OCI image layout in a folder, as a repository: the embedded registry.

Tags are reference names in index.json. A referrer is listed there without a name, as `oras` does it, and
found by its subject. What a registry would refuse is refused here too.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pushpolicy.errors import PushError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.evidence import Clock
from pushpolicy.model.manifest import MAX_MANIFEST_SIZE, Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable
from pushpolicy.registry.admitted import Admitted, ContentError, content_of, unreadable, verified
from pushpolicy.registry.fallback import is_fallback_tag, lists, of_type
from pushpolicy.registry.interface import OpenBlob, Settle
from pushpolicy.registry.layout import (
    INDEX_FILE,
    LAYOUT_MARKER,
    LayoutFolder,
    LayoutIndex,
    check_marker,
    locked,
)
from pushpolicy.registry.move import Guarantee, Move

READ_SIZE = 1024 * 1024


class LayoutRepository:
    """A `RepositoryClient` over a folder. An absent folder reads as an empty repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._folder = LayoutFolder(Path(repository.path))
        self._subjects: dict[Digest, Digest | None] = {}
        # The index as it was read last, and what is listed there with what.
        self._known: tuple[tuple[int, ...], LayoutIndex] | None = None
        self._listed: tuple[LayoutIndex, dict[Digest, list[Digest]]] | None = None

    @property
    def repository(self) -> Repository:
        """The repository's name: ``oci`` and the folder."""
        return self._repository

    @property
    def insecure(self) -> bool:
        """Never: nothing leaves this machine."""
        return False

    @property
    def distant(self) -> bool:
        """Never."""
        return False

    @property
    def authorities(self) -> None:
        """None: nobody is asked."""

    @property
    def clock(self) -> Clock | None:
        """None: there is no other clock."""
        return None

    def resolve(self, tag: str) -> Manifest | None:
        """The manifest a tag names now; None when there is no such tag."""
        with self._translated():
            entry = _tagged(self._index(), tag)
            if entry is None:
                return None
            manifest = self._read_manifest(entry.digest, entry.media_type)
            if manifest is None:
                raise ValueError(f"{entry.digest}, which {INDEX_FILE} lists, is not there")
            return manifest

    def manifest(self, digest: Digest) -> Manifest | None:
        """The manifest of this digest, its bytes verified; None when it is absent."""
        with self._translated():
            return self._read_manifest(digest)

    def put_manifest(self, manifest: Manifest, tag: str | None = None) -> None:
        """Store a manifest, and name it by the tag if one is given."""
        with self._translated():
            self._store_manifest(manifest)
            if tag is not None:
                with locked(self._folder):
                    self._replace_index(self._index_now().with_tag(tag, manifest))

    @property
    def guarantee(self) -> Guarantee:
        """Tags are compared and moved while no other push of ours can."""
        return Guarantee.ATOMIC

    def move_tags(self, moves: Sequence[Move]) -> Iterator[tuple[Move, ...]]:
        """Have each tag name its manifest, in one write; none of them where one was moved meanwhile."""
        with self._translated(), locked(self._folder):
            index = self._index_now()
            for move in moves:
                entry = _tagged(index, move.tag)
                now = entry.digest if entry else None
                if now not in (move.before, move.manifest.digest):
                    raise move.conflict(now)
                index = index.with_tag(move.tag, move.manifest)
            self._replace_index(index)
        yield tuple(moves)

    def has_blob(self, blob: Descriptor) -> bool:
        """Whether the blob is there with the size its descriptor states."""
        with self._translated():
            return self._folder.size(blob.digest) == blob.size

    def serves_blob(self, blob: Descriptor) -> bool:
        """Whether the blob is there: what a folder has, it gives out."""
        return self.has_blob(blob)

    def prepare(self) -> None:
        """Nothing: a folder is."""

    def gave_blob(self, blob: Descriptor, *, whole: bool = False) -> bool:
        """Never: to look again costs nothing."""
        del blob, whole
        return False

    def put_blob(
        self,
        blob: Descriptor,
        content: OpenBlob,
        sibling: Repository | None = None,
        *,
        is_new: bool = False,
    ) -> Admitted | None:
        """Store a blob unless it is there; folders share nothing, so a sibling is of no use."""
        del sibling, is_new
        if self.has_blob(blob):
            return None
        with self._translated():
            self._folder.prepare()
            try:
                return self._folder.store(blob, content_of(blob, content))
            except ContentError as error:
                raise unreadable(blob, error) from error

    def read_blob(self, blob: Descriptor) -> Iterator[bytes]:
        """Stream a blob; a wrong size or digest raises before the last chunk is given."""
        if not self.has_blob(blob):
            raise PushError(f"{self._repository}: blob {blob.digest} of {blob.size} bytes is not there")
        with self._translated(), self._folder.open(blob.digest) as file:
            yield from verified(blob, iter(lambda: file.read(READ_SIZE), b""))

    def tags(self) -> tuple[str, ...]:
        """Every tag, sorted."""
        with self._translated():
            return tuple(sorted(tag for tag in self._index().tagged if not is_fallback_tag(tag)))

    def subjects(self) -> tuple[Digest, ...]:
        """The subjects of all listed manifests, in the order they came."""
        with self._translated():
            return tuple(self._by_subject())

    def is_known(self) -> bool:
        """Always: an absent folder reads as an empty repository."""
        return True

    def referrers(self, subject: Digest, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
        """The listed manifests whose subject this is, in the order they came."""
        with self._translated():
            found = map(self._read_manifest, self._by_subject().get(subject, ()))
            return of_type(tuple(item.descriptor for item in found if item), artifact_type)

    def listed(self, subject: Digest) -> tuple[Digest, ...]:
        """What `referrers` lists, by digest alone, of which nothing is read."""
        with self._translated():
            return tuple(self._by_subject().get(subject, ()))

    def put_referrer(self, manifest: Manifest) -> Settle:
        """Store a manifest that has a subject, and list it; writers wait for one another."""
        if (subject := manifest.subject) is None:
            raise ValueError("a referrer has a subject")
        with self._translated():
            self._store_manifest(manifest)
            with locked(self._folder):
                self._replace_index(self._index_now().with_untagged(manifest))

        def settle() -> None:
            if not lists(self.referrers(subject.digest, manifest.artifact_type), manifest.digest):
                raise PushError(
                    f"{self._repository}: {manifest.digest} is not among what refers to {subject.digest}",
                    "something removed it meanwhile; run the push again",
                )

        return settle

    def _index(self) -> LayoutIndex:
        """The index; that of before where its file was not replaced since."""
        state = self._folder.state(INDEX_FILE)
        if self._known is None or self._known[0] != state:
            index = self._index_now()
            if state is None:
                return index
            self._known = state, index
        return self._known[1]

    def _index_now(self) -> LayoutIndex:
        """The index as the file says now: for whoever writes it, with the lock."""
        if self._folder.root.exists():
            marker = self._folder.read(LAYOUT_MARKER)
            if marker is not None or any(self._folder.root.iterdir()):
                check_marker(marker)
        return LayoutIndex.read(self._folder)

    def _by_subject(self) -> dict[Digest, list[Digest]]:
        """What is listed, by what it refers to, in the order of the index."""
        index = self._index()
        if self._listed is None or self._listed[0] is not index:
            found: dict[Digest, list[Digest]] = {}
            for digest in dict.fromkeys(entry.digest for entry in index.entries):
                if subject := self._subject_of(digest):
                    found.setdefault(subject, []).append(digest)
            self._listed = index, found
        return self._listed[1]

    def _replace_index(self, index: LayoutIndex) -> None:
        self._folder.replace(INDEX_FILE, index.encoded())

    def _store_manifest(self, manifest: Manifest) -> None:
        self._folder.prepare()
        for part in (manifest.config, *manifest.layers, *manifest.manifests):
            if part is not None and self._folder.size(part.digest) != part.size:
                raise ValueError(f"{part.digest}, which {manifest.digest} names, is not there")
        self._folder.store(manifest.descriptor, [manifest.content])

    def _read_manifest(self, digest: Digest, media_type: str | None = None) -> Manifest | None:
        try:
            with self._folder.open(digest) as file:
                content = file.read(MAX_MANIFEST_SIZE + 1)
        except FileNotFoundError:
            return None
        if len(content) <= MAX_MANIFEST_SIZE and not digest.matches(content):
            raise ValueError(f"{digest} has other content than its digest says")
        return Manifest.parse(content, media_type)

    def _subject_of(self, digest: Digest) -> Digest | None:
        """The subject of a listed manifest; content under a digest never changes, so it is read once."""
        if digest not in self._subjects:
            manifest = self._read_manifest(digest)
            self._subjects[digest] = manifest.subject.digest if manifest and manifest.subject else None
        return self._subjects[digest]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            raise PushError(f"{self._repository}: {printable(str(error), 400)}") from error
        except OSError as error:
            where = f" ({printable(str(error.filename))})" if error.filename else ""
            reason = printable(error.strerror or str(error))
            raise PushError(f"{self._repository}: {reason}{where}", _hint(error)) from error


def _tagged(index: LayoutIndex, tag: str) -> Descriptor | None:
    """The entry of a tag."""
    found = index.tagged.get(tag, {})
    if len(found) > 1:
        raise ValueError(f"{INDEX_FILE} gives the tag {tag!r} to {len(found)} manifests")
    return next(iter(found.values()), None)


def _hint(error: OSError) -> str | None:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "make room on the disk and run the push again; what is complete is not written twice"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "make the folder writable for this user"
    return None

"""Bring what a mirror holds of a repository up to date: two requests for each tag, and what is new.

Whatever a run is stopped by, what it leaves is whole: blobs come before the manifest that names them, that
before the index that lists it, and the journal says of a tag what the index had before. The next run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from threading import Lock
from typing import TypeVar

import msgspec

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.history import check_known, reading
from pushpolicy.audit.mirror.fetching import Fetching
from pushpolicy.audit.mirror.journal import Journal
from pushpolicy.audit.mirror.store import Store
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.tags import image_of
from pushpolicy.audit.walk import Problem, Unread
from pushpolicy.errors import PushError, RecordError
from pushpolicy.http.parallel import each
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Reference, check_tag
from pushpolicy.model.text import printable
from pushpolicy.records import format as names
from pushpolicy.records.signed import candidates
from pushpolicy.registry.fallback import of_type
from pushpolicy.registry.layout import LayoutFolder
from pushpolicy.registry.layout.bulk import LayoutWriter
from pushpolicy.reports.limits import Limits

# After so many tags what was found is made to stay.
_TAGS_AT_ONCE = 1000
# Of what is listed with one image.
_MAX_LISTED = 10_000

T = TypeVar("T")


class Refreshed(msgspec.Struct, frozen=True, kw_only=True):
    """What one run did about a repository.

    Attributes:
        tags: how many were looked at.
        moved: how many of them named something else than before.
        records: new ones, statements apart.
        size: bytes of the new blobs.
        vanished: what the registry had and has no more, or has moved back; one line each.
        ignored: what is listed and could not be had, or was too much.
    """

    place: Reference
    tags: int
    moved: int
    records: int
    statements: int
    size: int
    vanished: tuple[str, ...]
    ignored: tuple[Problem | Unread, ...]


def refresh(
    shelf: Shelf,
    place: Reference,
    store: Store,
    allowance: Allowance,
    limits: Limits,
    *,
    raw: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> Refreshed:
    """Fetch what a repository, a tag of it or an image has, and the mirror has not.

    Args:
        shelf: where images and records are.
        place: what is looked at.
        store: the mirror.
        allowance: what it may take.
        limits: of which one is for how large a report may be.
        raw: whether the raw reports that records keep are fetched, too.
        tell: told how far it is.

    Raises:
        RecordError: when the repository cannot be read; what was found until then is kept.
        InputError: when the mirror cannot be written.
    """
    with reading():
        tags = _tags(shelf, place)
    store.add(place.repository)
    folder = LayoutFolder(store.layout_of(place.repository))
    with reading(), _writing(folder) as writer:
        held = store.client(place.repository)
        run = _Run(
            shelf, place, writer, store.journal(place.repository), held.listed, limits, raw=raw, tell=tell
        )
        with allowance.all():
            run.go(tags)
    return run.told()


def _tags(shelf: Shelf, place: Reference) -> Sequence[str]:
    """The tags that are looked at; where there is none, there has to be such a repository."""
    if place.tag or place.digest:
        return (place.tag,) if place.tag else ()
    tags = shelf.images.tags()
    if not tags:
        check_known(shelf.images)
    return tuple(map(_checked, tags))


@contextmanager
def _writing(folder: LayoutFolder) -> Iterator[LayoutWriter]:
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
        with LayoutWriter.of(folder) as writer:
            try:
                yield writer
            finally:
                writer.commit()
    except TimeoutError as error:
        hint = "wait until the other `audit mirror` of this repository has ended"
        raise RecordError(f"{printable(str(error))}", hint) from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise RecordError(f"{printable(str(folder.root))}: {printable(why or str(error), 300)}") from error


class _Run:
    """One run about one repository; several threads add to what it found."""

    def __init__(
        self,
        shelf: Shelf,
        place: Reference,
        writer: LayoutWriter,
        journal: Journal,
        held: Callable[[Digest], Sequence[Digest]],
        limits: Limits,
        *,
        raw: bool,
        tell: Callable[[str], None],
    ) -> None:
        self._shelf, self._place, self._writer, self._journal = shelf, place, writer, journal
        self._held, self._tell = held, tell
        self._fetching = Fetching(shelf.records, writer, limits, raw=raw)
        self._at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._adding = Lock()
        self._looked_at = set[Digest]()
        self._gone, self._back = list[tuple[Digest, Digest]](), list[Digest]()
        self._vanished = list[str]()
        self._tags = self._moved = self._unread = 0

    def told(self) -> Refreshed:
        """What was done."""
        unread = (Unread(number=self._unread),) if self._unread else ()
        return Refreshed(
            place=self._place,
            tags=self._tags,
            moved=self._moved,
            records=self._fetching.records,
            statements=self._fetching.statements,
            size=self._fetching.size,
            vanished=tuple(self._vanished),
            ignored=(*self._fetching.problems, *unread),
        )

    def go(self, tags: Sequence[str]) -> None:
        """Look at every tag, at what is listed with its image, and at what was before that."""
        images, records = self._shelf.images, self._shelf.records
        if self._place.digest:
            self._settle([self._place.digest], self._look_at)
            return
        for batch in _batches(tags, _TAGS_AT_ONCE):
            self._settle_tags(batch)
        if self._place.tag:
            return
        if records.repository == images.repository:
            # Of a registry that keeps no lists itself, its tags tell which images without a tag have one.
            new = [subject for subject in records.subjects() if not self._held(subject)]
            self._settle([each for each in new if each not in self._looked_at], self._list)
        left = self._journal.tags.keys() - set(tags)
        self._note_tags(dict.fromkeys(sorted(left)), complete=True)

    def _settle_tags(self, tags: Sequence[str]) -> None:
        found: dict[str, Digest | None] = {}

        def look(tag: str) -> None:
            manifest = self._shelf.images.resolve(tag)
            if manifest is not None:
                self._take(manifest, tag)
            elif self._place.tag and tag not in self._journal.tags:
                raise RecordError(f"there is no {self._place}", "check the tag")
            with self._adding:
                found[tag] = manifest.digest if manifest else None
                looked_at = self._tags + len(found)
            self._tell(f"{looked_at} tags of {self._place}, {self._fetching.records} new records")

        self._settle(tags, look)
        self._tags += len(found)
        self._note_tags(found)

    def _look_at(self, image: Digest) -> None:
        manifest = self._shelf.images.manifest(image)
        if manifest is None:
            raise RecordError(f"there is no {self._place}", "check the digest")
        self._take(manifest)

    def _take(self, manifest: Manifest, tag: str | None = None) -> None:
        """An image, or the record of a denial, with what is listed with it."""
        image = image_of(manifest)
        if image == manifest.digest or self._fetching.fetch(manifest.digest, manifest):
            self._writer.put(manifest, tag)
        self._list(image)

    def _note_tags(self, found: Mapping[str, Digest | None], *, complete: bool = False) -> None:
        moved = self._journal.newly(found)
        for tag, digest in moved.items():
            before, seen = self._journal.now(tag), self._journal.tags.get(tag, [])
            if digest is None:
                self._vanished.append(f"tag {tag} is there no more; it named {before}")
            elif before and any(each.names == digest for each in seen):
                self._vanished.append(f"tag {tag} was moved back to {digest}; it named {before}")
        self._moved += len(moved)
        self._journal.add(self._at, tags=moved, complete=complete)

    def _settle(self, items: Iterable[T], look: Callable[[T], None]) -> None:
        """Do this with all of them, then with the records before those; then make what was found stay."""
        distant = self._shelf.records.distant
        each(look, items, distant=distant)
        while waiting := self._fetching.before():
            each(self._before, waiting, distant=distant)
        self._writer.commit()
        if self._gone or self._back:
            self._journal.add(self._at, gone=[digest for _, digest in self._gone], back=self._back)
            self._vanished += [f"{digest} is listed with {image} no more" for image, digest in self._gone]
        self._gone, self._back = [], []

    def _list(self, image: Digest) -> None:
        """Fetch what is listed with an image, once."""
        with self._adding:
            if image in self._looked_at:
                return
            self._looked_at.add(image)
        listed = self._shelf.records.referrers(image)
        found = {
            entry.digest: entry for entry in (*of_type(listed, names.ARTIFACT_TYPE), *candidates(listed))
        }
        for digest in islice(found, _MAX_LISTED):
            self._fetching.fetch(digest)
        there = {entry.digest for entry in listed}
        known = self._held(image)
        with self._adding:
            self._unread += max(0, len(found) - _MAX_LISTED)
            gone = (each for each in known if each not in there and each not in self._journal.gone)
            self._gone += [(image, digest) for digest in gone]
            self._back += [each for each in known if each in there and each in self._journal.gone]

    def _before(self, record: Digest) -> None:
        """Fetch a record that another names as the one before it; its image may have no tag any more."""
        manifest = self._fetching.fetch(record, is_named=True)
        if manifest is None or manifest.subject is None:
            return
        image = manifest.subject.digest
        if not self._writer.has(image) and (about := self._shelf.images.manifest(image)):
            self._writer.put(about)
        self._list(image)


def _checked(tag: str) -> str:
    """Require that a tag that is listed can be one.

    Raises:
        PushError: when it cannot.
    """
    try:
        return check_tag(tag)
    except ValueError as error:
        raise PushError(f"the list of tags: {printable(str(error), 300)}") from error


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))

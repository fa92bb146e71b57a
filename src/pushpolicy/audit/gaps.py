"""Tags and images without a valid record, or with one that promises less than it seems to (design section 9).

A gap is one thing that is wrong with one tag or image, and each that holds is told: who leaves one kind out
does not miss another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.gap import Gap, Kind, Weakness, weaknesses
from pushpolicy.audit.history import reading
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.sources import Source
from pushpolicy.audit.tags import Tags
from pushpolicy.audit.walk import Opened, Problem, Read, Walk
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference, Repository
from pushpolicy.model.text import first_of, printable
from pushpolicy.records.checks import is_for

# As `manifest_of` says that a record is not there.
_ABSENT = "there is no record "


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in one source.

    Attributes:
        tags: how many of its tags name an image, and were looked at.
        others: how many name something else: a signature, a chart, a record.
        unread: how many records and statements are over the limits.
        ignored: denials that do not count.
    """

    place: Reference
    gaps: tuple[Gap, ...]
    tags: int
    others: int
    unread: int
    ignored: tuple[Problem, ...] = ()
    as_of: datetime | None = None


def examine(source: Source, at: datetime, allowance: Allowance, denials: Shelf | None = None) -> Examined:
    """Look at every tag of a source, and at what else in it is known to be an image.

    Args:
        source: a repository, a tag or an image.
        at: when waivers count as ended that end then.
        allowance: what it may take.
        denials: where denials of its images may be recorded; None where that is not said.

    Raises:
        RecordError: when the source, or what denials there are, cannot be read at all.
    """
    tags, records = source.tagged(allowance)
    read = _Taken(source.place.repository, at)
    read.take(records)
    problems = tuple(read.problems)
    if denials:
        read.take(_denials(denials, source.place.repository, tags, allowance))
    images = [named for named in tags.named if named.is_image]
    with reading(), allowance.all():
        found = tuple(_Repository(source, tags, read, problems).gaps())
    return Examined(
        place=source.place,
        gaps=found,
        tags=len(images),
        others=len(tags.named) - len(images),
        unread=read.unread,
        ignored=tuple(read.problems[len(problems) :]),
        as_of=tags.as_of,
    )


def _denials(shelf: Shelf, repository: Repository, tags: Tags, allowance: Allowance) -> Iterator[Read]:
    """What is recorded elsewhere about the images of a repository."""
    with reading():
        walk = Walk(shelf, Reference(repository=repository), allowance)
        walk.look_at(tags.images)
        yield from walk.each()


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a record.

    Attributes:
        here: whether it was decided for this repository.
        place: what it was decided for.
        tags: those that were decided; `counts` are those of them that a listed key vouches for.
        sequence: for each tag, its number.
    """

    digest: Digest
    image: Digest
    moment: datetime
    allowed: bool
    here: bool
    place: Repository
    tags: tuple[str, ...]
    counts: frozenset[str]
    sequence: dict[str, int]
    weaknesses: tuple[Weakness, ...]

    def age(self, tag: str | None) -> tuple[int, datetime, str]:
        """Larger for the later one of a tag."""
        return self.sequence.get(tag or "", 0), self.moment, str(self.digest)


class _Taken:
    """What is kept of what was read."""

    def __init__(self, repository: Repository, at: datetime) -> None:
        self._repository, self._at = repository, at
        self.rows = dict[Digest, _Row]()
        self.problems = list[Problem]()
        self.unread = 0

    def take(self, records: Iterable[Read]) -> None:
        """Read all of these."""
        for found in records:
            if isinstance(found, Opened):
                self.rows[found.summary.digest] = self._row(found)
            elif isinstance(found, Problem):
                self.problems.append(found)
            else:
                self.unread += found.number

    def _row(self, found: Opened) -> _Row:
        decision, signature = found.record.decision, found.standing.signature
        image = decision.image
        return _Row(
            digest=found.summary.digest,
            image=image.digest,
            moment=found.summary.moment,
            allowed=decision.allowed,
            here=is_for(decision, self._repository) is not False,
            place=Repository(registry=image.registry, path=image.repository),
            tags=image.tags,
            counts=frozenset(signature.tags if signature.by else image.tags),
            sequence={tag: link.sequence for tag, link in decision.chain.items()},
            weaknesses=tuple(weaknesses(found, self._at)) if decision.allowed else (),
        )


class _Repository:
    """What was read of one repository, and what is wrong with it."""

    def __init__(self, source: Source, tags: Tags, read: _Taken, problems: Sequence[Problem]) -> None:
        self._source, self._tags, self._unread = source, tags, read.unread
        self._place = source.place.repository
        self._about = defaultdict[Digest, list[_Row]](list)
        self._newest = dict[str, _Row]()
        self._refused = defaultdict[Digest | None, list[Problem]](list)
        for row in read.rows.values():
            self._about[row.image].append(row)
            for tag in row.counts if row.allowed and row.here else ():
                self._newest[tag] = max(row, self._newest.get(tag, row), key=lambda each: each.age(tag))
        for problem in problems:
            self._refused[problem.image].append(problem)

    def gaps(self) -> Iterator[Gap]:
        """Everything that is wrong, tag by tag."""
        explained = set[Digest]()
        for named in self._tags.named:
            if named.digest is None:
                yield self._gap(Kind.UNREADABLE, printable(named.problem or "", 300), named.tag)
            elif named.is_image:
                yield from self._of(named.digest, named.tag, explained)
        for image in self._untagged():
            yield from self._of(image, None, explained)
        yield from self._invalid(explained)

    def _of(self, image: Digest, tag: str | None, explained: set[Digest]) -> Iterator[Gap]:
        """What is wrong with a tag that names this image, or with an image that none names."""
        about = [row for row in self._about[image] if row.here]
        allowing = [row for row in about if row.allowed]
        own = [row for row in allowing if tag is None or tag in row.counts]
        newest = self._newest.get(tag) if tag else None
        if newest and newest.image != image:
            says = f"the image that was decided for it is {newest.image}"
            yield self._gap(Kind.MOVED, says, tag, image, newest)
        if not own:
            yield self._without(image, tag, newest)
        if not allowing:
            explained.update(problem.digest for problem in self._refused[image])
        best = max(own or allowing, key=lambda row: row.age(tag), default=None)
        denial = max((row for row in about if not row.allowed), key=lambda row: row.age(None), default=None)
        if denial and (best is None or denial.moment >= best.moment):
            says = f"it was denied, after record {best.digest} had allowed it" if best else "it was denied"
            yield self._gap(Kind.DENIED, says, tag, image, denial)
        for weakness in best.weaknesses if best else ():
            yield self._gap(weakness.kind, weakness.says, tag, image, best, weakness.since)

    def _without(self, image: Digest, tag: str | None, newest: _Row | None) -> Gap:
        """Nothing allows this image under this tag: whether something allows it under another, or nothing."""
        allowing = [row for row in self._about[image] if row.allowed]
        other = max(allowing, key=lambda row: (row.here, row.moment), default=None)
        tags = sorted({each for row in allowing if row.here for each in row.tags})
        if other and tag not in tags:
            places = tags if other.here else [f"{other.place}:{each}" for each in other.tags]
            says = f"it is allowed for {printable(first_of(places, 3), 300)}"
            return self._gap(Kind.COPIED, says, tag, image, other)
        refused = self._refused[image]
        if other:
            says = f"no listed key signed that record {other.digest} is for this tag"
        elif refused:
            more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
            says = f"no valid record: {printable(refused[0].bare, 300)}{more}"
        else:
            says = f"no record{' that was read' if self._unread else ''} is about it"
        kind = Kind.NO_RECORD if tag else Kind.UNTAGGED
        since = newest.moment if newest and newest.image != image else None
        return self._gap(kind, says, tag, image, since=since)

    def _untagged(self) -> Iterator[Digest]:
        """Images that no tag names, and of which nothing that a tag names or a record allows is made."""
        named = {each.digest for each in self._tags.named if each.digest}
        others = [digest for digest in self._tags.others if digest not in named]
        if self._source.place.digest is None:
            others = [digest for digest in others if not any(row.allowed for row in self._about[digest])]
        if not others:
            return
        wanted = {*others, *self._about} - named
        known = {digest: self._source.named(digest) for digest in sorted(wanted)}
        parts = {part for each in (*self._tags.named, *filter(None, known.values())) for part in each.parts}
        for digest in others:
            found = known[digest]
            if found and found.is_image and digest not in parts:
                yield digest

    def _invalid(self, explained: set[Digest]) -> Iterator[Gap]:
        """What should have been a record, beside what was told of an image that has no other."""
        tags = defaultdict[Digest | None, list[str | None]](list)
        for named in self._tags.named:
            tags[named.digest].append(named.tag)
        for image, problems in self._refused.items():
            for problem in problems:
                if problem.digest not in explained:
                    kind = Kind.REMOVED if problem.bare.startswith(_ABSENT) else Kind.INVALID
                    about = tags[image] if image else []
                    yield Gap(
                        kind=kind,
                        place=self._place,
                        says=printable(problem.bare, 300),
                        tag=about[0] if len(about) == 1 else None,
                        digest=image,
                        record=problem.digest,
                    )

    def _gap(
        self,
        kind: Kind,
        says: str,
        tag: str | None,
        image: Digest | None = None,
        row: _Row | None = None,
        since: datetime | None = None,
    ) -> Gap:
        return Gap(
            kind=kind,
            place=self._place,
            says=says,
            tag=tag,
            digest=image,
            record=row.digest if row else None,
            since=since or (row.moment if row else None),
        )

"""Read the records that are listed with images, and those before them: one at a time, within limits.

Each is read whole and checked before its verdict is shown; only a summary is kept of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

import msgspec

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.signature import NOT_VALID, NotVouchedError, Signature
from pushpolicy.audit.standing import Standing, standing
from pushpolicy.errors import RecordError
from pushpolicy.evaluate.recorded import RecordedPolicy, check_recorded
from pushpolicy.http.parallel import each
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Reference
from pushpolicy.model.text import first_of
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.records.read import Record, Summary

# Images whose lists are read together, and records that are read ahead.
_IMAGES_AT_ONCE = 500


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is named somewhere, and is absent, not valid, or not vouched for.

    Attributes:
        vouched: whether a listed key signed something about it all the same.
        image: what it is listed with; None where only a later record names it.
        place: where it was found, if several places are read.
    """

    digest: Digest
    reason: str
    hint: str | None = None
    vouched: bool = False
    image: Digest | None = None
    place: Reference | None = None

    @property
    def bare(self) -> str:
        """The reason, for where what it says of the whole is said already, or does not hold."""
        return self.reason.removeprefix(NOT_VALID)


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A record that counts: it is valid and, where keys are listed, vouched for.

    Attributes:
        record: the whole of it.
        held: its policy, which agrees with its decision.
        standing: what is to be said beside its verdict.
        shelf: where it was found, with what else is about it.
    """

    shelf: Shelf
    record: Record
    held: RecordedPolicy
    standing: Standing

    @property
    def summary(self) -> Summary:
        """What was decided."""
        return self.record.summary


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """How many more records and statements there are, over the limits."""

    number: int


Read = Opened | Problem | Unread


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The records that were found, newest first, and those that are absent or not valid.

    Attributes:
        standings: of each record, by its digest, what is to be said beside its verdict.
        unread: how many more there are, records and statements, over the limits of one listing.
        place: what was asked about; None where that is one record.
    """

    records: tuple[Summary, ...]
    problems: tuple[Problem, ...]
    standings: Mapping[Digest, Standing]
    unread: int = 0
    place: Reference | None = None

    @property
    def ignored(self) -> tuple[Problem | Unread, ...]:
        """What should have been a record, and that more are there than were read."""
        return (*self.problems, *((Unread(number=self.unread),) if self.unread else ()))

    @property
    def best(self) -> Summary | None:
        """The newest of the place that was asked about, of a known policy if there is one."""
        tag = self.place.tag if self.place else None

        def rank(record: Summary) -> tuple[bool, bool, int]:
            link = record.decision.chain.get(tag or "")
            return (*_doubts(self.standings[record.digest]), -link.sequence if link else 0)

        best = min(self.records, key=rank, default=None)
        # A denial has no number: it counts unless it is older (they are in the order of their times).
        for record in self.records:
            if best and not record.decision.allowed and record.moment >= best.moment:
                doubts = _doubts(self.standings[record.digest])
                return record if doubts <= _doubts(self.standings[best.digest]) else best
        return best


class _Entry(NamedTuple):
    """A record to be read: what it is listed with, whether that list calls it one, whether a key vouches."""

    digest: Digest
    image: Digest | None = None
    is_said: bool = True
    is_vouched: bool = False


class _Retired(NamedTuple):
    """A record by keys that are all retired, of which it is not known yet whether it counts."""

    moment: datetime
    digest: Digest


class Counting:
    """What counts of the records that were read: each problem once, those of retired keys where they may.

    Nothing is kept of a record that was given out but what it says was before it.
    """

    def __init__(self) -> None:
        # Each once: it may be listed with the image, and be named by a later one, too.
        self._problems = set[tuple[Digest, str]]()
        self._retired = list[_Retired]()
        # Since when a record is known that others name, which count.
        self._shown = dict[Digest, datetime]()

    def taken(self, found: Opened | Problem) -> Iterator[Opened | Problem]:
        """What counts by itself."""
        if isinstance(found, Problem):
            if (told := (found.digest, found.reason)) not in self._problems:
                self._problems.add(told)
                yield found
        elif found.standing.signature.retired:
            self._retired.append(_Retired(found.summary.moment, found.summary.digest))
        else:
            self._count(found.summary, found.summary.moment)
            yield found

    def settled(self, again: Callable[[Digest], Opened | Problem | None]) -> Iterator[Opened | Problem]:
        """A record of a retired key counts where one of a key that counts shows that it is older.

        Args:
            again: reads a record again: of all that were read, only digests are kept.
        """
        for retired in sorted(self._retired, key=lambda each: each.moment, reverse=True):
            found = again(retired.digest)
            if not isinstance(found, Opened):
                yield from self.taken(found) if found else ()
                continue
            signature, known = found.standing.signature, self._shown.get(retired.digest)
            if known and known < datetime.fromisoformat(str(signature.retired)):
                self._count(found.summary, known)
                yield found
            else:
                yield from self.taken(not_older(retired.digest, signature))

    def _count(self, summary: Summary, known: datetime) -> None:
        for before in summary.previous.values():
            self._shown[before] = min(known, self._shown.get(before, known))


class Walk:
    """Reads each record once: what is listed, what a listed key vouches for, and what was before those."""

    def __init__(self, shelf: Shelf, reference: Reference, allowance: Allowance) -> None:
        self._shelf, self._reference, self._allowance = shelf, reference, allowance
        self._images = dict[Digest, None]()
        self._seen = set[tuple[Digest, Digest | None]]()
        self._read_already = set[Digest]()
        self._counting = Counting()
        self._unread = 0

    def look_at(self, images: Iterable[Digest]) -> None:
        """Take in images, with which records are listed."""
        self._images.update(dict.fromkeys(images))

    def each(self) -> Iterator[Read]:
        """Read all of it, one record at a time; nothing is kept of one that was given out but its digest.

        Those of retired keys come last, since only then it is known which of them count.

        Raises:
            PushError: when what is listed with an image cannot be read.
        """
        images, last = list(self._images), deque[_Entry]()
        for start in range(0, len(images), _IMAGES_AT_ONCE):
            if self._is_over:
                self._unread += len(images) - start  # of each, one at least
                break
            group = images[start : start + _IMAGES_AT_ONCE]
            try:
                entries = self._listed(group)
            except RecordError:  # no time is left
                if not start:
                    raise
                self._unread += len(images) - start
                break
            # What a list does not call a record comes last, of whatever image.
            last.extend(entry for entry in entries if not entry.is_said)
            yield from self._each_of(deque(entry for entry in entries if entry.is_said))
            if len(images) > _IMAGES_AT_ONCE:
                for image in group:
                    self._shelf.signatures.forget(image)
        yield from self._each_of(last)
        yield from self._counting.settled(lambda digest: self._read(_Entry(digest)))
        if self._unread:
            yield Unread(number=self._unread)

    @property
    def _is_over(self) -> bool:
        return len(self._seen) >= self._allowance.max_records or self._allowance.is_spent

    def _listed(self, images: Sequence[Digest]) -> list[_Entry]:
        """What is listed with images: of all of them at once, and in their order."""
        shelf = self._shelf

        def look(image: Digest) -> None:
            shelf.listed(image)
            if shelf.is_verified:
                shelf.signatures.of(image)

        found = list[_Entry]()
        with self._allowance.all():
            each(look, images, distant=shelf.records.distant)
            for image in images:
                vouched: tuple[Digest, ...] = ()
                if shelf.is_verified:
                    signed = shelf.signatures.of(image)
                    vouched = tuple(dict.fromkeys(item.named.record for item in signed.vouched))
                    self._unread += signed.unread
                # What is known first, then in the order of the lists, which grow at their end, so that nobody
                # gets before what is there; what a list does not call a record after everything that it does.
                found += (_Entry(digest, image, is_vouched=True) for digest in vouched)
                listed = sorted(shelf.listed(image), key=lambda entry: entry.artifact_type != ARTIFACT_TYPE)
                found += (_Entry(e.digest, image, e.artifact_type == ARTIFACT_TYPE) for e in listed)
        return found

    def _each_of(self, queue: deque[_Entry]) -> Iterator[Opened | Problem]:
        """Read what is in a queue, and what was before that."""
        while queue and not self._is_over:
            self._begin(queue)
            entry = queue.popleft()
            # Somebody may list it with another image, too.
            if entry[:2] in self._seen or entry.digest in self._read_already:
                continue
            self._seen.add(entry[:2])
            found = self._read(entry)
            if isinstance(found, Opened):
                queue.extendleft(self._before(found.summary))
            if found is not None:
                yield from self._counting.taken(found)
        self._unread += len({entry.digest for entry in queue} - {digest for digest, _ in self._seen})

    def _begin(self, queue: deque[_Entry]) -> None:
        """Have the next ones read; of those that a listed key has to vouch for, only where one does."""
        if ahead := self._shelf.ahead:
            for entry in islice(queue, ahead.most):
                is_wanted = entry.is_vouched if self._shelf.is_verified else entry.is_said
                if is_wanted and entry.digest not in self._read_already:
                    ahead.begin(entry.digest)

    def listing(self) -> Listing:
        """Read all of it, and keep a summary of each."""
        records, problems, standings = list[Summary](), list[Problem](), dict[Digest, Standing]()
        unread = 0
        for found in self.each():
            if isinstance(found, Opened):
                records.append(found.summary)
                standings[found.summary.digest] = found.standing
            elif isinstance(found, Problem):
                problems.append(found)
            else:
                unread = found.number
        return Listing(
            records=tuple(sorted(records, key=_age, reverse=True)),
            problems=tuple(problems),
            standings=standings,
            unread=unread,
            place=self._reference,
        )

    def _before(self, summary: Summary) -> Iterator[_Entry]:
        """The chain of every tag is followed, that of the one tag, or none for one image."""
        if not self._reference.digest:
            wanted = self._reference.tag
            yield from (_Entry(before) for tag, before in summary.previous.items() if wanted in (None, tag))

    def _read(self, entry: _Entry) -> Opened | Problem | None:
        digest, manifest = entry.digest, None
        try:
            with self._allowance.record():
                if not entry.is_said:
                    manifest = self._shelf.records.manifest(digest)
                    if manifest and manifest.artifact_type != ARTIFACT_TYPE:
                        return None
                found = opened(self._shelf, self._reference, digest, entry.image, manifest)
                if found:
                    self._read_already.add(digest)
                return found
        except RecordError as error:
            return problem(digest, error, self._shelf, entry.image)


def opened(
    shelf: Shelf,
    place: Reference,
    digest: Digest,
    image: Digest | None = None,
    manifest: Manifest | None = None,
) -> Opened | None:
    """Read a record as `Shelf.open` does, and hold it against its policy; None where it is another place's.

    Raises:
        RecordError: when it does not count.
    """
    record, signature = shelf.open(digest, image, manifest)
    if shelf.is_another(record):
        return None
    held = check_recorded(record)
    return Opened(shelf=shelf, record=record, held=held, standing=standing(record, held, place, signature))


def problem(digest: Digest, error: RecordError, shelf: Shelf, image: Digest | None = None) -> Problem:
    """Why a record does not count, which is listed with this image."""
    vouched = error.vouched if isinstance(error, NotVouchedError) else shelf.is_verified
    return Problem(digest=digest, reason=error.message, hint=error.hint, vouched=vouched, image=image)


def not_older(digest: Digest, signature: Signature) -> Problem:
    """A record whose keys are retired, where nothing shows that it is older than their end."""
    reason = (
        f"{NOT_VALID}record {digest} is signed by the key {first_of(signature.by, 3)}, which is retired "
        f"since {signature.retired}, and nothing that was found shows that it is older"
    )
    hint = "push again with a key that counts: a record by that one names those before it"
    return Problem(digest=digest, reason=reason, hint=hint, vouched=True)


def _doubts(found: Standing) -> tuple[bool, bool]:
    return bool(found.elsewhere), bool(found.unknown)


def _age(record: Summary) -> tuple[datetime, bool, str]:
    """Later for the later one; of one second, for a denial, which came after what it denies."""
    return record.moment, not record.decision.allowed, str(record.digest)

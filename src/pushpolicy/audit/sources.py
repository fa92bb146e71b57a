"""Where records come from: one source or many, and each record as it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple, Protocol, TypeVar

from msgspec.structs import replace

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.history import each_denial, each_record, find, tags_of
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.tags import Named, Tags, read_named
from pushpolicy.audit.walk import Problem, Read, Unread
from pushpolicy.errors import InputError, PushPolicyError, RecordError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference

T = TypeVar("T")


class Source(Protocol):
    """Something that has records: a repository of a registry or in a folder, or an export of some."""

    @property
    def place(self) -> Reference:
        """What its records are asked to be about."""

    def each(self, allowance: Allowance) -> Iterator[Read]:
        """Every record of it, one at a time as it is read, in no order, and what should have been one.

        Nothing is kept of a record that was given out but its digest.

        Raises:
            RecordError: when the source cannot be read at all.
            InputError: when there is no such source on this machine.
        """

    def tags(self) -> Iterator[tuple[str, Digest]]:
        """Every tag of its place that names an image, and that image.

        Raises:
            RecordError: as `each`.
            InputError: as `each`.
        """

    def tagged(self, allowance: Allowance) -> Tagged:
        """What its tags name, and every record as `each` gives them; the tags are read once for both.

        Raises:
            RecordError: when the source cannot be read at all.
        """

    def named(self, digest: Digest) -> Named | None:
        """What is there under a digest; None where nothing is."""


class Tagged(NamedTuple):
    """The tags of a source, and its records, which are read as they are asked for."""

    tags: Tags
    records: Iterator[Read]


class RepositorySource(NamedTuple):
    """A repository, a tag of it with its past, or an image; and where the records about it are."""

    shelf: Shelf
    place: Reference

    def each(self, allowance: Allowance) -> Iterator[Read]:
        """As `each_record`."""
        return each_record(self.shelf, self.place, allowance)

    def tags(self) -> Iterator[tuple[str, Digest]]:
        """As the repository is now."""
        for named in tags_of(self.shelf, self.place).named:
            if named.digest is None:
                raise RecordError(f"{self.place.repository}:{named.tag} cannot be read: {named.problem}")
            if named.is_image:
                yield str(named.tag), named.digest

    def tagged(self, allowance: Allowance) -> Tagged:
        """As the repository is now."""
        with allowance.all():
            tags = tags_of(self.shelf, self.place)
        return Tagged(tags, each_record(self.shelf, self.place, allowance, tags))

    def named(self, digest: Digest) -> Named | None:
        """As the repository is now."""
        return read_named(self.shelf.images, digest)


class NewestSource(RepositorySource):
    """The newest record of a tag or an image."""

    __slots__ = ()

    def each(self, allowance: Allowance) -> Iterator[Read]:
        """As `find`, which it also raises for."""
        yield find(self.shelf, self.place, allowance)


class DenialSource(RepositorySource):
    """Where the denials of a repository, a tag or an image are."""

    __slots__ = ()

    def each(self, allowance: Allowance) -> Iterator[Read]:
        """As `each_denial`."""
        return each_denial(self.shelf, self.place, allowance)


class AbsentSource(NamedTuple):
    """One that was named, and is not there: the others are read all the same."""

    place: Reference
    error: PushPolicyError

    def each(self, _: Allowance) -> Iterator[Read]:
        """Nothing but its error."""
        raise self.error

    def tags(self) -> Iterator[tuple[str, Digest]]:
        """Nothing but its error."""
        raise self.error

    def tagged(self, _: Allowance) -> Tagged:
        """Nothing but its error."""
        raise self.error

    def named(self, _: Digest) -> Named | None:
        """Nothing."""


class Unreadable(NamedTuple):
    """A source that cannot be read, or not to its end.

    Attributes:
        exit_code: 20 where there is no such folder or file here, else 51.
    """

    reason: str
    hint: str | None
    exit_code: int

    @property
    def bare(self) -> str:
        """As `Problem.bare`."""
        return self.reason


# What should have been a record or a source, and is told beside those that are.
Ignored = Problem | Unread | Unreadable


class Item(NamedTuple):
    """What was found, and in which source."""

    source: Source
    found: Read | Unreadable


def read_all(sources: Iterable[Source], allowance: Allowance) -> Iterator[Item]:
    """Every record of several sources, one source after the other; one that cannot be read ends no other.

    Raises:
        RecordError, InputError: when there is but one source, and it cannot be read.
    """
    is_one, sources = _looked_at(sources)
    for source, found in of_each(sources, lambda source: source.each(allowance)):
        if isinstance(found, Problem) and not is_one:
            found = replace(found, place=source.place)
        yield Item(source, found)


def of_each(
    sources: Iterable[Source], read: Callable[[Source], Iterable[T]]
) -> Iterator[tuple[Source, T | Unreadable]]:
    """What is read of each source, or why it cannot be: that ends no other.

    Raises:
        RecordError, InputError: when there is but one source, and it cannot be read.
    """
    is_one, sources = _looked_at(sources)
    for source in sources:
        try:
            for found in read(source):
                yield source, found
        except (RecordError, InputError) as error:
            if is_one:
                raise
            yield source, Unreadable(error.message, error.hint, error.exit_code)


def all_of(
    sources: Iterable[Source], look: Callable[[Source], T]
) -> tuple[Sequence[T], Sequence[Unreadable]]:
    """What one look at each source gives, and why the others cannot be read.

    Raises:
        RecordError, InputError: as `of_each`.
    """
    found, unreadable = list[T](), list[Unreadable]()
    for _, each in of_each(sources, lambda source: (look(source),)):
        if isinstance(each, Unreadable):
            unreadable.append(each)
        else:
            found.append(each)
    return found, unreadable


def _looked_at(sources: Iterable[Source]) -> tuple[bool, Iterator[Source]]:
    """Whether there is but one; and the same, of which no more than two were opened for that."""
    rest = iter(sources)
    first = tuple(islice(rest, 2))
    return len(first) == 1, chain(first, rest)

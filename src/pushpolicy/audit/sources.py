"""Where records come from: one source or many, and each record as it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.history import each_record
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.walk import Read
from pushpolicy.model.reference import Reference


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
        """


class RepositorySource(NamedTuple):
    """A repository, a tag of it with its past, or an image; and where the records about it are."""

    shelf: Shelf
    place: Reference

    def each(self, allowance: Allowance) -> Iterator[Read]:
        """As `each_record`."""
        return each_record(self.shelf, self.place, allowance)


class Item(NamedTuple):
    """What was found, and in which source."""

    source: Source
    found: Read


def read_all(sources: Iterable[Source], allowance: Allowance) -> Iterator[Item]:
    """Every record of several sources, one source after the other.

    Raises:
        RecordError: when a source cannot be read at all.
    """
    for source in sources:
        for found in source.each(allowance):
            yield Item(source, found)

"""Look for a flaw or a package in a history: once for its names and packages, then for the images.

What a flaw is called, and which packages have it, only the whole history tells. So all of it is read once,
and of each source only the names and packages are kept that occur in it; then those sources are read again
in which something occurs that was asked for.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.impact.images import Asked, First, Impact
from pushpolicy.audit.impact.listed import Package, Product, flaws, package_of, packages
from pushpolicy.audit.impact.looking import Looking
from pushpolicy.audit.impact.names import Names, OneFlaw
from pushpolicy.audit.sources import Ignored, Source, of_each
from pushpolicy.audit.walk import Opened, Read
from pushpolicy.model.reference import Repository


class Told(NamedTuple):
    """What was found, and what was not read."""

    impact: Impact
    ignored: tuple[Ignored, ...]


class _Known:
    """What a whole history says of names and packages: of each name and package once."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._names = Names()
        self._products = defaultdict[str, set[Product]](set)
        self._first = dict[str, First]()
        self.records = 0

    def take(self, found: Opened, own: _Occurring) -> None:
        """What one record says, and what occurs with it in its source."""
        self.records += 1
        record, moment = found.record, found.summary.moment
        place = found.record.decision.image
        first = First(
            moment, found.summary.digest, Repository(registry=place.registry, path=place.repository)
        )
        for flaw in flaws(record.evidence):
            self._names.take(flaw.names)
            own.add(flaw.names)
            package = package_of(flaw.value)
            for name in flaw.names:
                if package:
                    self._products[name].add(package.products[0])
                self._first[name] = min(self._first.get(name, first), first, key=First.age)
        for _, package in packages(record.evidence):
            own.take(package, self._asked)

    def flaw(self) -> OneFlaw:
        """What is asked for, by all its names."""
        return self._names.of(self._asked.ids)

    def products(self, flaw: OneFlaw) -> frozenset[Product]:
        """The packages that have a flaw somewhere."""
        return frozenset(product for name in flaw.names for product in self._products.get(name, ()))

    def first(self, flaw: OneFlaw) -> First | None:
        """When it was known first."""
        known = [self._first[name] for name in flaw.names if name in self._first]
        return min(known, key=First.age, default=None)


class _Occurring:
    """What occurs in one source: of each name and package a number, as there are many."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._found = set[int]()
        self._numbers = array("q")
        self._is_asked = False

    def add(self, names: Iterable[str]) -> None:
        """Names of a flaw in it."""
        self._found.update(map(hash, names))

    def take(self, package: Package, asked: Asked) -> None:
        """A package that something in it has."""
        self._found.update(map(hash, package.products))
        self._is_asked = self._is_asked or any(map(package.fits, asked.globs))

    def close(self) -> None:
        """All of it was read."""
        self._numbers, self._found = array("q", self._found), set()

    def has(self, flaw: OneFlaw, products: Iterable[Product]) -> bool:
        """Whether it is to be looked at again; a number may stand for two things."""
        wanted = set(map(hash, (*flaw.names, *flaw.advisories, *products)))
        return self._is_asked or any(number in wanted for number in self._numbers)


def impact(sources: Iterable[Source], asked: Asked, allowance: Allowance) -> Told:
    """Every published image that has what is asked for.

    Args:
        sources: each is read once, and those in which it occurs twice.
        asked: what is looked for.
        allowance: what it may take.

    Raises:
        RecordError, InputError: when there is but one source, and it cannot be read.
    """
    known, ignored = _Known(asked), list[Ignored]()
    occurring = list[_Occurring]()
    for source, found in of_each(sources, lambda source: _whole(source, known, allowance)):
        if isinstance(found, _Occurring):
            occurring.append(found)
        elif not isinstance(found, Opened):
            ignored.append(found)
        del source
    flaw = known.flaw()
    products = known.products(flaw)
    looking = Looking(asked, flaw, products, known.first(flaw))
    for one in occurring:
        if one.has(flaw, products):
            looking.take(one.source, allowance)
    return Told(looking.impact(known.records, len(occurring)), tuple(ignored))


def _whole(source: Source, known: _Known, allowance: Allowance) -> Iterator[Read | _Occurring]:
    """What does not count in a source; and in the end what occurs in it."""
    own = _Occurring(source)
    for found in source.each(allowance):
        if isinstance(found, Opened):
            known.take(found, own)
        else:
            yield found
    own.close()
    yield own

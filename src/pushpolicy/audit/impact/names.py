"""Which names are of one flaw, by what the findings of a whole history say together.

An advisory may be of several CVEs (DSA-5000-1): whoever asks for one of them is told of it, but not of the
others that it is of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple


class OneFlaw(NamedTuple):
    """What a flaw is called.

    Attributes:
        names: of it alone, in lower case.
        advisories: that are of it and of others.
    """

    names: frozenset[str]
    advisories: frozenset[str]

    def is_among(self, names: frozenset[str]) -> bool:
        """Whether a finding with these names may be of it: one that gives CVEs is of those alone."""
        if not self.names.isdisjoint(names):
            return True
        return not self.advisories.isdisjoint(names) and not any(map(_is_cve, names))


class Names:
    """The names that findings give together; kept of each name once, however often it occurs."""

    def __init__(self) -> None:
        self._beside = defaultdict[str, set[str]](set)
        self._seen = set[frozenset[str]]()

    def take(self, names: frozenset[str]) -> None:
        """Take in the names that one finding gives."""
        if len(names) == 1 or names in self._seen:
            return
        self._seen.add(names)
        for name in names:
            self._beside[name] |= names

    def of(self, asked: Iterable[str]) -> OneFlaw:
        """These names, and all others of the same flaws; of an advisory, all that it is of."""
        found, first = set[str](), {name.lower() for name in asked}
        queue = list(first)
        while queue:
            name = queue.pop()
            if name not in found:
                found.add(name)
                others = self._beside.get(name, set())
                is_asked = name in first and not _is_cve(name)
                queue.extend(
                    each for each in others if self._are_one(name, each) or (is_asked and _is_cve(each))
                )
        beside = (other for name in found for other in self._beside.get(name, ()))
        return OneFlaw(
            frozenset(found), frozenset(each for each in beside if not (each in found or _is_cve(each)))
        )

    def _are_one(self, name: str, other: str) -> bool:
        """Two names are of one flaw, unless one is an advisory of several CVEs."""
        return len(self._cves(name) | self._cves(other)) <= 1

    def _cves(self, name: str) -> set[str]:
        return {each for each in (name, *self._beside.get(name, ())) if _is_cve(each)}


def _is_cve(name: str) -> bool:
    return name.startswith("cve-")

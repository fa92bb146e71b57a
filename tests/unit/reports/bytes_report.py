"""A report held in memory, for the tests of one format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pushpolicy.reports.format import Facts
from pushpolicy.reports.parsing.jsondoc import utf8

Kind = TypeVar("Kind", bound=Facts)


@dataclass(frozen=True)
class BytesReport:
    """What a format's reader is given, in pieces as small as the test wants."""

    value: bytes
    piece: int = 1 << 16

    def chunks(self) -> Iterator[bytes]:
        for start in range(0, len(self.value), self.piece):
            yield self.value[start : start + self.piece]

    def content(self) -> bytes:
        return self.value

    def utf8(self) -> bytes:
        return utf8(self.value)


def only(kind: type[Kind], facts: Iterable[Facts]) -> Kind:
    """What a reader gave, when it is one thing, and that of this kind of evidence."""
    (found,) = facts
    assert isinstance(found, kind)
    return found


def by_kind(facts: Iterable[Facts]) -> dict[str, tuple[Any, ...]]:
    """What a reader gave, by kind of evidence."""
    found: dict[str, tuple[Any, ...]] = {}
    for each in facts:
        found[each.evidence_kind] = (*found.get(each.evidence_kind, ()), each)
    return found

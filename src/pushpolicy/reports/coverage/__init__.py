"""Coverage reports: one file per format; `Table` counts for them all."""

from __future__ import annotations

from collections.abc import Hashable

from pushpolicy.model.evidence import Covered
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits

# So that no sum leaves the range in which every reader of JSON agrees on integers.
_MAX_IN_ONE_PLACE = 10**9


def worse(counted: Covered, covered: int | None, total: int | None) -> Covered:
    """The lines as they are listed, or as the report's own totals say where those cover less of them."""
    if not total or covered is None or not 0 <= covered <= total or not counted.total:
        return counted
    declared = Covered(covered=covered, total=total)
    return declared if covered * counted.total < counted.covered * total else counted


class Table:
    """Lines, branches or statements by file; one that is listed twice counts once, covered if either is."""

    def __init__(self, limits: Limits) -> None:
        self._files: dict[str, dict[Hashable, tuple[int, int]]] = {}
        self._size = 0
        self._max = limits.max_cases

    def add(self, file: str, key: Hashable, covered: int, total: int = 1) -> None:
        """One place in a file, and how many of the things there were covered.

        Raises:
            ReportError: when there are more than the limit, or more in one place than there can be.
        """
        if total > _MAX_IN_ONE_PLACE:
            raise ReportError(f"it counts {total} in one place")
        places = self._files.setdefault(file, {})
        known = places.get(key)
        if known is None:
            self._size += 1
            if self._size > self._max:
                raise ReportError(f"its lines are over the limit of {self._max}")
            places[key] = (covered, total)
        elif covered > known[0] or total > known[1]:
            places[key] = (max(covered, known[0]), max(total, known[1]))

    def sum(self) -> Covered:
        """Over all files."""
        found = [place for places in self._files.values() for place in places.values()]
        return Covered(covered=sum(place[0] for place in found), total=sum(place[1] for place in found))

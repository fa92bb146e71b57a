"""Numbers that a rule may hold a threshold against, as the evidence has them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pushpolicy.model.document import Document
from pushpolicy.records.floor import nanoseconds

_HOUR, _DAY = 3600 * 10**9, 24 * 3600 * 10**9


class Likely:
    """The numbers of a document: those in it, how long its lists are, how old each time is (hours, days)."""

    def __init__(self, evidence: Document) -> None:
        self._now = nanoseconds(evidence.value.get("evaluated_at")) or 0
        self._named = dict[str, set[float]]()
        self._all = set[float]()
        self._times = set[str]()
        self._read(evidence.value, frozenset())
        for time in self._times:
            if (at := nanoseconds(time)) is not None:
                self._all |= {(self._now - at) / _HOUR, (self._now - at) / _DAY}

    def values(self, key: str) -> list[Collection[float]]:
        """Those below a key that a setting's name has a word of (max_low: low), then all."""
        named = [self._named[word] for word in key.split("_") if word in self._named]
        return [set[float]().union(*named), self._all]

    def _read(self, value: Any, keys: frozenset[str]) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                self._read(each, keys | {key})
        elif isinstance(value, list):
            self._add(len(value), keys)
            for each in value:
                self._read(each, keys)
        elif isinstance(value, str):
            if value[4:5] == "-" and value[10:11] == "T":
                self._times.add(value)
        elif not isinstance(value, bool):
            self._add(value, keys)

    def _add(self, number: float, keys: Collection[str]) -> None:
        self._all.add(number)
        for key in keys:
            self._named.setdefault(key, set()).add(number)

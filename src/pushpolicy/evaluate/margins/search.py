"""A threshold, and the search for the value at which its rule finds something else."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

# As far as a setting without bounds is followed; canonical JSON ends at twice that.
FAR = 2**52
# A number is followed in steps of this.
FINE, DIGITS = 1e-4, 4
NONE = -1
# Among how many values at once is searched where the evidence says none.
_TRIED = 255


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold: its value, the strictest that there is, and the mildest."""

    rule: str
    key: str
    stricter: str
    value: float
    strictest: float
    mildest: float
    step: float

    @property
    def name(self) -> str:
        """RULE.KEY."""
        return f"{self.rule}.{self.key}"

    @property
    def ends(self) -> tuple[float, float, float, float]:
        """What is asked of each: as it is set, the strictest, the mildest, the mildest limit."""
        return self.value, self.strictest, self.mildest, self.end

    @property
    def end(self) -> float:
        """The mildest value that is a limit at all."""
        return FAR if self.stricter == "limit" else self.mildest


class Search(msgspec.Struct, kw_only=True):
    """Between two values of a setting, the last that finds as many as the wanted end.

    Attributes:
        start: the value at offset 0.
        step: from one offset to the next, with its sign.
        near: an offset on the side of the start.
        far: one on the other side.
        wanted: how many findings there are on the wanted side.
        from_wanted: whether that is the side of the start.
        likely: values at which it may turn, the likeliest first, all of one group at once.
    """

    setting: Setting
    start: float
    step: float
    near: int = 0
    far: int
    wanted: int
    from_wanted: bool
    likely: list[Collection[float]]

    def value(self, offset: int) -> float:
        """The value at an offset."""
        found = self.start + offset * self.step
        return round(found, DIGITS) if self.setting.step < 1 else int(found)

    def tried(self) -> list[int]:
        """Offsets between the two: about what the evidence says, else by their size, then evenly."""
        while self.likely:
            if found := self._inner(self._about(self.likely.pop(0))):
                return found
        low, most = max(self.near, 1), _TRIED
        if self.far > 8 * low:
            return self._inner(1 << bits for bits in range(self.far.bit_length()))
        width = self.far - self.near
        return self._inner(self.near + width * part // (most + 1) for part in range(1, most + 1))

    def _about(self, values: Collection[float]) -> Iterator[int]:
        for value in values:
            offset = math.floor((value - self.start) / self.step)
            yield from range(offset - 1, offset + 3)

    def _inner(self, offsets: Iterable[int]) -> list[int]:
        return sorted({each for each in offsets if self.near < each < self.far})

    def narrow(self, offsets: Sequence[int], last: int) -> None:
        """By which of the offsets is the last one on the side of the start."""
        if last + 1 < len(offsets):
            self.far = offsets[last + 1]
        if last >= 0:
            self.near = offsets[last]

"""Which way a denial depends on what is read: VANISHES, FIRES, EITHER or WORDS without it."""

from __future__ import annotations

from typing import Any

from pushpolicy.evaluate.absence import EITHER, FIRES, VANISHES, WORDS
from pushpolicy.evaluate.follow.values import Count, Values


def turn(mode: int) -> int:
    """Under one more `not`."""
    return -mode if mode in (VANISHES, FIRES) else mode


def untold(mode: int) -> int:
    """Where one cannot tell which way it goes."""
    return mode if mode == WORDS else EITHER


def directed(mode: int, size: int | None) -> int:
    """What goes the way of a size (`size_of`)."""
    if size == VANISHES:
        return mode
    return turn(mode) if size == FIRES else untold(mode)


def size_of(name: str, values: Values, numbers: list[Any] | None, empty: bool) -> int | None:
    """What having fewer does to a comparison of a size: VANISHES, FIRES, EITHER; None without a size."""
    if empty and name in ("equal", "eq", "neq"):
        return VANISHES if name == "neq" else FIRES
    if not any(isinstance(value, Count) for value in values):
        return None
    if name in ("gt", "gte", "lt", "lte"):
        return VANISHES if name in ("gt", "gte") else FIRES
    if numbers == [0]:
        return VANISHES if name == "neq" else FIRES
    return EITHER

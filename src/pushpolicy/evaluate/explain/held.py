"""What evidence holds where a rule reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from pushpolicy.evaluate.absence import COMPUTED, EACH, ITEM, Steps, shown

# Keys that are known: of the array or map at these steps, the numbers or keys of the items that are meant.
Keys = Mapping[Steps, frozenset[Any]]
NO_KEYS: Keys = {}
_ABSENT = object()
_SHOWN = 5


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What is at one place.

    Attributes:
        path: the place, as `scans.items[0].name`; where nothing is, as far as there is something.
        value: a scalar that is there.
        size: how many items, of a list or an object that is there.
        absent: whether nothing is there.
    """

    path: str
    value: str | int | float | bool | None = None
    size: int | None = None
    absent: bool | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule reads, and what is there.

    Attributes:
        path: as it is read; `[]` stands for every item.
        lines: of the rule's file, where it is read.
        through: the helpers in which it is.
        places: how many places that is in this document; none where a list on the way is empty.
        absent: at how many of them nothing is.
        held: a few of them, first those where nothing is, then different values.
    """

    path: str
    lines: tuple[int, ...]
    through: tuple[str, ...]
    places: int
    absent: int
    held: tuple[Held, ...]


def reading(
    document: Any, steps: Steps, keys: Keys, *, lines: Sequence[int], through: Sequence[str]
) -> Reading:
    """What a document holds at some steps; where a key is known, only there."""
    found = list(places(document, steps, keys))
    absent = [each for each in found if each.absent]
    different: dict[str, Held] = {}
    for each in found:
        if not each.absent:
            different.setdefault(json.dumps([each.value, each.size]), each)
    return Reading(
        path=_path(steps, keys),
        lines=tuple(sorted(set(lines))),
        through=tuple(sorted(set(through))),
        places=len(found),
        absent=len(absent),
        held=tuple([*absent[:_SHOWN], *different.values()][:_SHOWN]),
    )


def places(document: Any, steps: Steps, keys: Keys = NO_KEYS) -> Iterator[Held]:
    """What is at every place of a document that steps lead to; where a key is known, only there."""
    return _places(document, (), steps, keys)


def _places(value: Any, done: tuple[str, ...], steps: Steps, keys: Keys, at: Steps = ()) -> Iterator[Held]:
    """Every place of the document that steps lead to."""
    if value is _ABSENT:
        yield Held(path=_joined(done), absent=True)
    elif not steps:
        yield _held(_joined(done), value)
    elif steps[0] in (ITEM, COMPUTED, EACH):
        items = _items(value)
        known = keys.get(at)
        for key, item in items:
            if known is None or key in known:
                yield from _places(item, (*done, f"[{json.dumps(key)}]"), steps[1:], keys, (*at, steps[0]))
    else:
        key = steps[0].removeprefix('"')
        inner = value.get(key, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        yield from _places(inner, (*done, shown(("", steps[0]))), steps[1:], keys, (*at, steps[0]))


def _items(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def _held(path: str, value: Any) -> Held:
    if isinstance(value, list | Mapping):
        return Held(path=path, size=len(value))
    return Held(path=path, value=value)


def _joined(parts: Sequence[str]) -> str:
    return "".join(parts).removeprefix(".")


def _path(steps: Steps, keys: Keys) -> str:
    """The steps as a person writes them, with the key of an item where one is known."""
    parts = []
    for number, step in enumerate(steps):
        known = keys.get(steps[:number], frozenset()) if step in (ITEM, COMPUTED, EACH) else frozenset()
        if len(known) == 1:
            parts.append(f"[{json.dumps(next(iter(known)))}]")
        else:
            parts.append(step if step in (ITEM, COMPUTED, EACH) else shown(("", step)))
    return _joined(parts)

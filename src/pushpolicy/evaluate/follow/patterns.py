"""Whether a text can match several patterns at once: their automata, walked together.

What is not understood of a pattern counts as anything, so `apart` is certain where it says yes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

# Characters, as ranges of code points with both ends.
_Characters = tuple[tuple[int, int], ...]

_LAST = 0x10FFFF
_ANY: _Characters = ((0, _LAST),)
# Python and RE2 differ beyond ASCII, where each of these holds everything.
_BEYOND = (128, _LAST)
_CLASSES: dict[str, _Characters] = {
    "d": ((48, 57), _BEYOND),
    "D": ((0, 47), (58, _LAST)),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122), _BEYOND),
    "W": ((0, 47), (58, 64), (91, 94), (96, 96), (123, _LAST)),
    "s": ((9, 13), (32, 32), _BEYOND),
    "S": ((0, 8), (14, 31), (33, _LAST)),
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_REPEATED = re.compile(r"(?:\{(\d+)(?:(,)(\d*))?\}|([*+?]))\??")
# How large an automaton may be, and how far two are walked together.
_MOST_STATES, _MOST_STEPS = 3000, 20_000
# Up to which length it is known how long texts are.
_MOST_LENGTH = 300
# Where a walk is: before the first character; behind the last.
BEGIN, END = 1, 2


class _UnknownError(ValueError):
    """A pattern holds something that is not understood here."""


@lru_cache(maxsize=1024)
def apart(patterns: frozenset[str]) -> bool:
    """Whether no text matches all of these regular expressions; no, where that is not known."""
    automata = [automaton for pattern in sorted(patterns) if (automaton := _automaton(pattern))]
    return bool(automata) and not _meet(automata)


def inside(pattern: str) -> str | None:
    """What stands between `^` and `$`, where that is one expression for the whole text, and understood."""
    automaton = _automaton(pattern)
    whole = pattern[:1] == "^" and pattern[-1:] == "$" and pattern[-2:-1] != "\\"
    return pattern[1:-1] if whole and automaton and automaton.is_one else None


@lru_cache(maxsize=1024)
def lengths(pattern: str) -> tuple[int, float]:
    """How many characters a text has that matches, at least and at most."""
    automaton = _automaton(pattern)
    if automaton is None:
        return 0, math.inf
    states, found = automaton.reached({automaton.start}), list[int]()
    for length in range(_MOST_LENGTH):
        if automaton.end in states:
            found.append(length)
        states = automaton.reached({target for state in states for _, target in automaton.moves[state]})
        if not states:
            break
    return min(found, default=0), math.inf if states or not found else max(found)


def _meet(automata: Sequence[_Automaton]) -> bool:
    """Whether they can be walked to their ends by one text."""
    todo = [(BEGIN, tuple(automaton.start for automaton in automata))]
    seen = set(todo)
    while todo:
        where, states = todo.pop()
        if all(state == automaton.end for state, automaton in zip(states, automata, strict=True)):
            return True
        if len(seen) > _MOST_STEPS:
            return True  # not known
        for following in _following(where, states, automata):
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return False


def _following(
    where: int, states: tuple[int, ...], automata: Sequence[_Automaton]
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Where the walk may go on: BEGIN before the first character, END where none may follow, both or none."""
    for place, (state, automaton) in enumerate(zip(states, automata, strict=True)):
        for target in automaton.free[state]:
            yield where, (*states[:place], target, *states[place + 1 :])
        for anchor, target in automaton.anchors.get(state, ()):
            if anchor == END or where & BEGIN:
                yield where | anchor, (*states[:place], target, *states[place + 1 :])
    if where & END:
        return
    found: list[tuple[_Characters, tuple[int, ...]]] = [(_ANY, ())]
    for state, automaton in zip(states, automata, strict=True):
        found = [
            (common, (*targets, target))
            for characters, targets in found
            for wanted, target in automaton.moves[state]
            if (common := _common(characters, wanted))
        ]
    for _, targets in found:
        yield 0, targets


def _common(a: _Characters, b: _Characters) -> _Characters:
    return tuple(
        (max(low, least), min(high, most))
        for low, high in a
        for least, most in b
        if max(low, least) <= min(high, most)
    )


@lru_cache(maxsize=1024)
def _automaton(pattern: str) -> _Automaton | None:
    try:
        return _Automaton(pattern)
    except (_UnknownError, IndexError):
        return None


class _Automaton:
    """A regular expression that is searched in a text, as states and the moves between them."""

    def __init__(self, pattern: str) -> None:
        self.moves: list[list[tuple[_Characters, int]]] = []
        self.free: list[list[int]] = []
        # Moves that are free at the beginning of the text, or at its end.
        self.anchors: dict[int, list[tuple[int, int]]] = {}
        # Whether it is no choice between several.
        self.is_one = True
        self._text, self._at = pattern, 0
        self.start, self.end = self._state(), self._state()
        self._alternatives(self.start, self.end, is_outermost=True)
        if self._at < len(pattern):
            raise _UnknownError

    def reached(self, states: set[int]) -> set[int]:
        """Where one may be without a further character."""
        todo = list(states)
        while todo:
            state = todo.pop()
            for target in (*self.free[state], *(target for _, target in self.anchors.get(state, ()))):
                if target not in states:
                    states.add(target)
                    todo.append(target)
        return states

    def _state(self) -> int:
        if len(self.moves) > _MOST_STATES:
            raise _UnknownError
        self.moves.append([])
        self.free.append([])
        return len(self.moves) - 1

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _alternatives(self, start: int, end: int, is_outermost: bool = False) -> None:
        """`a|b|c`, up to the end of the group."""
        while True:
            here = start
            if is_outermost:
                here = self._anywhere(start, "^")
            while self._next() not in ("", "|", ")") and not (is_outermost and self._is_at_end()):
                here = self._repeated(here)
            if is_outermost:
                here = self._anywhere(here, "$")
            self.free[here].append(end)
            if self._next() != "|":
                return
            self._at += 1
            self.is_one &= not is_outermost

    def _is_at_end(self) -> bool:
        return self._next() == "$" and self._text[self._at + 1 : self._at + 2] in ("", "|")

    def _anywhere(self, state: int, anchor: str) -> int:
        """Anything may stand there, but where there is an anchor."""
        if self._next() == anchor:
            self._at += 1
            return state
        anything = self._state()
        self.free[state].append(anything)
        self.moves[anything].append((_ANY, anything))
        after = self._state()
        self.free[anything].append(after)
        return after

    def _repeated(self, start: int) -> int:
        """One item with its `*`, `+`, `?` or `{n,m}`; gives the state behind it."""
        begin = self._at
        end = self._item(start)
        match = _REPEATED.match(self._text, self._at)
        if match is None:
            return end
        after = match.end()
        least, comma, most, sign = match.groups()
        low = int(least) if least else int(sign == "+")
        high = {"*": None, "+": None, "?": 1}.get(sign, int(most) if most else None if comma else low)
        if low > 0:
            for _ in range(low - 1):
                end = self._again(begin, end)
        else:
            # The first was read to see where it ends, and may be left out.
            self.free[start].append(optional := self._state())
            self.free[end].append(optional)
            end, high = optional, high if high is None else max(high - 1, 0)
        if high is None:
            around = self._state()
            self.free[end].append(around)
            self.free[self._again(begin, around)].append(around)
            end = around
        else:
            for _ in range(high - max(low, 0)):
                following = self._again(begin, end)
                self.free[end].append(following)
                end = following
        self._at = after
        return end

    def _again(self, begin: int, start: int) -> int:
        self._at = begin
        return self._item(start)

    def _item(self, start: int) -> int:
        end, character = self._state(), self._next()
        self._at += 1
        if character == "(":
            if self._next() == "?":
                if self._text[self._at : self._at + 2] != "?:":
                    raise _UnknownError
                self._at += 2
            self._alternatives(start, end)
            if self._next() != ")":
                raise _UnknownError
            self._at += 1
        elif character == "[":
            self.moves[start].append((self._set(), end))
        elif character == ".":
            self.moves[start].append((_ANY, end))
        elif character == "\\":
            self.moves[start].append((self._escaped(), end))
        elif character in ("^", "$") and not _REPEATED.match(self._text, self._at):
            self.anchors.setdefault(start, []).append((BEGIN if character == "^" else END, end))
        elif character in "^$*+?{":
            raise _UnknownError
        else:
            self.moves[start].append((((ord(character), ord(character)),), end))
        return end

    def _escaped(self) -> _Characters:
        character = self._text[self._at]
        self._at += 1
        if character in _CLASSES:
            return _CLASSES[character]
        if character.isalnum() and character not in _CONTROLS:
            raise _UnknownError
        code = ord(_CONTROLS.get(character, character))
        return ((code, code),)

    def _set(self) -> _Characters:
        """`[a-z_]`, behind its bracket."""
        is_negated = self._next() == "^"
        self._at += is_negated
        found: list[tuple[int, int]] = []
        while (character := self._text[self._at]) != "]" or not found:
            self._at += 1
            if character == "[" or (character == "]" and not found):
                raise _UnknownError
            low = self._escaped() if character == "\\" else ((ord(character), ord(character)),)
            if self._next() == "-" and self._text[self._at + 1] != "]":
                high = self._text[self._at + 1]
                if high in "\\[" or len(low) > 1:
                    raise _UnknownError
                low = ((low[0][0], ord(high)),)
                self._at += 2
            found += low
        self._at += 1
        return _others(found) if is_negated else tuple(found)


def _others(ranges: Iterable[tuple[int, int]]) -> _Characters:
    found, start = list[tuple[int, int]](), 0
    for low, high in sorted(ranges):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return (*found, (start, _LAST)) if start <= _LAST else tuple(found)

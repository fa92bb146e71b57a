"""The path patterns of .gitattributes and of sparse checkouts (gitignore(5), "Pattern format")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "digit": "0-9",
    "lower": "a-z",
    "space": "\\s",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}
_BRACKET = re.compile(r"\[(?P<no>[!^]?)(?P<body>\]?(?:\[:\w+:\]|\\.|[^\]\\])*)\]", re.DOTALL)
_MEMBER = re.compile(r"\[:(?P<name>\w+):\]|\\(?P<escaped>.)|(?P<plain>.)", re.DOTALL)


class Pattern:
    """One pattern; matched segment by segment, so that no pattern takes more than pattern times path steps.

    Attributes:
        negative: it begins with an exclamation mark.
        folder_only: it ends with a slash.
    """

    def __init__(self, text: str) -> None:
        self.negative = text.startswith("!")
        text = text.removeprefix("!")
        self.folder_only = text.endswith("/")
        text = text.removesuffix("/")
        parts = text.removeprefix("/").split("/")
        if "/" not in text:
            parts.insert(0, "**")  # without a slash it matches at every depth
        if parts[-1] == "**":
            parts.append("*")  # at the end it matches what lies below, not the folder itself
        self._parts = parts

    def matches(self, path: Sequence[str]) -> bool:
        """Whether it matches a path, given as its segments from the folder of the pattern."""
        part = place = 0
        resume: tuple[int, int] | None = None  # after the last `**`, and the place it reaches to
        while place < len(path):
            if part < len(self._parts) and self._parts[part] == "**":
                part += 1
                resume = (part, place)
            elif part < len(self._parts) and _segment(self._parts[part]).fullmatch(path[place]):
                part, place = part + 1, place + 1
            elif resume is None:
                return False
            else:
                resume = (resume[0], resume[1] + 1)
                part, place = resume
        return part == len(self._parts)


@cache
def _segment(glob: str) -> re.Pattern[str]:
    """A regular expression for one segment.

    Each star takes as little as the text up to the next star allows, and is not tried again: within one
    segment a later place could not match more.
    """
    pieces = [""]
    place = 0
    while place < len(glob):
        char = glob[place]
        bracket = _BRACKET.match(glob, place) if char == "[" else None
        if char == "*":
            pieces.append("")
        elif char == "?":
            pieces[-1] += "."
        elif bracket:
            pieces[-1] += _bracket(bracket)
            place = bracket.end() - 1
        else:
            if char == "\\" and place + 1 < len(glob):
                place += 1
            pieces[-1] += re.escape(glob[place])
        place += 1
    first, *rest = pieces
    if not rest:
        return re.compile(first, re.DOTALL)
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1] if piece)
    return re.compile(f"{first}{middle}.*{rest[-1]}", re.DOTALL)


def _bracket(found: re.Match[str]) -> str:
    """A character class; one that git does not know either matches nothing."""
    members = []
    for member in _MEMBER.finditer(found["body"]):
        if name := member["name"]:
            if name not in _CLASSES:
                return "(?!)"
            members.append(_CLASSES[name])
        else:
            members.append(member["plain"] if member["plain"] == "-" else re.escape(member[0][-1]))
    try:
        text = f"[{'^' if found['no'] else ''}{''.join(members)}]"
        re.compile(text)
    except re.error:
        return "(?!)"
    return text


class SparsePatterns:
    """Which files belong to a sparse checkout (git-sparse-checkout(1)).

    The last pattern decides that matches the file or, where none does, the nearest folder above it. Read so,
    the patterns of a cone mean what git reads into them.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._patterns = [Pattern(line) for line in lines if line and not line.startswith("#")][::-1]
        self._folder = cache(self._decide_folder)

    def include(self, path: str) -> bool:
        """Whether a file belongs to it."""
        decided = self._decide(path, is_folder=False)
        return self._folder(path.rpartition("/")[0]) if decided is None else decided

    def _decide_folder(self, path: str) -> bool:
        while path:
            decided = self._decide(path, is_folder=True)
            if decided is not None:
                return decided
            path = path.rpartition("/")[0]
        return False

    def _decide(self, path: str, *, is_folder: bool) -> bool | None:
        segments = path.split("/")
        for pattern in self._patterns:
            if (is_folder or not pattern.folder_only) and pattern.matches(segments):
                return not pattern.negative
        return None

"""The path patterns of .gitattributes and of sparse checkouts (gitignore(5), "Pattern format")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from pushpolicy.gather.checkout.effort import Effort
from pushpolicy.gather.checkout.program import GitError
from pushpolicy.model.expressions import expression

# Of one file, those that need a regular expression: a tenth of a millisecond each.
MAX_WILD = 10_000
_MAX_LENGTH = 4096
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
_BRACKET = expression(r"\[(?P<no>[!^]?)(?P<body>\]?(?:\[:\w+:\]|\\.|[^\]\\])*)\]", re.DOTALL)
_MEMBER = expression(r"\[:(?P<name>\w+):\]|\\(?P<escaped>.)|(?P<plain>.)", re.DOTALL)
_WILD = expression(r"[*?\[\\]")
# A segment and its place from the end of a path; or how a path begins (-1) or ends (-2).
_Key = tuple[int, str]
_BEGINS, _ENDS = -1, -2


class Pattern:
    """One pattern; matched segment by segment, so that no pattern takes more than pattern times path steps.

    Attributes:
        negative: it begins with an exclamation mark.
        folder_only: it ends with a slash.
    """

    def __init__(self, text: str) -> None:
        if len(text) > _MAX_LENGTH:
            raise GitError(f"a pattern of .gitattributes or sparse-checkout is over {_MAX_LENGTH} long")
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
            elif part < len(self._parts) and _matcher(self._parts[part])(path[place]):
                part, place = part + 1, place + 1
            elif resume is None:
                return False
            else:
                resume = (resume[0], resume[1] + 1)
                part, place = resume
        return part == len(self._parts)

    @property
    def is_wild(self) -> bool:
        """Whether it takes a regular expression to match it."""
        return any(_WILD.search(part.removeprefix("*")) for part in self._parts if part != "**")

    @property
    def key(self) -> _Key | None:
        """What every path has that it matches; None where nothing is known of them."""
        for place, part in enumerate(reversed(self._parts)):
            if part == "**":
                break
            if not _WILD.search(part):
                return place, part
            if place == 0 and part.startswith("*") and len(part) > 1 and not _WILD.search(part[1:]):
                return _ENDS, part[1:]
        return None if _WILD.search(self._parts[0]) else (_BEGINS, self._parts[0])


class Patterns:
    """Patterns in their order, of which only those are tried that a path may match.

    Raises:
        GitError: when too many of them need a regular expression.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._patterns = tuple(patterns)
        self._by_key: dict[_Key | None, list[int]] = {}
        for number, pattern in enumerate(self._patterns):
            self._by_key.setdefault(pattern.key, []).append(number)
        if sum(pattern.is_wild for pattern in self._patterns) > MAX_WILD:
            raise GitError(
                f"over {MAX_WILD} patterns of .gitattributes or sparse-checkout have wildcards beyond *.end"
            )

    def matching(self, path: Sequence[str], effort: Effort) -> Iterator[int]:
        """The numbers of those that match a path, the last first.

        Raises:
            GitError: when the effort is spent.
        """
        if not self._patterns:
            return
        name = path[-1]
        keys: list[_Key | None] = [None, (_BEGINS, path[0])]
        keys += enumerate(reversed(path))
        keys += [(_ENDS, name[at:]) for at in range(len(name))]
        tried = [number for key in keys for number in self._by_key.get(key, ())]
        for number in sorted(tried, reverse=True):
            effort.spend(1)
            if self._patterns[number].matches(path):
                yield number


@cache
def _matcher(glob: str) -> Callable[[str], object]:
    """Whether a segment matches; what needs no regular expression gets none."""
    if not _WILD.search(glob):
        return glob.__eq__
    if glob.startswith("*") and not _WILD.search(end := glob[1:]):
        return lambda name: name.endswith(end)
    return _segment(glob).fullmatch


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
        patterns = [Pattern(line) for line in lines if line and not line.startswith("#")]
        of_files = [pattern for pattern in patterns if not pattern.folder_only]
        self._of_files, self._includes_file = Patterns(of_files), [not each.negative for each in of_files]
        self._of_folders, self._includes_folder = Patterns(patterns), [not each.negative for each in patterns]
        self._folders = {"": False}

    def include(self, path: str, effort: Effort) -> bool:
        """Whether a file belongs to it.

        Raises:
            GitError: when the effort is spent.
        """
        for number in self._of_files.matching(path.split("/"), effort):
            return self._includes_file[number]
        return self._includes(path.rpartition("/")[0], effort)

    def _includes(self, folder: str, effort: Effort) -> bool:
        above = []
        while folder not in self._folders:
            above.append(folder)
            folder = folder.rpartition("/")[0]
        for below in reversed(above):
            last = next(self._of_folders.matching(below.split("/"), effort), None)
            self._folders[below] = self._folders[folder] if last is None else self._includes_folder[last]
            folder = below
        return self._folders[folder]

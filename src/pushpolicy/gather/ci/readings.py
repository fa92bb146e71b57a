"""How a text that a CI system says becomes a value, whatever the system: the words of its tables.

The first line of each docstring is what docs/ci.md says of a source that is read so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlsplit

from pushpolicy.model.text import printable
from pushpolicy.reports.parsing import values

Value = str | int | bool
Reading = Callable[[str], Value | None]

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SSH = re.compile(r"[\w.-]+@[\w.-]+:(?P<path>.+)")
_NOT_SHOWN = frozenset({"Cc", "Cf", "Co", "Cn", "Zl", "Zp", "Zs"})
_WORD = re.compile(r"[^\W\d_]+")
# Two letters of one word that come from different ones of these alphabets look like one another.
_ALPHABETS = frozenset({"ARMENIAN", "CHEROKEE", "CYRILLIC", "GREEK", "LATIN"})


class CiError(Exception):
    """The environment of a CI system lacks something, or contradicts itself."""


def plain(said: str) -> str | None:
    """As it is."""
    return said


def name(said: str) -> str:
    """As it is, if it shows as what it is.

    Raises:
        CiError: when it holds what does not show, or letters that look like others.
    """
    for char in said:
        if char != " " and unicodedata.category(char) in _NOT_SHOWN:
            raise CiError(f"{_shown(said)} holds a character that does not show, U+{ord(char):04X}")
    if unicodedata.normalize("NFKC", said) != unicodedata.normalize("NFC", said):
        raise CiError(f"{_shown(said)} holds characters that are written like others")
    for word in _WORD.findall(said):
        mixed = sorted(_ALPHABETS & {unicodedata.name(char, "").partition(" ")[0] for char in word})
        if len(mixed) > 1:
            raise CiError(f"{_shown(said)} mixes letters that look alike ({' and '.join(mixed).title()})")
    return said


def commit(said: str) -> str | None:
    """A full hash; zeros are none.

    Raises:
        CiError: when it is something else.
    """
    if not _COMMIT.fullmatch(said):
        raise CiError("the commit that the CI system names is not a full hash")
    return said if said.strip("0") else None


def boolean(said: str) -> bool | None:
    """True or false; 1 and 0 are the same."""
    return {"true": True, "false": False, "1": True, "0": False}.get(said.lower())


def number(said: str) -> int | None:
    """A number; anything else is none."""
    return values.count(said)


def branch(said: str) -> str | None:
    """What follows refs/heads/."""
    return _after(said, "refs/heads/")


def tag(said: str) -> str | None:
    """What follows refs/tags/."""
    return _after(said, "refs/tags/")


def short_branch(said: str) -> str | None:
    """A branch, with or without refs/heads/ or origin/ before it."""
    return name(said.removeprefix("refs/heads/").removeprefix("origin/")) or None


def after(prefix: str) -> Reading:
    """What follows a prefix; a text without it says nothing."""

    def read(said: str) -> str | None:
        return _after(said, prefix)

    read.__doc__ = f"What follows {prefix}."
    return read


def numbered(prefix: str) -> Reading:
    """A number that follows a prefix."""

    def read(said: str) -> int | None:
        return values.count(said.removeprefix(prefix)) if said.startswith(prefix) else None

    read.__doc__ = f"The number that follows {prefix}."
    return read


def repository(said: str) -> str | None:
    """The path of an address, as OWNER/NAME, with or without .git at its end."""
    match = _SSH.fullmatch(said)
    if match is None and "://" not in said:
        return name(said)
    path = match["path"] if match else unquote(urlsplit(said).path)
    return name(path.strip("/").removesuffix(".git")) or None


def words(known: Mapping[str, Value], other: Value | None = None) -> Reading:
    """One of some words, in any case; `other` stands for every other one."""

    def read(said: str) -> Value | None:
        return known.get(said.lower(), other)

    told = [f"{word} is {value}".lower() for word, value in known.items()]
    read.__doc__ = ", ".join([*told, *([f"else {other}".lower()] if other is not None else [])])
    return read


def _after(said: str, prefix: str) -> str | None:
    return (name(said.removeprefix(prefix)) or None) if said.startswith(prefix) else None


def _shown(said: str) -> str:
    return printable("".join(char if char.isascii() else f"\\u{ord(char):04x}" for char in said), 100)

"""Foreign text, made harmless for a terminal or a log (design section 10)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from pushpolicy.model.expressions import expression

# Control characters, format characters (bidirectional overrides), surrogates, line separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


# What a CI runner reads out of a job's log: `::name::` at the start of a line (GitHub), and `##[name]` or
# `##vso[...]` anywhere in it (GitHub, Azure Pipelines, TeamCity).
_COMMAND = expression(r"^(\s*):(?=:)|##[a-z]*(\[)", re.IGNORECASE)


def is_unsafe(character: str) -> bool:
    """Whether it is one that is not shown, and that a terminal may obey."""
    return unicodedata.category(character) in _UNSAFE


def printable(text: str, limit: int = 200) -> str:
    """The text on one line, of at most `limit` characters: nothing that a terminal or CI runner acts on."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if not (cut.isascii() and cut.isprintable()):
        cut = "".join(_escape(char) for char in cut)
    if "::" in cut or "##" in cut:
        # The last character of what a runner would read is written as its code.
        cut = _COMMAND.sub(lambda found: f"{found[0][:-1]}\\x{ord(found[0][-1]):02x}", cut)
    return cut


def quoted(text: str) -> str:
    """The whole text in double quotes, as YAML reads it; nothing in it acts on a terminal or CI runner."""
    return f'"{"".join(map(_yaml_escape, text))}"'


def nearest(name: str, known: Iterable[str]) -> str:
    """What a misspelt name may have been, as the end of a message; empty where nothing is near."""
    from difflib import get_close_matches  # only a mistake needs it

    found = get_close_matches(name, list(known), n=1)
    return f" (is {printable(found[0])} meant?)" if found else ""


def first_of(items: Sequence[str], most: int) -> str:
    """The first `most` of them, separated by commas, and how many more there are."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def _escape(char: str) -> str:
    if char in "\t\r\n":
        return " "
    if unicodedata.category(char) in _UNSAFE:
        # Without a codec, which the process that reads reports could not load.
        mark, width = ("x", 2) if char < "\u0100" else ("u", 4) if char < "\U00010000" else ("U", 8)
        return f"\\{mark}{ord(char):0{width}x}"
    return char


def _yaml_escape(char: str) -> str:
    if char == "#":  # `##[` is a command to some runners
        return "\\x23"
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"

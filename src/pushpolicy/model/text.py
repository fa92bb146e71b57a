"""Foreign text, made harmless for a terminal or a log (design section 10)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

# Control characters, format characters (bidirectional overrides), surrogates, line separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def printable(text: str, limit: int = 200) -> str:
    """The text on one line, of at most `limit` characters, with nothing a terminal would act on."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(_escape(char) for char in cut)


def first_of(items: Sequence[str], most: int) -> str:
    """The first `most` of them, separated by commas, and how many more there are."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def _escape(char: str) -> str:
    if char in "\t\r\n":
        return " "
    if unicodedata.category(char) in _UNSAFE:
        return char.encode("unicode_escape", "surrogatepass").decode("ascii")
    return char

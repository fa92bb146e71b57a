"""Markdown, as far as the generated pages need it."""

from __future__ import annotations

import re

# Code as CommonMark takes it: as many backticks after it as before it, none of them with a backslash.
_CODE = re.compile(r"((?<![`\\])(`+)(?!`).*?(?<!`)\2(?!`))", re.DOTALL)


def row(*cells: str) -> str:
    """One line of a table."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def prose(text: str) -> str:
    """What somebody wrote, of which no tag is to come through: `<` is itself, as it is within code anyway."""
    parts = _CODE.split(text)
    # Of three parts each, the second is code, and the third its backticks.
    parts[::3] = [part.replace("<", r"\<") for part in parts[::3]]
    parts[2::3] = [""] * len(parts[2::3])
    return "".join(parts)

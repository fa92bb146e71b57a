"""HTML from text and from other HTML, which are told apart by their types: text is always escaped."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import NewType
from urllib.parse import urlsplit

from pushpolicy.cli.formats.page import Cell, Tone
from pushpolicy.gather.ci import SYSTEMS
from pushpolicy.model.text import printable

Html = NewType("Html", str)

# A mark for each tone, told by its shape, and what a screen reader says of it.
_MARKS = {
    Tone.GOOD: ("✓", ""),
    Tone.BAD: ("✕", ""),
    Tone.DOUBT: ("!", ""),
    Tone.STRICTER: ("▲", "stricter: "),
    Tone.LOOSER: ("▽", "looser: "),
}
# A date or a name is not broken.
_BRIEF = 22
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_VOID = frozenset({"meta"})


def text(value: object, limit: int = 300) -> Html:
    """Any text, made harmless: of at most `limit` characters, and nothing in it that is not seen."""
    return Html(escape(printable(str(value), limit), quote=True))


def tag(element: str, /, *content: Html, **attributes: object) -> Html:
    """An element. Attributes are text; ``class_`` is class, ``aria_label`` is aria-label."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(content)
    end = "" if element in _VOID else f"</{element}>"
    return Html(f"<{element}{written}>{inner}{end}")


def join(*parts: Html) -> Html:
    """One after the other."""
    return Html("".join(parts))


def cell(given: Cell, limit: int = 300) -> Html:
    """The text of a cell with its mark, and as a link where that is one which is followed."""
    place = given.link or ""
    is_here, is_away = place.startswith("#"), is_followed(place)
    said = printable(given.linked if is_away and given.linked else given.text, limit)
    brief = " brief" if len(said) <= _BRIEF else ""
    # A digest may be cut where it is seen, and is whole where it is copied.
    kind = " digest" if _DIGEST.fullmatch(said) else brief
    inner = tag("code" if given.code else "bdi", text(said, limit), class_=kind.strip() or None)
    if is_here or is_away:
        inner = tag("a", inner, href=place, rel="noreferrer" if is_away else None)
    if given.tone not in _MARKS:
        return inner
    mark, said = _MARKS[given.tone]
    hidden = tag("span", text(said), class_="said") if said else Html("")
    sign = tag("span", Html(mark), class_="mark", aria_hidden="true")
    return tag("span", sign, hidden, inner, class_=f"tone {given.tone}{brief}")


def is_followed(address: str) -> bool:
    """Whether an address is one that a page may link to: https, on a host that a CI system is known by.

    What a record says its run's address is, anybody may have written who wrote the record.
    """
    if not (address.isascii() and address.isprintable()) or set(address) & set(" \\\"'<>`"):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    # The whole of it: no user, no port.
    return parts.scheme == "https" and parts.netloc in _hosts()


@cache
def _hosts() -> frozenset[str]:
    return frozenset(host for system in SYSTEMS for host in system.hosts)

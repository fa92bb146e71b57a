"""The page about the rules of a set as HTML: of Markdown what `reference` writes, and nothing else.

Everything that a rule says is text: no tag of it, and no address, comes through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import groupby

_CELLS = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`([^`]*)`")
_INLINE = (
    (re.compile(r"(?<!\\)\*\*(.+?)\*\*"), r"<b>\1</b>"),
    (re.compile(r"\[(\w+)\]\(#(\w+)\)"), r'<a href="#\2">\1</a>'),
    (re.compile(r"\\([*|]|&lt;)"), r"\1"),
)
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto }}
td, th {{ text-align: left; vertical-align: top; padding-right: 1em }}
</style>
{body}
</html>
"""


def as_html(title: str, markdown: str) -> str:
    """One file that loads nothing.

    Args:
        title: the page's, and its first heading.
        markdown: headings, lists, tables and paragraphs, as `reference.rules_page` writes them.
    """
    blocks = [f"<h1>{escape(title)}</h1>"]
    for kind, lines in groupby(markdown.splitlines(), _kind):
        blocks += _block(kind, list(lines))
    return _PAGE.format(title=escape(title), body="\n".join(blocks))


def _kind(line: str) -> str:
    return next((start for start in ("## ", "- ", "|") if line.startswith(start)), "" if not line else "p")


def _block(kind: str, lines: list[str]) -> Iterator[str]:
    match kind:
        case "## ":
            for name in (escape(line.removeprefix("## ")) for line in lines):
                yield f'<h2 id="{name}">{name}</h2>'
        case "- ":
            yield "<ul>"
            yield from (f"<li>{_inline(line.removeprefix('- '))}</li>" for line in lines)
            yield "</ul>"
        case "|":
            yield "<table>"
            head, _, *rows = lines
            yield _row("th", head)
            yield from (_row("td", row) for row in rows)
            yield "</table>"
        case "p":
            yield f"<p>{_inline(' '.join(lines))}</p>"


def _row(tag: str, line: str) -> str:
    cells = (_inline(cell.strip()) for cell in _CELLS.split(line.strip("|")))
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"


def _inline(text: str) -> str:
    """What stands between backticks is taken as it is."""
    parts = [escape(part) for part in _CODE.split(text)]
    parts[1::2] = [f"<code>{part}</code>" for part in parts[1::2]]
    for pattern, replacement in _INLINE:
        parts[::2] = [pattern.sub(replacement, part) for part in parts[::2]]
    return "".join(parts)

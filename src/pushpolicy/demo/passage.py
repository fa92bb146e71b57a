"""What the demo shows: passages of text, commands, and output made to fit a terminal of 80 by 24."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from itertools import accumulate, chain

import msgspec

from pushpolicy.demo.shell import COLUMNS, Shell

# A digest by its first twelve digits, as docker shows it: 64 fill a line of a terminal.
_DIGEST = re.compile(r"(\bsha256:[0-9a-f]{12})[0-9a-f]{52}\b")


class Kind(StrEnum):
    """What a passage is, for whoever shows it."""

    TITLE = "title"
    TEXT = "text"
    COMMAND = "command"
    OUTPUT = "output"


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """Some lines of the story, without a final newline; a title starts a new screen."""

    kind: Kind
    text: str


def title(text: str) -> Passage:
    """The start of a step."""
    return Passage(kind=Kind.TITLE, text=text)


def text(text: str) -> Passage:
    """An explanation."""
    return Passage(kind=Kind.TEXT, text=text)


def ran(shell: Shell, command: str, *, code: int = 0, rows: int | None = None) -> Iterator[Passage]:
    """The command, then, once it has run, its output.

    Args:
        shell: where to run it.
        command: the command line.
        code: the exit code the story tells of.
        rows: how many lines of a terminal the output may fill; None for all it takes.

    Raises:
        UnexpectedExitError: when the exit code is another one; the whole output is shown before.
    """
    yield Passage(kind=Kind.COMMAND, text=command)
    done = shell.run(command)
    if done.output.strip():
        yield Passage(kind=Kind.OUTPUT, text=fitted(done.output, rows if done.code == code else None))
    done.expect(code)


def fitted(output: str, rows: int | None = None) -> str:
    """The output with digests shortened and long lines folded; a last line tells what is left out."""
    lines = [_folded(line) for line in _DIGEST.sub(r"\1…", output).strip("\n").splitlines()]
    filled = list(accumulate(map(len, lines)))
    if rows is None or filled[-1] <= rows:
        return "\n".join(chain(*lines))
    kept = sum(row < rows for row in filled)
    return "\n".join([*chain(*lines[:kept]), f"... and {len(lines) - kept} more lines"])


def _folded(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.wrap(line, COLUMNS, subsequent_indent=indent, break_on_hyphens=False) or [""]

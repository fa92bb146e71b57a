"""Files of properties, as Java's Properties.store writes them and TeamCity hands them to a build.

There are two: that of the build, and that of its configuration, which the first names. They hold passwords
too; only what a table asks for is shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pushpolicy.gather.ci.event_file import Payload
from pushpolicy.gather.ci.readings import CiError
from pushpolicy.model.text import printable
from pushpolicy.reports.file import open_report
from pushpolicy.reports.format import ReportError

_MAX_SIZE = 4 * 1024 * 1024
_CONFIGURATION = "teamcity.configuration.properties.file"
# java.util.Properties, load: a key ends at = : or white space, where no backslash stands before.
_PAIR = re.compile(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_BLANK = " \t\f"


class Properties(Payload, frozen=True):
    """What the files of a build say, by the names of the properties."""

    @classmethod
    def read(cls, variable: str | None, environ: Mapping[str, str]) -> Self:
        """Read the file that a variable names, and the one that it names; what is not there says nothing.

        Raises:
            CiError: when one cannot be read, or they say two things of one property.
        """
        build = _read(environ.get(variable) if variable else None)
        configuration = _read(build.get(_CONFIGURATION))
        for name in build.keys() & configuration.keys():
            if build[name] != configuration[name]:
                raise CiError(f"the two files of properties differ in {printable(name, 100)}")
        return cls({**build, **configuration})

    def at(self, path: str) -> Any:
        """The value of a property; of all that begin so, where the path ends in *, if they have one value."""
        if not path.endswith("*"):
            return self.content.get(path)
        values = {value for name, value in self.content.items() if name.startswith(path[:-1])}
        return values.pop() if len(values) == 1 else None


def parse(text: str) -> dict[str, str]:
    """The properties of a file (java.util.Properties, load).

    Raises:
        ValueError: when one comes twice, or an escape is none.
    """
    found: dict[str, str] = {}
    for number, line in _lines(text):
        match = _PAIR.fullmatch(line)
        if match is None:
            raise ValueError(f"line {number} ends in a backslash")
        name, value = (_unescaped(part, number) for part in match.groups())
        if name in found:
            raise ValueError(f"line {number} says a property again: {printable(name, 100)}")
        found[name] = value
    return found


def _read(path: str | None) -> dict[str, str]:
    if not path or not os.path.lexists(path):
        return {}
    try:
        with open_report(Path(path), _MAX_SIZE) as file:
            return parse(file.content().decode("latin-1"))
    except (ReportError, ValueError) as error:
        raise CiError(f"the file of properties {printable(path, 200)}: {error}") from error


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Each logical line with the number of its first; a line goes on after an odd number of backslashes."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        rest = line.lstrip(_BLANK)
        if not parts:
            if not rest or rest[0] in "#!":
                continue
            first = number
        goes_on = (len(rest) - len(rest.rstrip("\\"))) % 2
        parts.append(rest[:-1] if goes_on else rest)
        if not goes_on:
            yield first, "".join(parts)
            parts = []
    if parts:
        raise ValueError(f"line {first} goes on after the end")


def _unescaped(text: str, number: int) -> str:
    def one(match: re.Match[str]) -> str:
        said = match[1]
        if said == "u":
            raise ValueError(f"line {number} holds an escape that is none")
        return chr(int(said[1:], 16)) if len(said) > 1 else _LETTERS.get(said, said)

    # Java writes a character beyond the first 65,536 as two.
    return _ESCAPE.sub(one, text).encode("utf-16", "surrogatepass").decode("utf-16")

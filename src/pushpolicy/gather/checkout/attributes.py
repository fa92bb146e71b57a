"""What gitattributes(5) of a commit say that changes how a file looks in a work tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

import msgspec

from pushpolicy.gather.checkout.objects import Objects
from pushpolicy.gather.checkout.patterns import Pattern
from pushpolicy.gather.checkout.tree import FILE, PROGRAM, Folder

_MAX_FILE = 1024 * 1024
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*')
_ESCAPE = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)
_CONTROLS = dict(zip("abtnvfr", "\a\b\t\n\v\f\r", strict=True))
_Values = dict[str, str | bool | None]
_Line = tuple[Pattern | None, tuple[tuple[str, str | bool | None], ...]]


class Attributes(msgspec.Struct, frozen=True, kw_only=True):
    """What is done to a file when it is checked out.

    Attributes:
        line_endings: "text": they may be others; "auto": the same, if it is no binary file; None: they stay.
        encoding: the file's, where the commit holds UTF-8.
        is_ident: whether $Id$ is expanded.
        filter: the name of the program that writes it.
    """

    line_endings: str | None = None
    encoding: str | None = None
    is_ident: bool = False
    filter: str | None = None


class AttributeFiles:
    """The .gitattributes of a commit; read as far as they are needed.

    Args:
        autocrlf: the setting core.autocrlf, which holds where no attribute says anything.
    """

    def __init__(self, objects: Objects, folders: Mapping[str, Folder], *, autocrlf: bool) -> None:
        self._objects, self._folders, self._autocrlf = objects, folders, autocrlf
        self._lines = cache(self._read)

    def of(self, path: str) -> Attributes:
        """The attributes of a file.

        Raises:
            GitError: when a .gitattributes that matters cannot be read.
        """
        segments = path.split("/")
        macros = {"binary": (("diff", False), ("merge", False), ("text", False))}
        values: _Values = {}
        for depth in range(len(segments)):
            for pattern, assigned in self._lines("/".join(segments[:depth])):
                if pattern is None:
                    if depth == 0:
                        macros[str(assigned[0][1])] = assigned[1:]  # type: ignore[assignment]
                elif pattern.matches(segments[depth:]):
                    _assign(values, assigned, macros)
        return _interpreted(values, autocrlf=self._autocrlf)

    def _read(self, folder: str) -> list[_Line]:
        entry = self._folders.get(folder, {}).get(".gitattributes")
        if entry is None or entry.mode not in (FILE, PROGRAM):
            return []  # git follows no link here
        content = self._objects.read(entry.name, "blob", _MAX_FILE)
        return [*_parsed(content.decode("utf-8", "surrogateescape").removeprefix("\ufeff"))]


def _parsed(text: str) -> Iterator[_Line]:
    for raw in text.split("\n"):
        line = raw.strip(" \t\r")
        if not line or line.startswith("#"):
            continue
        if quoted := _QUOTED.match(line):
            glob, rest = _ESCAPE.sub(_unescaped, quoted[1]), line[quoted.end() :]
        else:
            glob, *more = line.split(None, 1)
            rest = more[0] if more else ""
        assigned = tuple(map(_assignment, rest.split()))
        if glob.startswith("[attr]"):
            yield None, (("", glob.removeprefix("[attr]")), *assigned)
        elif not glob.startswith("!") and not (pattern := Pattern(glob)).folder_only:
            yield pattern, assigned


def _unescaped(found: re.Match[str]) -> str:
    if found[1][0] in "01234567" and len(found[1]) == 3:
        return bytes([int(found[1], 8) & 255]).decode("utf-8", "surrogateescape")
    return _CONTROLS.get(found[1], found[1])


def _assignment(word: str) -> tuple[str, str | bool | None]:
    if word[0] in "-!":
        return word[1:], False if word[0] == "-" else None
    name, equals, value = word.partition("=")
    return name, value if equals else True


def _assign(
    values: _Values,
    assigned: tuple[tuple[str, str | bool | None], ...],
    macros: Mapping[str, tuple[tuple[str, str | bool | None], ...]],
    depth: int = 0,
) -> None:
    for name, value in assigned:
        values[name] = value
        if value is True and name in macros and depth < 8:
            _assign(values, macros[name], macros, depth + 1)


def _interpreted(values: _Values, *, autocrlf: bool) -> Attributes:
    text = values.get("text")
    if text is None:
        # The older name of the attribute.
        text = "input" if (old := values.get("crlf")) == "input" else old
    if text is None and values.get("eol") in ("lf", "crlf"):
        text = True
    if text in (True, "input"):
        endings: str | None = "text"
    elif text == "auto" or (text is not False and autocrlf):
        endings = "auto"
    else:
        endings = None
    encoding, program = values.get("working-tree-encoding"), values.get("filter")
    return Attributes(
        line_endings=endings,
        encoding=encoding if isinstance(encoding, str) else None,
        is_ident=values.get("ident") is True,
        filter=program if isinstance(program, str) else None,
    )

"""What gitattributes(5) of a commit say that changes how a file looks in a work tree."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping

import msgspec

from pushpolicy.gather.checkout.effort import Effort
from pushpolicy.gather.checkout.objects import Objects
from pushpolicy.gather.checkout.patterns import Pattern, Patterns
from pushpolicy.gather.checkout.program import GitError
from pushpolicy.gather.checkout.tree import FILE, PROGRAM, Folder

_MAX_FILE = 1024 * 1024
_MAX_FILES = 4 * _MAX_FILE
# Git passes over a longer one, too (attr.h, ATTR_MAX_LINE_LENGTH).
_MAX_LINE = 2048
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*')
_ESCAPE = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)
_CONTROLS = dict(zip("abtnvfr", "\a\b\t\n\v\f\r", strict=True))
_Assigned = tuple[tuple[str, str | bool | None], ...]
_Values = dict[str, str | bool | None]
# A line that defines a macro has its name in place of a pattern.
_Line = tuple[Pattern | str, _Assigned]


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


class _File(msgspec.Struct, frozen=True):
    """One .gitattributes: its patterns, what each assigns, and the macros it defines."""

    patterns: Patterns
    assigned: tuple[_Assigned, ...]
    macros: Mapping[str, _Assigned]


class AttributeFiles:
    """The .gitattributes of a commit; read as far as they are needed, from several threads.

    Args:
        effort: what comparing paths with patterns may take.
        autocrlf: the setting core.autocrlf, which holds where no attribute says anything.
    """

    def __init__(
        self, objects: Objects, folders: Mapping[str, Folder], effort: Effort, *, autocrlf: bool
    ) -> None:
        self._objects, self._folders, self._effort, self._autocrlf = objects, folders, effort, autocrlf
        self._files: dict[str, _File] = {}
        self._size = 0
        self._lock = threading.Lock()

    def of(self, path: str) -> Attributes:
        """The attributes of a file.

        Raises:
            GitError: when a .gitattributes that matters cannot be read, or they are too many.
        """
        segments = path.split("/")
        macros = {"binary": (("diff", False), ("merge", False), ("text", False)), **self._file("").macros}
        values: _Values = {}
        for depth in reversed(range(len(segments))):
            file = self._file("/".join(segments[:depth]))
            for number in file.patterns.matching(segments[depth:], self._effort):
                _assign(values, file.assigned[number], macros)
                self._effort.spend(len(file.assigned[number]) + len(values))
        return _interpreted(values, autocrlf=self._autocrlf)

    def _file(self, folder: str) -> _File:
        with self._lock:
            if folder not in self._files:
                lines = [*_parsed(self._read(folder))]
                patterns = [(line, assigned) for line, assigned in lines if isinstance(line, Pattern)]
                macros = {line: assigned for line, assigned in lines if isinstance(line, str)}
                self._files[folder] = _File(
                    Patterns(pattern for pattern, _ in patterns), tuple(each for _, each in patterns), macros
                )
            return self._files[folder]

    def _read(self, folder: str) -> str:
        entry = self._folders.get(folder, {}).get(".gitattributes")
        if entry is None or entry.mode not in (FILE, PROGRAM):
            return ""  # git follows no link here
        content = self._objects.read(entry.name, "blob", _MAX_FILE)
        self._size += len(content)
        if self._size > _MAX_FILES:
            raise GitError(f"the .gitattributes of the commit are over {_MAX_FILES} bytes together")
        return content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def _parsed(text: str) -> Iterator[_Line]:
    for raw in text.split("\n"):
        line = raw.strip(" \t\r")
        if not line or line.startswith("#") or len(raw) > _MAX_LINE:
            continue
        if quoted := _QUOTED.match(line):
            glob, rest = _ESCAPE.sub(_unescaped, quoted[1]), line[quoted.end() :]
        else:
            glob, *more = line.split(None, 1)
            rest = more[0] if more else ""
        assigned = tuple(map(_assignment, rest.split()))
        if glob.startswith("[attr]"):
            yield glob.removeprefix("[attr]"), assigned
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


def _assign(values: _Values, assigned: _Assigned, macros: Mapping[str, _Assigned]) -> None:
    """Assign what is not assigned yet: the last one counts, so it comes first. No macro is taken twice."""
    waiting = [*assigned]
    while waiting:
        name, value = waiting.pop()
        if name not in values:
            values[name] = value
            waiting += macros.get(name, ()) if value is True else ()


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

"""Evidence of several jobs: each writes a part, and the job that pushes reads all of them.

A part is a tar archive of the reports as they were, with a list of them. The job that merges reads the
reports itself, so a part can say no more than its reports do, and the record holds them as ever. The list is
the archive's first member ``part.json``, a ``pushpolicy.part/v1`` document.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import msgspec

from pushpolicy.model import canonical
from pushpolicy.model.evidence import Unread
from pushpolicy.model.text import printable
from pushpolicy.reports.format import KINDS

LIST = "part.json"
MAX_LIST = 16 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class _Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Listed(_Struct, frozen=True, kw_only=True):
    """One file: where its job had it, its bytes, and the names that were given to it, by kind."""

    path: str
    sha256: str
    size: int
    names: dict[str, str] = {}


class PartList(_Struct, frozen=True, kw_only=True):
    """What a part holds.

    Attributes:
        name: of the part; reports without a name of their own are called NAME/REPORT.
        commit, image: what the reports are about; at least one of them.
        run, attempt: of the CI system that wrote it.
        problems: by kind, what was there and could not be read: it does not get lost on the way.
        unread: what was looked at there and is no evidence.
        files: in the order of the archive's members, ``reports/00000`` and so on.
    """

    schema: Literal["pushpolicy.part/v1"]
    name: str
    commit: str | None = None
    image: str | None = None
    run: str | None = None
    attempt: int | None = None
    problems: dict[str, tuple[str, ...]] = {}
    unread: tuple[Unread, ...] = ()
    files: tuple[Listed, ...] = ()

    def content(self) -> bytes:
        """The canonical document."""
        return canonical.encode(msgspec.to_builtins(self) | {"schema": self.schema})


class Unpacked(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a part, unpacked to a folder of this run."""

    path: Path
    listed: Listed


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part that was unpacked; every file has the bytes that the list says."""

    source: Path
    about: PartList
    files: tuple[Unpacked, ...]


def member(number: int) -> str:
    """The name of a file in the archive."""
    return f"reports/{number:05}"


def is_name(text: str) -> bool:
    """Whether a part may have this name."""
    return _NAME.fullmatch(text) is not None


def parse(content: bytes) -> PartList:
    """Read a list.

    Raises:
        ValueError: when it is malformed or contradicts itself.
    """
    try:
        part = msgspec.convert(canonical.decode(content), PartList)
    except msgspec.ValidationError as error:
        raise ValueError(f"it is no part: {printable(str(error))}") from error
    if not is_name(part.name):
        raise ValueError(f"{printable(part.name)!r} is no name of a part")
    if not (part.commit or part.image):
        raise ValueError("it says neither for which commit nor for which image it is")
    kinds = {*part.problems, *(kind for file in part.files for kind in file.names)} - {*KINDS, "extra"}
    if kinds:
        raise ValueError(f"{printable(min(kinds))} is no kind of evidence")
    if any(not name for file in part.files for name in file.names.values()):
        raise ValueError("a name in it is empty")
    return part

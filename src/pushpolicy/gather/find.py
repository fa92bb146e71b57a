"""Where reports lie: in the usual places, and where an option or a configuration names them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

from pushpolicy.errors import UsageError
from pushpolicy.gather.request import NamedEvidence
from pushpolicy.reports.declared import MODULE_PLACES, PLACES, SUFFIXES, promised
from pushpolicy.reports.file import bare_name
from pushpolicy.reports.limits import Limits

# Never entered, by these names alone, so that no file of the checkout hides a report: what tools keep there
# is not about this image, or is far too much.
EXCLUDED = frozenset(
    {
        ".git",
        ".tox",
        ".nox",
        ".venv",
        "venv",
        "node_modules",
        "site-packages",
        "__pycache__",
        "vendor",
    }
)
_MAX_MODULE_DEPTH = 5
_MAX_FOLDERS = 100_000


class TooManyFilesError(Exception):
    """The usual places hold more than can be looked at."""


class _Budget(msgspec.Struct):
    """How many files and folders may still be looked at."""

    limits: Limits
    files: int = 0
    folders: int = 0

    def take(self, *, files: int = 0, folders: int = 0) -> None:
        self.files += files
        self.folders += folders
        if self.files > self.limits.max_files or self.folders > _MAX_FOLDERS:
            raise TooManyFilesError(
                f"the usual places hold more than {self.limits.max_files} files or {_MAX_FOLDERS} folders"
            )


def candidates(workspace: Path, limits: Limits) -> Iterator[Path]:
    """Files that may be reports, in a stable order.

    Symbolic links, and what is no regular file, are among them and are not followed: a place that is a link
    to a folder, or a folder in one that is not or cannot be entered, is itself one.

    Raises:
        TooManyFilesError: when there are more than `max_files`, or folders nested over `max_depth`.
    """
    yield from _search(workspace, (), _Budget(limits))


def _search(folder: Path, names: tuple[str, ...], budget: _Budget) -> Iterator[Path]:
    """Search a folder; `names` lead to it from the workspace."""
    in_place = _is_place(names)
    budget.take(folders=1)
    try:
        with os.scandir(folder) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except OSError:
        if in_place:
            yield folder
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name in EXCLUDED:
                if in_place:
                    yield Path(entry.path)
            elif in_place or len(names) < _MAX_MODULE_DEPTH:
                if len(names) >= budget.limits.max_depth:
                    raise TooManyFilesError(f"folders are nested more than {budget.limits.max_depth} deep")
                yield from _search(Path(entry.path), (*names, entry.name), budget)
        elif _may_be_report(entry, names, in_place=in_place):
            budget.take(files=1)
            yield Path(entry.path)


def _is_place(names: tuple[str, ...]) -> bool:
    return bool(PLACES.intersection(names[:1])) or any(
        "/".join(pair) in MODULE_PLACES for pair in pairwise(names)
    )


def _may_be_report(entry: os.DirEntry[str], names: tuple[str, ...], *, in_place: bool) -> bool:
    name = bare_name(entry.name)
    if in_place and name.lower().endswith(SUFFIXES):
        return True
    if (in_place or not names) and promised(name):
        return True
    return entry.is_symlink() and _leads_to_place(Path(entry.path), (*names, entry.name))


def _leads_to_place(path: Path, names: tuple[str, ...]) -> bool:
    """Whether a folder, to which `names` lead, is a usual place, or holds one of a module."""
    inner = (place.partition("/")[2] for place in MODULE_PLACES if place.startswith(f"{names[-1]}/"))
    return path.is_dir() and (_is_place(names) or any((path / name).is_dir() for name in inner))


def why_not_read(path: Path) -> str | None:
    """Why what was found is not opened; None for a regular file."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "it is a symbolic link, which is not followed"
    if stat.S_ISDIR(mode) and path.name in EXCLUDED:
        return "it is a folder of that name, which is not entered"
    if stat.S_ISDIR(mode):
        return "it is a folder that cannot be entered"
    return None if stat.S_ISREG(mode) else "it is not a regular file"


def matches(workspace: Path, pattern: str) -> list[Path]:
    """The files a path or glob names, sorted; empty when there are none. `**` crosses folders."""
    if not is_glob(workspace, pattern):
        path = workspace / pattern
        return [path] if _exists(path) else []
    base, relative = workspace, Path(pattern)
    if relative.is_absolute():
        base, relative = Path(relative.anchor), relative.relative_to(relative.anchor)
    return sorted(path for path in base.glob(str(relative)) if path.is_file())


def is_glob(workspace: Path, pattern: str) -> bool:
    """Whether the text is a pattern rather than the path of a file."""
    return any(mark in pattern for mark in "*?[") and not _exists(workspace / pattern)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that no file can have
        return False


def refuse_outside(named: NamedEvidence, workspace: Path) -> None:
    """Check that a configuration names files of its own checkout only; an option may name any file.

    What is read is stored with the record, and the configuration is part of the checkout that is judged: it
    must not pick the files of whoever runs the push.

    Raises:
        UsageError: when a file lies outside of the workspace, also by a link.
    """
    if named.configuration is None:
        return
    path, root = Path(named.path), workspace.resolve()
    # Looked at first: a pattern over the whole file system is not even followed.
    leads_out = path.is_absolute() or ".." in path.parts
    if leads_out or not all(found.resolve().is_relative_to(root) for found in matches(workspace, named.path)):
        raise UsageError(
            f"{named.shown} lies outside of the checkout",
            "a configuration names files of its checkout; --evidence names others",
        )

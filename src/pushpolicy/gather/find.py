"""The usual places: where reports are looked for, beside those that are named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

from pushpolicy.reports.formats import FORMATS, MODULE_PLACES, PLACES, SUFFIXES, promises
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.packed import bare_name

# Never entered: what tools keep there is not about this image, or is far too much.
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
    """Files that may be reports, in a stable order. Symbolic links are not followed.

    Raises:
        TooManyFilesError: when there are more than `max_files`.
    """
    yield from _search(workspace, (), _Budget(limits))


def _search(folder: Path, parts: tuple[str, ...], budget: _Budget) -> Iterator[Path]:
    inside = _is_place(parts)
    budget.take(folders=1)
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            deepest = budget.limits.max_depth if inside else _MAX_MODULE_DEPTH
            if len(parts) < deepest and not _is_excluded(entry):
                yield from _search(Path(entry.path), (*parts, entry.name), budget)
        elif entry.is_file(follow_symlinks=False) and _is_wanted(entry.name, parts, inside=inside):
            budget.take(files=1)
            yield Path(entry.path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []  # a folder that cannot be entered holds no report that could be read


def _is_excluded(entry: os.DirEntry[str]) -> bool:
    # A virtual environment may have any name.
    return entry.name in EXCLUDED or (Path(entry.path) / "pyvenv.cfg").exists()


def _is_place(parts: tuple[str, ...]) -> bool:
    return bool(parts) and (parts[0] in PLACES or any(pair in MODULE_PLACES for pair in pairwise(parts)))


def _is_wanted(name: str, parts: tuple[str, ...], *, inside: bool) -> bool:
    bare = bare_name(name)
    if inside:
        return bare.lower().endswith(SUFFIXES)
    return not parts and any(promises(item, bare) for item in FORMATS)


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

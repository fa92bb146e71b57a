"""Where reports lie: in the usual places, and where an option or a configuration names them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

from pushpolicy.errors import UsageError
from pushpolicy.gather.request import NamedEvidence
from pushpolicy.reports.file import bare_name
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.recognise import FORMATS, MODULE_PLACES, PLACES, SUFFIXES, promises

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


def _search(folder: Path, names: tuple[str, ...], budget: _Budget) -> Iterator[Path]:
    """Search a folder; `names` lead to it from the workspace."""
    in_place = bool(PLACES.intersection(names[:1])) or any(
        "/".join(pair) in MODULE_PLACES for pair in pairwise(names)
    )
    budget.take(folders=1)
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            deepest = budget.limits.max_depth if in_place else _MAX_MODULE_DEPTH
            if len(names) < deepest and not _is_excluded(entry):
                yield from _search(Path(entry.path), (*names, entry.name), budget)
        elif entry.is_file(follow_symlinks=False):
            name = bare_name(entry.name)
            promised = not names and any(promises(item, name) for item in FORMATS)
            if name.lower().endswith(SUFFIXES) if in_place else promised:
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

"""Where reports lie: in the usual places, and where an option or a configuration names them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

import msgspec

from pushpolicy.errors import InputError, UsageError
from pushpolicy.files import is_file, is_folder, real
from pushpolicy.gather.request import NamedEvidence
from pushpolicy.model.text import printable
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
# There is no such folder, or it is a file, or a link to itself.
_NO_FOLDER = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class TooManyFilesError(Exception):
    """The usual places hold more, or something else, than can be looked at."""


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
        TooManyFilesError: when there are more than `max_files`, or folders nested over `max_depth`; when one
            cannot even be looked at, as its path is too long or its folder closed.
    """
    for path in _search(workspace, (), _Budget(limits)):
        try:
            path.lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            shown = printable(str(path.relative_to(workspace)))
            raise TooManyFilesError(f"{shown} cannot be looked at: {error.strerror}") from error
        yield path


def _search(folder: Path, names: tuple[str, ...], budget: _Budget) -> Iterator[Path]:
    """Search a folder; `names` lead to it from the workspace."""
    in_place = _is_place(names)
    budget.take(folders=1)
    try:
        with os.scandir(folder) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except OSError:
        # Elsewhere it is another user's, unless whoever runs here can write to it.
        if in_place or os.access(folder, os.W_OK | os.X_OK):
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
    if _is_named_as_report(entry.name, names, in_place=in_place):
        return True
    return entry.is_symlink() and _leads_to_place(Path(entry.path), (*names, entry.name))


def _is_named_as_report(name: str, names: tuple[str, ...], *, in_place: bool) -> bool:
    if not in_place and names:
        return False
    name = bare_name(name)
    return (in_place and name.lower().endswith(SUFFIXES)) or promised(name) is not None


def _leads_to_place(path: Path, names: tuple[str, ...]) -> bool:
    """Whether a folder, to which `names` lead, is a usual place, or holds one of a module."""
    inner = (place.partition("/")[2] for place in MODULE_PLACES if place.startswith(f"{names[-1]}/"))
    return is_folder(path) and (_is_place(names) or any(is_folder(path / name) for name in inner))


def why_hidden(workspace: Path, path: Path) -> str | None:
    """Why what was found may hold any report and cannot be looked into; None where it can be, or holds none.

    A link to what is searched in its own place hides nothing.
    """
    if path.is_symlink():
        hides = is_folder(path) and not is_searched(workspace, real(path))
        return "it is a link to a folder, which is not followed; make it a folder" if hides else None
    if is_folder(path):
        return None if os.access(path, os.R_OK | os.X_OK) else "it is a folder that cannot be entered"
    hides = is_file(path) and promised(bare_name(path.name)) is None and not os.access(path, os.R_OK)
    return "it is a file that this user may not read" if hides else None


def is_searched(workspace: Path, target: Path) -> bool:
    """Whether what a link leads to is looked at where it lies.

    Args:
        workspace: what is searched.
        target: a file or folder, without links.
    """
    root = real(workspace)
    if not target.is_relative_to(root):
        return False
    names = target.relative_to(root).parts
    folders = names if is_folder(target) else names[:-1]
    if EXCLUDED.intersection(folders) or not all(
        number < _MAX_MODULE_DEPTH or _is_place(names[:number]) for number in range(len(folders))
    ):
        return False
    in_place = _is_place(folders)
    return in_place if is_folder(target) else _is_named_as_report(target.name, names[:-1], in_place=in_place)


def why_not_read(path: Path) -> str | None:
    """Why what was found is not opened; None for a regular file."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return "it is gone since it was found"
    if stat.S_ISLNK(mode):
        return "it is a symbolic link, which is not followed"
    if stat.S_ISDIR(mode):
        return "it is a folder of that name, which is not entered"
    return None if stat.S_ISREG(mode) else "it is not a regular file"


def matches(workspace: Path, pattern: str) -> list[Path]:
    """The files a path or glob names, sorted; empty when there are none. `**` crosses folders, but no links.

    Raises:
        InputError: when a folder that the glob leads into cannot be listed.
    """
    if not is_glob(workspace, pattern):
        path = workspace / pattern
        return [path] if _exists(path) else []
    base, relative = workspace, Path(pattern)
    if relative.is_absolute():
        base, relative = Path(relative.anchor), relative.relative_to(relative.anchor)
    return sorted(filter(_may_be_read, _globbed(base, relative.parts)))


def _globbed(base: Path, pattern: tuple[str, ...]) -> set[Path]:
    """What may be meant below a folder. pathlib's own leaves out in silence what it cannot list."""
    found, waiting, seen = set[Path](), [(base, pattern)], set[tuple[Path, int]]()
    while waiting:
        folder, names = waiting.pop()
        if not names:
            found.add(folder)
        elif (folder, len(names)) not in seen:
            seen.add((folder, len(names)))
            waiting += _matching(folder, names)
    return found


def _matching(folder: Path, names: tuple[str, ...]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """What the first of the names matches in a folder, each with the names that are left to match in that."""
    first, rest = names[0], names[1:]
    if not any(mark in first for mark in "*?["):
        yield folder / first, rest
        return
    if first == "**" and rest:
        yield folder, rest
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if first != "**":
                    if fnmatchcase(entry.name, first):
                        yield Path(entry.path), rest
                elif entry.is_dir(follow_symlinks=False):
                    yield Path(entry.path), names
                elif not rest:
                    yield Path(entry.path), rest
    except OSError as error:
        if error.errno not in _NO_FOLDER:
            where = printable(str(folder))
            hint = "let this user list it, or write a pattern that does not lead there"
            raise InputError(f"{where} cannot be listed: {error.strerror}", hint) from error


def _may_be_read(path: Path) -> bool:
    """Whether it is a regular file; yes where that cannot be told, so that reading it fails, and is told."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


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
        InputError: as `matches`.
    """
    if named.configuration is None:
        return
    path, root = Path(named.path), real(workspace)
    # Looked at first: a pattern over the whole file system is not even followed.
    leads_out = path.is_absolute() or ".." in path.parts
    if leads_out or not all(real(found).is_relative_to(root) for found in matches(workspace, named.path)):
        raise UsageError(
            f"{named.shown} lies outside of the checkout",
            "a configuration names files of its checkout; --evidence names others",
        )

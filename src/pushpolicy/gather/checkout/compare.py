"""Compares a work tree with a commit: every file that the commit holds, and the work trees of submodules."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import msgspec

from pushpolicy.gather.checkout.attributes import AttributeFiles
from pushpolicy.gather.checkout.effort import Effort
from pushpolicy.gather.checkout.files import Compared, Files, opened_folder
from pushpolicy.gather.checkout.objects import MissingObjectError
from pushpolicy.gather.checkout.program import GitError
from pushpolicy.gather.checkout.repository import Repository
from pushpolicy.gather.checkout.tree import SUBMODULE, Entry, Folder, Tree, join, read_tree
from pushpolicy.model.text import printable

# For all files of a checkout: 60 GB of them from a warm cache, on one processor.
SECONDS = 300
_MAX_NESTED = 16
_AT_ONCE = 256
_MAX_THREADS = 8


class Differences(msgspec.Struct):
    """How a work tree differs from its commit; paths are relative to the top.

    Attributes:
        changes: files that are others, absent or of another mode.
        not_comparable: files behind a filter, and submodules without a repository.
        not_checked_out: what is absent since it was never checked out; a folder ends with a slash.
        trees: the commit's, and those of the submodules that are checked out, by their place; "" is the top.
    """

    changes: list[str] = []
    not_comparable: list[str] = []
    not_checked_out: list[str] = []
    trees: dict[str, Tree] = {}


def differences(repository: Repository, commit: str) -> Differences:
    """Compare a work tree with a commit, and those of its submodules with the commits that it names.

    Raises:
        MissingObjectError: when an object of the commit is not in the repository.
        GitError: when it cannot be judged.
    """
    found = Differences()
    _Comparison(found, Effort(SECONDS)).run(repository, commit, "", 0)
    return found


class _Comparison:
    """Adds to `found` what differs; the place of a work tree is where it lies in the whole."""

    def __init__(self, found: Differences, effort: Effort) -> None:
        self._found, self._effort = found, effort

    def run(self, repository: Repository, commit: str, place: str, depth: int) -> None:
        """Compare one work tree, and those in it."""
        settings = repository.settings
        with repository.objects(commit) as objects:
            tree = self._found.trees[place] = read_tree(objects, commit)
            attributes = AttributeFiles(objects, tree.folders, self._effort, autocrlf=settings.autocrlf)
            files = Files(repository.root, objects, attributes, self._effort)
            sparse, absent = settings.sparse, []
            for path, state in self._compared(files, tree):
                self._effort.check()
                if state == Compared.NOT_COMPARABLE:
                    self._found.not_comparable.append(join(place, path))
                elif state == Compared.ABSENT and sparse and not sparse.include(path, self._effort):
                    absent.append(path)
                else:
                    self._found.changes.append(join(place, path))
        self._found.not_checked_out += [join(place, path) for path in _joined(absent, tree)]
        for folder, entries in tree.folders.items():
            for name, entry in entries.items():
                if entry.mode == SUBMODULE:
                    self._submodule(repository, join(folder, name), entry, place, depth)

    def _compared(self, files: Files, tree: Tree) -> Iterator[tuple[str, Compared]]:
        """The files that are not the same, read by as many threads as there are processors."""
        with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_THREADS)) as pool:
            try:
                for part in pool.map(lambda each: files.compare(*each), _portions(tree)):
                    yield from part
            except BaseException:
                self._effort.stop()  # what is under way ends too
                raise

    def _submodule(self, outer: Repository, path: str, entry: Entry, place: str, depth: int) -> None:
        whole = join(place, path)
        if depth == _MAX_NESTED:
            raise GitError(f"submodules are nested over {_MAX_NESTED} deep")
        names = _names(outer.root, path)
        if names is None:
            self._found.changes.append(whole)
        elif not names:
            self._found.not_checked_out.append(whole)
        elif ".git" not in names:
            self._found.not_comparable.append(whole)
        else:
            try:
                self.run(Repository(outer.git, outer.root / path), entry.name, whole, depth + 1)
            except MissingObjectError as error:
                if error.kind != "commit":
                    raise MissingObjectError(f"submodule {printable(whole)}: {error}", error.kind) from error
                self._found.changes.append(whole)  # it is at another commit
            except GitError as error:
                raise GitError(f"submodule {printable(whole)}: {error}") from error


def _names(root: Path, path: str) -> list[str] | None:
    """What lies in a folder, none where it is absent; None where something else is in its place."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with opened_folder(descriptor, path) as folder:
            return [entry.name for entry in os.scandir(folder)]
    except FileNotFoundError:
        return []
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _portions(tree: Tree) -> Iterator[tuple[str, Folder]]:
    for folder, entries in tree.folders.items():
        left = iter([(name, entry) for name, entry in entries.items() if entry.mode != SUBMODULE])
        while portion := dict(islice(left, _AT_ONCE)):
            yield folder, portion


def _joined(absent: list[str], tree: Tree) -> list[str]:
    """The same files, with one entry for each folder of which nothing is there."""
    if not absent:
        return []
    there, missing = Counter[str](), Counter[str]()
    for folder, entries in tree.folders.items():
        for above in _upwards(folder):
            there[above] += len(entries)
    for path in absent:
        missing.update(_upwards(path.rpartition("/")[0]))
    whole = {folder for folder, count in missing.items() if count == there[folder]}
    found: dict[str, None] = {}
    for path in absent:
        folders = [folder for folder in _upwards(path.rpartition("/")[0]) if folder in whole]
        found[f"{folders[-1]}/" if folders and folders[-1] else path] = None
    return list(found)


def _upwards(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]

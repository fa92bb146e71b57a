"""What a commit holds: its trees, read from objects that were hashed again, and refused where they lie."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from pushpolicy.gather.checkout.objects import Objects
from pushpolicy.gather.checkout.program import GitError
from pushpolicy.model.text import printable
from pushpolicy.reports.parsing.values import epoch

MAX_ENTRIES = 1_000_000
MAX_DEPTH = 256
# Of Linux. A few objects can hold many paths of megabytes.
MAX_PATH = 4096
_MAX_COMMIT = 16 * 1024 * 1024
_MAX_TREE = 64 * 1024 * 1024
FILE, PROGRAM, LINK, FOLDER, SUBMODULE = 0o100644, 0o100755, 0o120000, 0o40000, 0o160000
# As trees write them; the two last are of old versions of git.
_MODES = {
    b"100644": FILE,
    b"100755": PROGRAM,
    b"120000": LINK,
    b"40000": FOLDER,
    b"160000": SUBMODULE,
    b"100664": FILE,
    b"040000": FOLDER,
}
# What git refuses to check out, since some file systems take it for .git.
_DOT_GIT = re.compile(r"(?:\.git|git~1)[ .]*(?::.*)?", re.IGNORECASE | re.DOTALL)
_IGNORED_BY_HFS = dict.fromkeys(
    [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
)


class Entry(NamedTuple):
    """One entry of a tree: its mode and the hexadecimal name of its object."""

    mode: int
    name: str


Folder = dict[str, Entry]


class Tree:
    """All folders of a commit.

    Attributes:
        folders: what each holds but folders, by its path; "" is the top.
        committed_at: when the commit was made, RFC 3339 in UTC; None where it does not say.
    """

    def __init__(self, commit: str, folders: dict[str, Folder], committed_at: str | None = None) -> None:
        self.commit = commit
        self.folders = folders
        self.committed_at = committed_at

    def entry(self, path: str) -> Entry | None:
        """What lies at a path."""
        folder, _, name = path.rpartition("/")
        return self.folders.get(folder, {}).get(name)

    def files(self) -> Iterator[str]:
        """The paths of all files and links."""
        for folder, entries in self.folders.items():
            for name, entry in entries.items():
                if entry.mode != SUBMODULE:
                    yield join(folder, name)


def join(folder: str, name: str) -> str:
    """The path of what lies in a folder."""
    return f"{folder}/{name}" if folder else name


def read_tree(objects: Objects, commit: str) -> Tree:
    """Read a commit and every tree below it.

    Raises:
        MissingObjectError: when an object is not there.
        GitError: when one is not what its name says, or holds what git would not check out.
    """
    folders: dict[str, Folder] = {}
    known: dict[str, Folder] = {}
    level, count = [("", root_of(objects, commit))], 0
    for _ in range(MAX_DEPTH):
        wanted = list({name for _, name in level} - known.keys())
        for name, content in zip(wanted, objects.read_all(wanted, "tree", _MAX_TREE), strict=True):
            known[name] = _parse(content, objects.algorithm)
        deeper = []
        for path, name in level:
            count += len(known[name])
            if count > MAX_ENTRIES:
                raise GitError(f"the commit holds over {MAX_ENTRIES} files and folders")
            folders[path] = {at: entry for at, entry in known[name].items() if entry.mode != FOLDER}
            if len(path) > MAX_PATH:
                raise GitError(f"the commit holds a path of over {MAX_PATH} characters")
            deeper += [(join(path, at), each.name) for at, each in known[name].items() if each.mode == FOLDER]
        if not deeper:
            header = objects.read(commit, "commit", _MAX_COMMIT).partition(b"\n\n")[0]
            found = re.search(rb"^committer [^\n]*> (\d{1,12}) [+-]\d{4}$", header, re.MULTILINE)
            return Tree(commit, folders, epoch(int(found[1])) if found else None)
        level = deeper
    raise GitError(f"the commit holds folders that are nested over {MAX_DEPTH} deep")


def entries_above(objects: Objects, commit: str, path: str) -> dict[str, Folder]:
    """The folders of a commit on the way to a path, the one that holds it included."""
    folders: dict[str, Folder] = {}
    place, name = "", root_of(objects, commit)
    for segment in path.split("/"):
        folders[place] = _parse(objects.read(name, "tree", _MAX_TREE), objects.algorithm)
        entry = folders[place].get(segment)
        if entry is None or entry.mode != FOLDER:
            break
        place, name = join(place, segment), entry.name
    return folders


def settles(objects: Objects, commit: str, path: str) -> bool:
    """Whether a commit holds something at a path, or above it something other than a folder."""
    folders = entries_above(objects, commit, path)
    deepest = max(folders, key=len)
    return path.removeprefix(deepest).removeprefix("/").partition("/")[0] in folders[deepest]


def root_of(objects: Objects, commit: str) -> str:
    """The name of a commit's top tree."""
    found = re.match(rb"tree ([0-9a-f]+)\n", objects.read(commit, "commit", _MAX_COMMIT))
    if found is None:
        raise GitError(f"the commit {commit} names no tree")
    return found[1].decode()


def _parse(content: bytes, algorithm: str) -> Folder:
    size = 20 if algorithm == "sha1" else 32
    folder: Folder = {}
    place = 0
    while place < len(content):
        space = content.find(b" ", place, place + 8)
        end = content.find(b"\0", space)
        after = end + 1 + size
        if space < 0 or end < 0 or after > len(content):
            raise GitError("a tree of the commit is malformed")
        if end - space > MAX_PATH:
            raise GitError(f"the commit holds a path of over {MAX_PATH} characters")
        name = os.fsdecode(content[space + 1 : end])
        mode = _MODES.get(content[place:space])
        if mode is None or name in folder or not _is_name(name):
            raise GitError(f"the commit holds an entry that git would not check out: {printable(name)!r}")
        folder[name] = Entry(mode, content[end + 1 : after].hex())
        place = after
    return folder


def _is_name(name: str) -> bool:
    if name in ("", ".", "..") or "/" in name:
        return False
    is_plain = name.isascii() and name[0] not in ".gG"
    return is_plain or not _DOT_GIT.fullmatch(name.translate(_IGNORED_BY_HFS))

"""A repository: where it is, and what its references and its few settings that matter say."""

from __future__ import annotations

import os
import re
import stat
from functools import cached_property
from pathlib import Path

from pushpolicy.files import open_regular, work_trees_around
from pushpolicy.gather.checkout.objects import Objects, algorithm_of
from pushpolicy.gather.checkout.patterns import SparsePatterns
from pushpolicy.gather.checkout.program import Git, GitError
from pushpolicy.gather.secrets.within import USERINFO, within
from pushpolicy.model.expressions import expression
from pushpolicy.model.redacted import Redacted
from pushpolicy.model.text import printable

_MAX_SPARSE = 4 * 1024 * 1024
_COMMIT = expression(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_HELPER = expression(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
# user@host:path; what has a colon before the @ is a password with it, whatever else stands in it.
_SHORT_USERINFO = expression(r"^(?:[^/@:]*:.*@|[^/@:]*(?:@[^/@:]*)*@)")
_SETTINGS = r"^(remote\.origin\.url|core\.(autocrlf|worktree|sparsecheckout))$"
_TRUE = ("true", "yes", "on", "1", "")
# What git opens to answer what it is asked here, beside single objects.
_OPENED = (
    "HEAD",
    "config",
    "config.worktree",
    "packed-refs",
    "refs",
    "reftable",
    "shallow",
    "objects/info",
    "objects/pack",
)


class Settings(Redacted, frozen=True, kw_only=True):
    """What git's configuration says.

    Attributes:
        remote: the address of origin, without user, password, query, fragment and tokens; None where there is
            none, and where it is for a program of its own (``ext::``, gitremote-helpers(7)).
        remote_secrets: what was taken out of it and is a secret.
        autocrlf: whether files that no attribute speaks of may have other line endings than the commit.
        sparse: the files that are checked out; None where all are.
    """

    hidden_fields = frozenset({"remote_secrets"})

    remote: str | None
    remote_secrets: frozenset[str]
    autocrlf: bool
    sparse: SparsePatterns | None


def enclosing(folder: Path) -> Path | None:
    """The nearest folder, from this one upwards, that has a `.git`."""
    return next(iter(work_trees_around(folder)), None)


class Repository:
    """A repository and its work tree.

    Args:
        root: the top of the work tree.

    Raises:
        GitError: when the repository is not to be found, or git would wait for what is in it.
    """

    def __init__(self, git: Git, root: Path) -> None:
        self.git = git
        self.root = root
        self._folder = _git_dir(root)
        common = _one_line(self._folder / "commondir")
        self._common = self._folder / common if common else self._folder
        for folder in {self._folder, self._common}:
            for name in _OPENED:
                _check_files(folder / name)

    def objects(self, commit: str) -> Objects:
        """A reader of its objects, which are named as this commit is."""
        return Objects(self.git.path, Path(os.path.realpath(self._common / "objects")), algorithm_of(commit))

    def head(self) -> tuple[str, str | None]:
        """The commit that is checked out, and its branch."""
        said = self._run("rev-parse", "--revs-only", "HEAD", "--symbolic-full-name", "HEAD").splitlines()
        if len(said) != 2 or not _COMMIT.fullmatch(said[0]):
            raise GitError("the repository has no commit yet")
        return said[0], said[1].removeprefix("refs/heads/") if said[1].startswith("refs/heads/") else None

    def tag(self, commit: str) -> str | None:
        """The highest tag that names a commit."""
        options = ("--sort=-version:refname", "--format=%(refname:strip=2)")
        tags = self._run("for-each-ref", f"--points-at={commit}", *options, "refs/tags").splitlines()
        return tags[0] if tags else None

    @cached_property
    def settings(self) -> Settings:
        """Its settings, asked for once; core.autocrlf may be the user's or the system's.

        Raises:
            GitError: when its work tree is another folder.
        """
        remote, found = None, {}
        for entry in os.fsdecode(self.git.configuration(self._folder, _SETTINGS)).split("\0"):
            key, _, value = entry.partition("\n")
            found[key] = value
            if key == "remote.origin.url":
                remote = remote or value
        tree = found.get("core.worktree")
        if tree is not None and os.path.realpath(self._folder / tree) != os.path.realpath(self.root):
            raise GitError("the repository's work tree is another folder (core.worktree)")
        is_sparse = found.get("core.sparsecheckout", "false").lower() in _TRUE
        return Settings(
            remote=_shown(remote) if remote else None,
            remote_secrets=within(remote) if remote else frozenset(),
            autocrlf=found.get("core.autocrlf", "false").lower() in (*_TRUE, "input"),
            sparse=self._sparse() if is_sparse else None,
        )

    def _sparse(self) -> SparsePatterns:
        lines = _small_file(self._folder / "info" / "sparse-checkout", _MAX_SPARSE).split("\n")
        return SparsePatterns(line.rstrip() for line in lines)

    def _run(self, *arguments: str) -> str:
        return os.fsdecode(self.git.run(self._folder, *arguments))


def _git_dir(root: Path) -> Path:
    """The folder that `.git` is or, being a file, names (gitrepository-layout(5))."""
    place = root / ".git"
    if place.is_dir():
        return Path(os.path.realpath(place))
    named = _one_line(place)
    if not named or not named.startswith("gitdir: "):
        raise GitError(".git is neither a git repository nor names one")
    return Path(os.path.realpath(root / named.removeprefix("gitdir: ")))


def _check_files(place: Path) -> None:
    """Require of a file, or all below a folder, to be regular files: git would wait for a named pipe.

    Git also follows links to folders, to the end of the file system.
    """
    try:
        mode = place.stat().st_mode
    except OSError:
        return  # absent, or a link that leads nowhere: git cannot open it either
    if not stat.S_ISDIR(mode):
        if not stat.S_ISREG(mode):
            raise GitError(f"{printable(str(place))}: it is not a regular file")
        return
    waiting = [str(place)]
    while waiting:
        try:
            entries = [*os.scandir(waiting.pop())]
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif not entry.is_file(follow_symlinks=False) and not _is_link_to_file(entry):
                raise GitError(f"{printable(entry.path)}: it is not a regular file")


def _is_link_to_file(entry: os.DirEntry[str]) -> bool:
    """Whether a link leads to a regular file, or nowhere."""
    if not entry.is_symlink():
        return False
    return entry.is_file() or not Path(entry.path).exists()


def _one_line(path: Path) -> str:
    line = _small_file(path, 8192).removesuffix("\n")
    if "\0" in line:
        raise GitError(f"{printable(str(path))} names no path")
    return line


def _small_file(path: Path, limit: int) -> str:
    """The text of a regular file; empty where there is none."""
    try:
        with open_regular(path) as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise GitError(f"{printable(str(path))}: {error.strerror}") from error
    if len(content) > limit:
        raise GitError(f"{printable(str(path))} is over {limit} bytes")
    return os.fsdecode(content)


def _shown(remote: str) -> str | None:
    """The address of a remote (git-fetch(1), "GIT URLS") without what may be secret in it."""
    if _HELPER.match(remote):
        return None
    for secret in sorted(within(remote), key=len, reverse=True):
        remote = remote.replace(secret, "***")
    if "://" in remote:
        remote = re.split(r"[?#]", USERINFO.sub("", remote).replace("://@", "://"), maxsplit=1)[0]
    else:
        remote = _SHORT_USERINFO.sub("", remote)
    return printable(remote, limit=500)

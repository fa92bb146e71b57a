"""The git checkout, asked with the git binary in a way that runs nothing the checkout configures.

The repository's own configuration may name programs (fsmonitor, hooks, filters, textconv, pagers) and
may hide changes. So the environment's GIT_* variables and every other configuration file are left out,
and what could run a program or blind `git status` is overridden on the command line, which wins.
`safe.directory` is given there too: it guards against the very settings that are overridden here, and in
a container the checkout usually belongs to another user.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from pushpolicy.model.evidence import SourceEvidence, Status
from pushpolicy.model.text import printable
from pushpolicy.reports.parsing.values import text

TIMEOUT = 60
MAX_OUTPUT = 256 * 1024 * 1024
MAX_CHANGES = 20
_NEUTRAL = {
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.pager": "cat",
    "core.untrackedCache": "false",
    "core.checkStat": "default",
    "core.trustctime": "true",
    "core.ignoreStat": "false",
    "diff.external": "",
    "diff.ignoreSubmodules": "none",
    "log.showSignature": "false",
    "protocol.allow": "never",
    "safe.directory": "*",
}
_FILTER = re.compile(r"filter\.(.+)\.(?:clean|smudge|process|required)", re.DOTALL)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_USERINFO = re.compile(r"^([a-z][a-z0-9+.-]*://)?[^/@]*(?:@[^/@]*)*@", re.IGNORECASE)


class GitError(Exception):
    """Git is absent, failed, or said something unexpected."""


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """What git knows of the workspace.

    Attributes:
        root: the top folder of the work tree; None where there is none.
        tracked: the tracked files, relative to the root.
    """

    evidence: SourceEvidence
    root: Path | None = None
    tracked: frozenset[str] = frozenset()

    def tracks(self, path: Path) -> bool | None:
        """Whether git tracks a file; None where there is no work tree."""
        if self.root is None:
            return None
        resolved = path.resolve()
        return resolved.is_relative_to(self.root) and str(resolved.relative_to(self.root)) in self.tracked


def inspect(workspace: Path, environ: Mapping[str, str]) -> Checkout:
    """Ask git about the workspace; what goes wrong becomes the status of the evidence."""
    repository = _enclosing(workspace.resolve())
    if repository is None:
        return _without(Status.MISSING, "there is no git repository here")
    try:
        return _Git(workspace.resolve(), environ).checkout()
    except GitError as error:
        return _without(Status.FAILED, str(error))


def _without(status: Status, reason: str) -> Checkout:
    return Checkout(evidence=SourceEvidence(status=status, reason=reason))


def _enclosing(folder: Path) -> Path | None:
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), None)


class _Git:
    """Runs git in one folder."""

    def __init__(self, workspace: Path, environ: Mapping[str, str]) -> None:
        program = shutil.which("git", path=environ.get("PATH", ""))
        if program is None or not Path(program).is_absolute():
            raise GitError("the git program is not installed")
        if Path(program).resolve().is_relative_to(workspace):
            raise GitError("the git program on PATH lies inside the checkout that is judged")
        self._program = program
        self._folder = workspace
        self._settings = dict(_NEUTRAL)
        self._environ = {
            "PATH": environ.get("PATH", ""),
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_PAGER": "cat",
        }

    def checkout(self) -> Checkout:
        root = Path(self._line("rev-parse", "--show-toplevel"))
        if not self._folder.is_relative_to(root):
            raise GitError("the repository's work tree is another folder (core.worktree)")
        self._folder = root
        remote = self._configuration()
        commit, branch, changes = self._status()
        tracked, hidden = self._files()
        changes += [path for path in hidden if path not in changes]
        tag = self._tag()
        branch, tag = (text(name) if name else None for name in (branch, tag))
        ref = f"refs/heads/{branch}" if branch else f"refs/tags/{tag}" if tag else None
        evidence = SourceEvidence(
            status=Status.COLLECTED,
            repository=_without_userinfo(remote) if remote else None,
            commit=commit,
            ref=ref,
            branch=branch,
            tag=tag,
            dirty=bool(changes),
            changes=tuple(text(path) for path in changes[:MAX_CHANGES]),
        )
        return Checkout(evidence=evidence, root=root, tracked=frozenset(tracked))

    def _configuration(self) -> str | None:
        """The remote's address; switches off the filters that the configuration defines."""
        pattern = r"^(filter\..*\.(clean|smudge|process|required)|remote\.origin\.url)$"
        remote = None
        for entry in self._fields("config", "-z", "--get-regexp", pattern):
            key, _, value = entry.partition("\n")
            if key == "remote.origin.url":
                remote = remote or value
            elif match := _FILTER.fullmatch(key):
                if "=" in match[1] or "\n" in match[1]:
                    raise GitError(
                        "the repository's configuration names a filter that cannot be switched off"
                    )
                self._settings |= {f"filter.{match[1]}.{part}": "" for part in ("clean", "smudge", "process")}
                self._settings[f"filter.{match[1]}.required"] = "false"
        return remote

    def _status(self) -> tuple[str, str | None, list[str]]:
        """Commit, branch, and the tracked files that differ from the commit."""
        options = ("--porcelain=v2", "--branch", "-z", "--untracked-files=no", "--ignore-submodules=dirty")
        commit, branch, changes = "", None, []
        for entry in self._fields("status", *options, "--no-renames"):
            if entry.startswith("# branch.oid "):
                commit = entry.removeprefix("# branch.oid ")
            elif entry.startswith("# branch.head "):
                branch = entry.removeprefix("# branch.head ")
            elif entry[:2] in ("1 ", "u "):
                changes.append(entry.split(" ", 8 if entry[0] == "1" else 10)[-1])
        if not _COMMIT.fullmatch(commit):
            raise GitError("the repository has no commit yet")
        return commit, None if branch in (None, "(detached)") else branch, changes

    def _files(self) -> tuple[list[str], list[str]]:
        """Tracked files, and those whose changes the index is told to ignore (assume-unchanged)."""
        entries = [entry.partition(" ") for entry in self._fields("ls-files", "-v", "-z")]
        return [path for _, _, path in entries], [path for mark, _, path in entries if mark.islower()]

    def _tag(self) -> str | None:
        tags = self._fields(
            "tag", "--points-at", "HEAD", "--sort=-version:refname", "--format=%(refname:strip=2)%00"
        )
        return next((tag.strip("\n") for tag in tags if tag.strip("\n")), None)

    def _line(self, *arguments: str) -> str:
        return os.fsdecode(self._run(*arguments)).rstrip("\n")

    def _fields(self, *arguments: str) -> Iterator[str]:
        return (field for field in os.fsdecode(self._run(*arguments)).split("\0") if field)

    def _run(self, *arguments: str) -> bytes:
        settings = [part for key, value in self._settings.items() for part in ("-c", f"{key}={value}")]
        argv = [self._program, "--no-pager", "--literal-pathspecs", *settings, *arguments]
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaints:
            try:
                done = subprocess.run(
                    argv,
                    cwd=self._folder,
                    env=self._environ,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=complaints,
                    timeout=TIMEOUT,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise GitError(f"git {arguments[0]} took more than {TIMEOUT} seconds") from error
            except OSError as error:
                raise GitError(f"git cannot be run: {error.strerror}") from error
            if done.returncode != 0 and (arguments[0] != "config" or done.returncode != 1):
                complaints.seek(0)
                text = complaints.read(2000).decode("utf-8", "replace").strip().partition("\n")[0]
                raise GitError(f"git {arguments[0]} failed: {printable(text)}")
            if output.tell() > MAX_OUTPUT:
                raise GitError(f"git {arguments[0]} answered more than {MAX_OUTPUT} bytes")
            output.seek(0)
            return output.read()


def _without_userinfo(url: str) -> str:
    """A remote's address without user, password, query and fragment."""
    bare = re.split(r"[?#]", url, maxsplit=1)[0] if "://" in url else url
    return printable(_USERINFO.sub(lambda match: match[1] or "", bare), limit=500)

"""The checkout, judged by its content.

The commit and its trees are read as raw objects and hashed again, so the repository cannot lie about them;
every file is read and hashed here. Git is asked for objects, references and four settings, and never reads
the work tree: what the repository configures runs nothing and hides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from pushpolicy.files import real
from pushpolicy.gather.checkout.attributes import AttributeFiles
from pushpolicy.gather.checkout.compare import SECONDS, differences
from pushpolicy.gather.checkout.conversion import NotComparableError, is_same_undone
from pushpolicy.gather.checkout.effort import Effort
from pushpolicy.gather.checkout.objects import MissingObjectError
from pushpolicy.gather.checkout.program import Git, GitError, find_git
from pushpolicy.gather.checkout.repository import Repository, enclosing
from pushpolicy.gather.checkout.tree import FILE, PROGRAM, Tree, entries_above, join, settles
from pushpolicy.model.evidence import SourceCounts, SourceEvidence, Status
from pushpolicy.model.redacted import Redacted
from pushpolicy.reports.parsing.values import text

__all__ = ["Checkout", "FileState", "find_git", "head", "inspect", "may_be_in_head", "state_in_head"]

MAX_CHANGES = 20
MAX_LISTED = 10_000


class FileState(StrEnum):
    """What a file is to the commit that is checked out."""

    TRACKED = "tracked"
    DIFFERS = "differs"
    UNTRACKED = "untracked"


class Checkout(Redacted, frozen=True, kw_only=True):
    """What is known of the workspace.

    Attributes:
        root: the top folder of the work tree; None where there is none.
        trees: the commit's files, and those of submodules, by the place of each.
        remote_secrets: what stands in the remote's address and is not shown.
    """

    hidden_fields = frozenset({"remote_secrets"})

    evidence: SourceEvidence
    root: Path | None = None
    trees: Mapping[str, Tree] = {}
    remote_secrets: frozenset[str] = frozenset()

    @property
    def tracked(self) -> Iterator[str]:
        """The files of the commit, and those of its submodules, relative to the root."""
        return (join(place, path) for place, tree in self.trees.items() for path in tree.files())

    def tracks(self, path: Path) -> bool | None:
        """Whether the commit holds a file, or the one that it is a link to; None where there is no commit."""
        if self.root is None:
            return None
        return any(self._holds(place) for place in (real(path.parent) / path.name, real(path)))

    def _holds(self, path: Path) -> bool:
        if not path.is_relative_to(self.root or path):
            return False
        name = str(path.relative_to(self.root or path))
        return any(
            tree.entry(name.removeprefix(f"{place}/")) is not None
            for place, tree in self.trees.items()
            if not place or name.startswith(f"{place}/")
        )


def inspect(workspace: Path, environ: Mapping[str, str], program: Path | None = None) -> Checkout:
    """Judge the checkout that a folder lies in; what goes wrong becomes the status of the evidence.

    Args:
        workspace: the folder.
        environ: of this process; it says where the user's own configuration is.
        program: git, where it is not the one of the usual places.
    """
    root = enclosing(real(workspace))
    if root is None:
        return _without(Status.MISSING, "there is no git repository here")
    try:
        return _inspect(Repository(Git(environ, program, root), root))
    except MissingObjectError as error:
        hint = "`git fetch --refetch --no-filter origin` brings what a partial clone left out"
        return _without(Status.FAILED, f"{error}; {hint}")
    except GitError as error:
        return _without(Status.FAILED, str(error))
    except OSError as error:
        return _without(Status.FAILED, f"the checkout cannot be read: {error.strerror}")


def head(workspace: Path, environ: Mapping[str, str], program: Path | None = None) -> str | None:
    """The commit that is checked out; None where there is none, or none can be read."""
    root = enclosing(real(workspace))
    try:
        return Repository(Git(environ, program, root), root).head()[0] if root else None
    except (GitError, OSError):
        return None


def state_in_head(
    workspace: Path, path: Path, content: bytes, environ: Mapping[str, str], program: Path | None = None
) -> FileState:
    """Whether these bytes are what the commit that is checked out holds at a path.

    The bytes are handed over, and the file is not read: it may be another by now. What cannot be found out
    is untracked, so a caller that trusts only `TRACKED` fails closed.

    Args:
        workspace: a folder of the checkout.
        path: of a file, absolute or relative to the workspace; a link is not followed.
        content: as it was read from there.
        environ: of this process; it says where the user's own configuration is.
        program: git, where it is not the one of the usual places.
    """
    try:
        return _state(workspace, path, content, environ, program)
    except (GitError, OSError):
        return FileState.UNTRACKED
    except NotComparableError:
        return FileState.DIFFERS


def may_be_in_head(root: Path, path: Path, environ: Mapping[str, str]) -> bool:
    """Whether the commit that is checked out says what lies at a path; also where that cannot be found out.

    It does by what it holds there, and by a submodule above: that one's commit names what is in it in turn.

    Args:
        root: the top of the work tree.
        path: absolute; a link is not followed.
        environ: of this process; it says where the user's own configuration is.
    """
    try:
        top, name = _place(root, path)
        if name is None:
            return False
        repository = Repository(Git(environ, None, top), top)
        commit, _ = repository.head()
        with repository.objects(commit) as objects:
            return settles(objects, commit, name)
    except (GitError, OSError):
        return True


def _state(
    workspace: Path, path: Path, content: bytes, environ: Mapping[str, str], program: Path | None
) -> FileState:
    root, name = _place(workspace, path)
    if name is None:
        return FileState.UNTRACKED
    repository = Repository(Git(environ, program, root), root)
    commit, _ = repository.head()
    with repository.objects(commit) as objects:
        folders = entries_above(objects, commit, name)
        entry = folders.get(name.rpartition("/")[0], {}).get(name.rpartition("/")[2])
        if entry is None:
            return FileState.UNTRACKED
        if entry.mode not in (FILE, PROGRAM):
            return FileState.DIFFERS
        files = AttributeFiles(objects, folders, Effort(SECONDS), autocrlf=repository.settings.autocrlf)
        is_held = is_same_undone(content, files.of(name), entry.name, objects)
    return FileState.TRACKED if is_held else FileState.DIFFERS


def _place(workspace: Path, path: Path) -> tuple[Path, str | None]:
    """The top of the work tree, and the name of a path below it; None for one that lies outside."""
    root = enclosing(real(workspace))
    if root is None:
        raise GitError("there is no git repository here")
    place = workspace / path
    place = real(place.parent) / place.name
    return root, str(place.relative_to(root)) if place.is_relative_to(root) else None


def _inspect(repository: Repository) -> Checkout:
    commit, branch = repository.head()
    found = differences(repository, commit)
    if len(found.not_comparable) > MAX_LISTED:
        raise GitError(f"over {MAX_LISTED} files cannot be compared")
    if len(found.not_checked_out) > MAX_LISTED:
        raise GitError(f"over {MAX_LISTED} files are not checked out")
    tag, settings = repository.tag(commit), repository.settings
    branch, tag = (text(name) if name else None for name in (branch, tag))
    return Checkout(
        evidence=SourceEvidence(
            status=Status.COLLECTED,
            repository=settings.remote,
            commit=commit,
            committed_at=found.trees[""].committed_at,
            ref=f"refs/heads/{branch}" if branch else f"refs/tags/{tag}" if tag else None,
            branch=branch,
            tag=tag,
            dirty=bool(found.changes),
            changes=_shown(found.changes)[:MAX_CHANGES],
            not_comparable=_shown(found.not_comparable),
            not_checked_out=_shown(found.not_checked_out),
            counts=SourceCounts(
                not_comparable=len(found.not_comparable), not_checked_out=len(found.not_checked_out)
            ),
        ),
        root=repository.root,
        trees=found.trees,
        remote_secrets=settings.remote_secrets,
    )


def _shown(paths: list[str]) -> tuple[str, ...]:
    return tuple(map(text, sorted(paths)))


def _without(status: Status, reason: str) -> Checkout:
    return Checkout(evidence=SourceEvidence(status=status, reason=reason))

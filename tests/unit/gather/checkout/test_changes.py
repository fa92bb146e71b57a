"""A change is seen whatever the repository says of it: each row hides one, or lies about the commit."""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from pushpolicy.gather.checkout import inspect
from pushpolicy.model.evidence import SourceEvidence
from tests.unit.gather.samples import git, make_checkout, write

FILES = {"a.py": "print('good')\n", "sub/b.py": "print('fine')\n", "run.sh": "echo $Id$\n"}
EVIL = "print('evil')\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return make_checkout(tmp_path / "work", FILES)


def source(folder: Path, **environ: str) -> SourceEvidence:
    return inspect(folder, {"PATH": os.defpath, **environ}).evidence


def loose(folder: Path, name: str) -> Path:
    """Where git keeps an object."""
    return folder / ".git" / "objects" / name[:2] / name[2:]


def forge(folder: Path, name: str, kind: str, content: bytes) -> None:
    """Put another object under a name."""
    place = loose(folder, name)
    place.chmod(0o644)
    place.write_bytes(zlib.compress(b"%s %d\0" % (kind.encode(), len(content)) + content))


def raw(folder: Path, name: str, kind: str) -> bytes:
    content = zlib.decompress(loose(folder, name).read_bytes())
    assert content.startswith(kind.encode())
    return content.partition(b"\0")[2]


def skip_worktree(folder: Path) -> None:
    git(folder, "update-index", "--skip-worktree", "a.py")
    write(folder, {"a.py": EVIL})


def assume_unchanged(folder: Path) -> None:
    git(folder, "update-index", "--assume-unchanged", "a.py")
    write(folder, {"a.py": EVIL})


def forged_stat_data(folder: Path) -> None:
    """The index says of the changed file what git would say of it unchanged."""
    about = (folder / "a.py").stat()
    git(folder, "config", "core.trustctime", "false")
    git(folder, "config", "core.checkStat", "minimal")
    write(folder, {"a.py": EVIL})
    os.utime(folder / "a.py", ns=(about.st_atime_ns, about.st_mtime_ns))


def another_index(folder: Path) -> None:
    """What is staged is what lies there."""
    write(folder, {"a.py": EVIL})
    git(folder, "add", "a.py")


def replaced_commit(folder: Path) -> None:
    good = git(folder, "rev-parse", "HEAD")
    write(folder, {"a.py": EVIL})
    git(folder, "commit", "-q", "-am", "evil")
    evil = git(folder, "rev-parse", "HEAD")
    git(folder, "update-ref", "refs/heads/main", good)
    git(folder, "replace", good, evil)


def replaced_blob(folder: Path) -> None:
    good = git(folder, "rev-parse", "HEAD:a.py")
    write(folder, {"a.py": EVIL})
    git(folder, "replace", good, git(folder, "hash-object", "-w", "a.py"))


def file_mode(folder: Path) -> None:
    git(folder, "config", "core.fileMode", "false")
    (folder / "a.py").chmod(0o755)


def mode_of_the_group(folder: Path) -> None:
    git(folder, "config", "core.fileMode", "false")
    (folder / "a.py").chmod(0o654)


def forged_attributes(name: str) -> Callable[[Path], None]:
    def hide(folder: Path) -> None:
        write(folder, {f".git/{name}": "*.py ident filter=lfs text\n* -text\n"})
        write(folder, {"a.py": "print('good')\r\n"})

    return hide


def ident(folder: Path) -> None:
    """With `ident`, git takes everything between the dollars away before it hashes."""
    write(folder, {".git/info/attributes": "*.sh ident\n"})
    (folder / "run.sh").write_text("echo $Id: `touch /tmp/evil` $\n")


def committed_ident(folder: Path) -> None:
    """The same where the commit asks for it: what git writes there is a hash and nothing else."""
    write(folder, {".gitattributes": "*.sh ident\n"})
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "ident")
    (folder / "run.sh").write_text("echo $Id: `touch /tmp/evil` $\n")


def untracked_attributes(folder: Path) -> None:
    write(folder, {".gitattributes": "* filter=any text\n", "a.py": "print('good')\r\n"})


def global_attributes(folder: Path) -> None:
    git(folder, "config", "core.attributesFile", str(write(folder.parent, {"x": "* text"}) / "x"))
    write(folder, {"a.py": "print('good')\r\n"})


def link_of_the_same_content(folder: Path) -> None:
    (folder / "a.py").unlink()
    (folder / "a.py").symlink_to(write(folder.parent, {"same": FILES["a.py"]}) / "same")


def linked_folder(folder: Path) -> None:
    shutil.move(folder / "sub", folder.parent / "elsewhere")
    (folder / "sub").symlink_to(folder.parent / "elsewhere")


def named_pipe(folder: Path) -> None:
    (folder / "a.py").unlink()
    os.mkfifo(folder / "a.py")


def folder_in_place(folder: Path) -> None:
    (folder / "a.py").unlink()
    (folder / "a.py").mkdir()


def grown(folder: Path) -> None:
    with (folder / "a.py").open("a") as file:
        file.write("x")


def emptied(folder: Path) -> None:
    (folder / "a.py").write_text("")


def unreadable(folder: Path) -> None:
    (folder / "sub").rename(folder / "moved")
    write(folder, {"sub": "a file"})


def sparse_and_inside(folder: Path) -> None:
    """What the patterns of a sparse checkout include is checked out, so its absence is a change."""
    git(folder, "sparse-checkout", "set", "--cone", "sub")
    shutil.rmtree(folder / "sub")
    write(folder, {"a.py": EVIL})


def sparse_without_patterns(folder: Path) -> None:
    git(folder, "config", "core.sparseCheckout", "false")
    write(folder, {".git/info/sparse-checkout": "/sub/\n"})
    (folder / "a.py").unlink()


WAYS = [
    skip_worktree, assume_unchanged, forged_stat_data, another_index, replaced_commit, replaced_blob,
    file_mode, mode_of_the_group, forged_attributes("info/attributes"), ident, committed_ident,
    untracked_attributes, global_attributes, link_of_the_same_content, linked_folder, named_pipe,
    folder_in_place, grown, emptied, unreadable, sparse_and_inside, sparse_without_patterns,
]  # fmt: skip


@pytest.mark.parametrize("hide", WAYS, ids=lambda hide: hide.__name__)
def test_a_change_is_seen(hide: Callable[[Path], None], checkout: Path) -> None:
    assert source(checkout).dirty is False
    hide(checkout)
    found = source(checkout)
    assert (found.status, found.dirty) == ("collected", True)
    assert found.changes


def test_the_changed_mode_of_a_program_and_of_a_link_is_seen(tmp_path: Path) -> None:
    folder = write(tmp_path, {"run": "#!/bin/sh\n"})
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("run")
    make_checkout(folder, {})
    assert source(folder).changes == ()
    (folder / "run").chmod(0o644)
    (folder / "link").unlink()
    (folder / "link").write_text("run")
    assert source(folder).changes == ("link", "run")
    (folder / "link").unlink()
    (folder / "link").symlink_to("run ")
    assert source(folder).changes == ("link", "run")


def forged_subtree(folder: Path) -> None:
    """The folder's tree, under its name, holds the changed file."""
    write(folder, {"sub/b.py": EVIL})
    blob = git(folder, "hash-object", "-w", "sub/b.py")
    forge(folder, git(folder, "rev-parse", "HEAD:sub"), "tree", b"100644 b.py\0" + bytes.fromhex(blob))


def forged_tree(folder: Path) -> None:
    name = git(folder, "rev-parse", "HEAD^{tree}")
    write(folder, {"a.py": EVIL})
    new, old = git(folder, "hash-object", "-w", "a.py"), git(folder, "rev-parse", "HEAD:a.py")
    forge(folder, name, "tree", raw(folder, name, "tree").replace(bytes.fromhex(old), bytes.fromhex(new)))


def forged_commit(folder: Path) -> None:
    name, good = git(folder, "rev-parse", "HEAD"), git(folder, "rev-parse", "HEAD^{tree}")
    write(folder, {"a.py": EVIL})
    git(folder, "add", "-A")
    evil = git(folder, "write-tree")
    forge(folder, name, "commit", raw(folder, name, "commit").replace(good.encode(), evil.encode()))


def tree_that_is_a_blob(folder: Path) -> None:
    name = git(folder, "rev-parse", "HEAD:sub")
    forge(folder, name, "blob", raw(folder, name, "tree"))


def commit_that_is_a_tree(folder: Path) -> None:
    write(folder, {".git/refs/heads/main": git(folder, "rev-parse", "HEAD^{tree}") + "\n"})


def forged_attributes_blob(folder: Path) -> None:
    """The .gitattributes of the commit, under its name, says what the commit never said."""
    write(folder, {".gitattributes": "* -text\n"})
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "attributes")
    forge(folder, git(folder, "rev-parse", "HEAD:.gitattributes"), "blob", b"* text\n")
    write(folder, {"a.py": "print('good')\r\n"})


@pytest.mark.parametrize(
    "lie",
    [
        forged_subtree,
        forged_tree,
        forged_commit,
        tree_that_is_a_blob,
        commit_that_is_a_tree,
        forged_attributes_blob,
    ],
)
def test_an_object_that_is_not_what_its_name_says_fails(lie: Callable[[Path], None], checkout: Path) -> None:
    assert source(checkout).dirty is False
    lie(checkout)
    found = source(checkout)
    assert found.status == "failed"
    assert "forged or damaged" in str(found.reason)


def test_a_forged_commit_graph_is_not_read(checkout: Path) -> None:
    write(checkout, {"a.py": EVIL})
    git(checkout, "commit", "-q", "-am", "evil")
    git(checkout, "commit-graph", "write", "--reachable")
    evil = git(checkout, "rev-parse", "HEAD^{tree}")
    graph = checkout / ".git" / "objects" / "info" / "commit-graph"
    good = git(checkout, "rev-parse", "HEAD~^{tree}")
    git(checkout, "update-ref", "refs/heads/main", git(checkout, "rev-parse", "HEAD~"))
    content = graph.read_bytes()[:-20].replace(bytes.fromhex(good), bytes.fromhex(evil))
    graph.chmod(0o644)
    graph.write_bytes(content + hashlib.sha1(content).digest())
    git(checkout, "read-tree", evil)
    assert git(checkout, "status", "--porcelain", "-uno") == ""
    assert source(checkout).changes == ("a.py",)


def test_grafts_and_alternates_of_the_environment_are_not_read(checkout: Path, tmp_path: Path) -> None:
    other = make_checkout(tmp_path / "other", {"a.py": EVIL})
    (checkout / ".git" / "info" / "grafts").write_text(git(checkout, "rev-parse", "HEAD") + "\n")
    stored = {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(other / ".git/objects"),
        "GIT_OBJECT_DIRECTORY": str(other / ".git/objects"),
        "GIT_INDEX_FILE": str(other / ".git/index"),
        "GIT_NAMESPACE": "other",
    }
    assert source(checkout, **stored).dirty is False
    (checkout / ".git/refs/heads/main").write_text(git(other, "rev-parse", "HEAD") + "\n")
    assert source(checkout, **stored).status == "failed"


def test_a_clone_that_borrows_objects_is_whole(checkout: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--shared", str(checkout), "borrowing")
    assert source(tmp_path / "borrowing").dirty is False


@pytest.mark.parametrize("form", ["sha1", "sha256"])
@pytest.mark.parametrize("packed", [False, True])
def test_both_hashes_and_packed_objects_are_read(tmp_path: Path, form: str, packed: bool) -> None:
    folder = write(tmp_path, FILES)
    git(folder, "init", "-q", "-b", "main", f"--object-format={form}")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    if packed:
        git(folder, "gc", "-q")
        git(folder, "pack-refs", "--all")
    found = source(folder)
    assert (found.status, found.dirty, found.commit) == ("collected", False, git(folder, "rev-parse", "HEAD"))
    write(folder, {"sub/b.py": EVIL})
    assert source(folder).changes == ("sub/b.py",)


def test_another_work_tree_of_the_repository_is_judged_by_its_own_head(
    checkout: Path, tmp_path: Path
) -> None:
    git(checkout, "worktree", "add", "-q", "-b", "other", str(tmp_path / "second"))
    found = source(tmp_path / "second" / "sub")
    assert (found.branch, found.dirty) == ("other", False)
    write(tmp_path / "second", {"a.py": EVIL})
    assert source(tmp_path / "second").changes == ("a.py",)
    assert source(checkout).changes == ()

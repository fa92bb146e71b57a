"""A hostile repository ends in failed evidence, soon and with a reason; nothing hangs or leads elsewhere."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from pushpolicy.gather.checkout import (
    FileState,
    compare,
    effort,
    inspect,
    objects,
    patterns,
    program,
    state_in_head,
    tree,
)
from pushpolicy.gather.checkout.files import Files
from pushpolicy.gather.checkout.patterns import SparsePatterns
from pushpolicy.model.evidence import SourceEvidence
from tests.unit.gather.samples import git, make_checkout, write

ENVIRON = {"PATH": os.defpath}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return make_checkout(tmp_path / "work", {"a.txt": "a\n", "sub/b.txt": "b\n"})


def source(folder: Path) -> SourceEvidence:
    return inspect(folder, ENVIRON).evidence


def stored(folder: Path, kind: str, content: bytes) -> str:
    """Put an object into the repository that git itself would not write."""
    argv = ["git", "hash-object", "-t", kind, "-w", "--stdin", "--literally"]
    return (
        subprocess.run(argv, cwd=folder, input=content, stdout=subprocess.PIPE, check=True)
        .stdout.decode()
        .strip()
    )


def commit_of(folder: Path, name: str) -> None:
    """Let HEAD name a commit of this tree."""
    commit = stored(
        folder, "commit", f"tree {name}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nx\n".encode()
    )
    write(folder, {".git/refs/heads/main": f"{commit}\n"})


def entry(mode: str, name: bytes, digest: str) -> bytes:
    return mode.encode() + b" " + name + b"\0" + bytes.fromhex(digest)


@pytest.mark.parametrize("name", ["attributes", "grafts", "exclude", "sparse-checkout"])
def test_a_named_pipe_in_the_repository_hangs_nothing(checkout: Path, name: str) -> None:
    (checkout / ".git/info" / name).unlink(missing_ok=True)
    os.mkfifo(checkout / ".git/info" / name)
    start = time.monotonic()
    assert source(checkout).dirty is False
    assert time.monotonic() - start < 5


READ_BY_GIT = [
    "HEAD",
    "config",
    "config.worktree",
    "packed-refs",
    "shallow",
    "refs/heads/main",
    "refs/tags/deep/in/it",
    "objects/info/alternates",
    "objects/info/commit-graph",
    "objects/pack/pack-1.idx",
]


@pytest.mark.parametrize("name", READ_BY_GIT)
def test_what_git_would_wait_for_is_refused_before_it_is_started(checkout: Path, name: str) -> None:
    place = checkout / ".git" / name
    place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(place)
    assert source(checkout).reason == f"{place}: it is not a regular file"
    assert state_in_head(checkout, Path("a.txt"), b"a\n", ENVIRON) is FileState.UNTRACKED


def test_so_is_a_device_and_what_leads_to_every_file_of_the_machine(checkout: Path) -> None:
    for target in ("/dev/zero", "/"):
        place = checkout / ".git/refs/heads/x"
        place.symlink_to(target)
        assert source(checkout).reason == f"{place}: it is not a regular file"
        place.unlink()


def test_links_to_files_and_to_the_folder_of_references_are_read(checkout: Path) -> None:
    (checkout / ".git/refs").rename(checkout.parent / "refs")
    (checkout / ".git/refs").symlink_to(checkout.parent / "refs")  # git-new-workdir
    (checkout / ".git/refs/heads/other").symlink_to("main")
    (checkout / ".git/refs/heads/nowhere").symlink_to("gone")
    assert source(checkout).status == "collected"


def test_an_object_that_is_a_pipe_is_refused(checkout: Path) -> None:
    name = git(checkout, "rev-parse", "HEAD:sub")
    place = checkout / ".git/objects" / name[:2] / name[2:]
    place.unlink()
    os.mkfifo(place)
    assert source(checkout).reason == f"{place}: it is not a regular file"


def test_git_that_waited_once_is_not_started_again(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "SECONDS", 0.5)
    os.mkfifo(checkout.parent / "pipe")
    git(checkout, "config", "include.path", str(checkout.parent / "pipe"))
    assert source(checkout).reason == "git rev-parse took more than 0.5 seconds"
    assert source(checkout).reason == "git took too long on this repository before"


def test_objects_that_git_waited_for_once_are_not_asked_for_again(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "SECONDS", 0.5)
    name = git(checkout, "rev-parse", "HEAD:sub")
    other = checkout.parent / "other" / name[:2]
    other.mkdir(parents=True)
    os.mkfifo(other / name[2:])
    (checkout / ".git/objects" / name[:2] / name[2:]).unlink()
    write(checkout, {".git/objects/info/alternates": f"{checkout.parent / 'other'}\n"})
    assert str(source(checkout).reason).startswith("git ended, or took over 0.5 seconds")
    assert source(checkout).reason == "git took too long on this repository before"


@pytest.mark.parametrize("content", ["gitdir: loop", "gitdir: a\0b"])
def test_a_path_that_leads_nowhere_fails(checkout: Path, content: str) -> None:
    (checkout / ".git").rename(checkout / "moved")
    (checkout / "loop").symlink_to("loop")
    write(checkout, {".git": f"{content}\n"})
    assert source(checkout).status == "failed"


@pytest.mark.parametrize("place", [".git", ".git/commondir"])
def test_one_that_stands_for_the_repository_fails(checkout: Path, place: str) -> None:
    if place == ".git":
        (checkout / ".git").rename(checkout / "moved")
    os.mkfifo(checkout / place)
    assert source(checkout).status == "failed"


@pytest.mark.parametrize(
    "name",
    [
        b"..",
        b".",
        b"../../evil",
        b"a/b",
        b"",
        b".git",
        b".GIT",
        b".git ",
        b".git::$INDEX",
        b"git~1",
        b".g\xe2\x80\x8cit",
    ],
)
@pytest.mark.parametrize("mode", ["100644", "40000", "120000"])
def test_a_name_that_leads_elsewhere_fails(checkout: Path, name: bytes, mode: str) -> None:
    target = git(checkout, "rev-parse", "HEAD:sub" if mode == "40000" else "HEAD:a.txt")
    commit_of(checkout, stored(checkout, "tree", entry(mode, name, target)))
    found = source(checkout)
    assert found.status == "failed"
    assert "git would not check out" in str(found.reason)


def test_other_names_are_taken_as_they_are(checkout: Path) -> None:
    names = [b"a\nb", b"\xff\xfe", b".gitignore", b".git.md", b"git~10", b" ", b"-x", "ü".encode(), b"\\"]
    blob = git(checkout, "rev-parse", "HEAD:a.txt")
    commit_of(
        checkout, stored(checkout, "tree", b"".join(entry("100644", name, blob) for name in sorted(names)))
    )
    for name in names:
        (checkout / os.fsdecode(name)).write_text("a\n")
    assert source(checkout).changes == ()
    (checkout / os.fsdecode(b"\xff\xfe")).unlink()
    (changed,) = source(checkout).changes
    assert changed.isprintable()


def malformed_mode(folder: Path) -> str:
    return stored(folder, "tree", entry("100000", b"a", git(folder, "rev-parse", "HEAD:a.txt")))


def no_mode(folder: Path) -> str:
    return stored(folder, "tree", entry("-1", b"a", git(folder, "rev-parse", "HEAD:a.txt")))


def no_octal(folder: Path) -> str:
    return stored(folder, "tree", entry("100948", b"a", git(folder, "rev-parse", "HEAD:a.txt")))


def cut_short(folder: Path) -> str:
    return stored(folder, "tree", entry("100644", b"a", git(folder, "rev-parse", "HEAD:a.txt"))[:-1])


def no_end(folder: Path) -> str:
    return stored(folder, "tree", b"100644 a")


def twice_the_same(folder: Path) -> str:
    blob = git(folder, "rev-parse", "HEAD:a.txt")
    return stored(folder, "tree", entry("100644", b"a", blob) + entry("100755", b"a", blob))


def a_bomb(folder: Path) -> str:
    """Ten to the twelfth files in twelve objects."""
    name, mode = git(folder, "rev-parse", "HEAD:a.txt"), "100644"
    for _ in range(12):
        name = stored(folder, "tree", b"".join(entry(mode, b"%d" % number, name) for number in range(10)))
        mode = "40000"
    return name


def nested(folder: Path) -> str:
    name = git(folder, "rev-parse", "HEAD:sub")
    for _ in range(260):
        name = stored(folder, "tree", entry("40000", b"d", name))
    return name


def of_long_names(folder: Path) -> str:
    """Gigabytes of paths in two objects."""
    blob = git(folder, "rev-parse", "HEAD:a.txt")
    files = stored(folder, "tree", b"".join(entry("100644", b"%03d" % number, blob) for number in range(500)))
    return stored(folder, "tree", entry("40000", b"d" * 20_000_000, files))


def of_long_paths(folder: Path) -> str:
    name = git(folder, "rev-parse", "HEAD:sub")
    for _ in range(200):
        name = stored(folder, "tree", entry("40000", b"d" * 4000, name))
    return name


TREES = (malformed_mode, no_mode, no_octal, cut_short, no_end, twice_the_same, a_bomb, nested)


@pytest.mark.parametrize("make", [of_long_names, of_long_paths])
def test_a_tree_of_paths_without_end_fails(checkout: Path, make: Callable[[Path], str]) -> None:
    commit_of(checkout, make(checkout))
    assert source(checkout).reason == "the commit holds a path of over 4096 characters"


@pytest.mark.parametrize("make", TREES)
def test_a_tree_that_is_malformed_or_endless_fails(
    checkout: Path, make: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "MAX_ENTRIES", 5000)
    commit_of(checkout, make(checkout))
    start = time.monotonic()
    assert source(checkout).status == "failed"
    assert time.monotonic() - start < 5


def test_a_commit_without_a_tree_fails(checkout: Path) -> None:
    commit = stored(checkout, "commit", b"parent 1\n\ntree 1\n")
    write(checkout, {".git/refs/heads/main": f"{commit}\n"})
    assert source(checkout).reason == f"the commit {commit} names no tree"


def test_objects_over_their_limit_fail(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "_MAX_TREE", 10)
    found = source(checkout)
    assert found.status == "failed"
    assert "is over 10 bytes" in str(found.reason)


def test_files_that_take_too_long_fail(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "SECONDS", -1)
    assert source(checkout).reason == "to compare the files of the checkout took too long"


def test_more_than_can_be_listed_fails(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushpolicy.gather.checkout.MAX_LISTED", 1)
    write(checkout, {".gitattributes": "* filter=x\n"})
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "-m", "filter")
    write(checkout, {"a.txt": "x", "sub/b.txt": "y"})
    assert source(checkout).reason == "over 1 files cannot be compared"


def test_more_than_can_be_listed_as_not_checked_out_fails(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pushpolicy.gather.checkout.MAX_LISTED", 1)
    git(checkout, "sparse-checkout", "set", "--no-cone", "nothing")
    assert source(checkout).reason == "over 1 files are not checked out"


def test_patterns_without_end_fail(checkout: Path) -> None:
    git(checkout, "sparse-checkout", "set", "--no-cone", "*")
    write(checkout, {".git/info/sparse-checkout": "a\n" * 3_000_000})
    assert str(source(checkout).reason).endswith("/.git/info/sparse-checkout is over 4194304 bytes")


def test_an_answer_without_end_fails(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_MAX_OUTPUT", 10)
    assert source(checkout).reason == "git rev-parse answered more than 10 bytes"


def test_a_git_that_cannot_be_run_fails(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "git").write_text("no program")
    found = inspect(checkout, ENVIRON, tmp_path / "git").evidence
    assert found.reason == "git cannot be run: Permission denied"


def test_a_file_that_shrinks_while_it_is_read_is_a_change(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fstat

    def grown(descriptor: int) -> os.stat_result:
        about = real(descriptor)
        return os.stat_result((*about[:6], about[6] + 1, *about[7:]))

    monkeypatch.setattr(os, "fstat", grown)
    assert source(checkout).changes == ("a.txt", "sub/b.txt")


def test_what_nobody_may_read_is_a_change(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def closed(path: str, *arguments: int, **options: int) -> int:
        if path == "b.txt":
            raise PermissionError
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", closed)
    assert source(checkout).changes == ("sub/b.txt",)


def test_a_disk_that_is_full_fails(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects.tempfile, "tempdir", "/proc/self/fd/none")  # type: ignore[attr-defined]
    found = source(checkout)
    assert (found.status, found.reason) == (
        "failed",
        "the checkout cannot be read: No such file or directory",
    )


def test_a_checkout_that_vanishes_fails(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Files, "compare", lambda *_: os.open(checkout / "gone", os.O_RDONLY))
    assert source(checkout).status == "failed"


def test_a_git_that_talks_nonsense_fails(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "SECONDS", 0.5)
    for number, script in enumerate(("exit 0", "echo a b c d", "cat", "kill -9 $$", "exec sleep 1000")):
        path = write(tmp_path, {f"git{number}": f"#!/bin/sh\n{script}\n"}) / f"git{number}"
        path.chmod(0o755)
        start = time.monotonic()
        assert inspect(checkout, ENVIRON, path).evidence.status == "failed"
        assert time.monotonic() - start < program.SECONDS + 5


def test_patterns_that_take_too_long_fail(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are soon read; to find each in a sparse checkout's patterns is what takes the time."""
    git(checkout, "sparse-checkout", "set", "--no-cone", "nothing")
    late = [0.0]

    def include(self: SparsePatterns, path: str, effort: object) -> bool:
        late.append(compare.SECONDS + 1)
        return False

    monkeypatch.setattr(effort, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + late[-1]))
    monkeypatch.setattr(SparsePatterns, "include", include)
    assert source(checkout).reason == "to compare the files of the checkout took too long"
    assert len(late) == 2, "at the next file"


MANY = "/".join(["**", "?*"] * 100)
ATTRIBUTES = {
    "wildcards": (f"*{'?' * number} text\n" for number in range(500)),
    "all match": ("*.txt text\n" for _ in range(55_000)),
    "all match one file of a folder": ("/**/sub/**/* text\n" for _ in range(55_000)),
    "each holds many stars": (f"{MANY}{number} text\n" for number in range(2000)),
    "macros of macros": (f"[attr]{a} {f'{b} ' * 900}\n" for a, b in pairwise("abcdefghij")),
    "a chain of macros": (f"[attr]m{number} m{number + 1}\n" for number in range(30_000)),
    "many assignments": (f"* {'a ' * 900}\n" for _ in range(500)),
    "endings": (f"*.{number}txt text\n" for number in range(55_000)),
    "names": (f"/sub/{number} text\n" for number in range(55_000)),
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_no_attributes_take_long(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused by what they ask for, or soon read; in time of the processor, which others may be using."""
    monkeypatch.setattr(patterns, "MAX_WILD", 400)
    monkeypatch.setattr(effort, "MAX_TRIES", 200_000)
    content = "".join(ATTRIBUTES[name])[: 2**20 - 30].rpartition("\n")[0] + "\n* m0 a\n"
    files = {f"sub/b{number}.txt": "b\n" for number in range(200)}
    folder = make_checkout(tmp_path / "attributes", {".gitattributes": content, **files})
    write(folder, dict.fromkeys(files, "b\r\n"))
    start = time.process_time()
    found = source(folder)
    assert time.process_time() - start < 10
    if found.status == "failed":
        assert "patterns of .gitattributes" in str(found.reason)


def test_attributes_that_are_many_files_fail(tmp_path: Path) -> None:
    files = {f"sub{number}/.gitattributes": "# \n" * 250_000 for number in range(6)}
    changed = {f"sub{number}/a": "a\n" for number in range(6)}
    folder = make_checkout(tmp_path / "attributes", files | changed)
    write(folder, dict.fromkeys(changed, "b\n"))
    assert source(folder).reason == "the .gitattributes of the commit are over 4194304 bytes together"


def test_a_sparse_checkout_of_many_patterns_ends(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "MAX_TRIES", 1000)
    git(checkout, "sparse-checkout", "set", "--no-cone", "nothing")
    write(checkout, {".git/info/sparse-checkout": "!?*x.txt\n" * 2000})
    assert "patterns of .gitattributes and sparse-checkout are too many" in str(source(checkout).reason)


def test_a_pattern_without_end_fails(checkout: Path) -> None:
    git(checkout, "sparse-checkout", "set", "--no-cone", "nothing")
    write(checkout, {".git/info/sparse-checkout": "?" * 5000})
    assert source(checkout).reason == "a pattern of .gitattributes or sparse-checkout is over 4096 long"


@pytest.mark.parametrize("content", ["", "nothing\n", "worktree: ../moved\n"])
def test_a_file_that_names_no_repository_fails(checkout: Path, content: str) -> None:
    (checkout / ".git").rename(checkout / "moved")
    write(checkout, {".git": content})
    assert source(checkout).reason == ".git is neither a git repository nor names one"


def test_a_program_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(program.GitError, match="git cannot be run: No such file"),
        objects.Objects(str(tmp_path / "git"), tmp_path, "sha1"),
    ):
        pytest.fail("it runs")


@pytest.mark.parametrize("said", ["", "%s", "%s blob", "%s blob 100\\nabc", "%s blob 3\\nabc"])
def test_an_object_of_which_git_gives_a_part_is_none(tmp_path: Path, said: str) -> None:
    """That git ended is told, and not that the repository is damaged."""
    write(tmp_path, {"git": f'#!/bin/sh\nread name\nprintf "{said}" "$name"\n'})
    (tmp_path / "git").chmod(0o700)
    with (
        objects.Objects(str(tmp_path / "git"), tmp_path, "sha1") as reader,
        pytest.raises(program.GitError, match="git ended, or took over"),
    ):
        reader.read(objects.blob_name(b"abc", "sha1"), "blob", 1000)


@pytest.mark.parametrize("attributes", ["", "* text=auto ident\n", "* filter=x\n", "* filter=lfs\n"])
def test_a_file_that_grew_beyond_measure_is_not_read(tmp_path: Path, attributes: str) -> None:
    """A hole of 200 GiB costs nothing to make, and minutes to hash."""
    checkout = make_checkout(tmp_path / "work", {"a.bin": "a\n", ".gitattributes": attributes})
    os.truncate(checkout / "a.bin", 200 * 1024**3)
    started = time.monotonic()
    found = source(checkout)
    assert time.monotonic() - started < 20
    assert "a.bin" in (*found.changes, *found.not_comparable)


def test_a_large_file_of_the_commit_is_the_same(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "work", {"a.bin": "a" * (65 * 1024**2)})
    assert source(checkout).dirty is False
    with (checkout / "a.bin").open("r+b") as file:
        file.write(b"b")
    assert source(checkout).changes == ("a.bin",)

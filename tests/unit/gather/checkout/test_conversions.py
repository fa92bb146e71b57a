"""What git does to files on checking them out is no change, as far as the commit's attributes ask for it."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushpolicy.gather.checkout import inspect
from pushpolicy.gather.checkout.effort import Effort
from pushpolicy.gather.checkout.patterns import Pattern, Patterns, SparsePatterns
from pushpolicy.model.evidence import SourceEvidence
from tests.unit.gather.samples import git, make_checkout, write

TEXT = b"one\ntwo\n"
BINARY = bytes(range(256)) * 4
MIXED = b"one\r\ntwo\n"


def source(folder: Path, **environ: str) -> SourceEvidence:
    return inspect(folder, {"PATH": os.defpath, **environ}).evidence


def cloned(origin: Path, *options: str) -> Path:
    """A fresh clone beside it; `options` are of git clone."""
    place = origin.parent / f"{origin.name}-clone"
    git(origin.parent, "clone", "-q", *options, origin.as_uri(), place.name)
    return place


def committed(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A repository that holds exactly these bytes, whatever its attributes say."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for name, content in files.items():
        (folder / "bytes").write_bytes(content)
        blob = git(folder, "hash-object", "-w", "--no-filters", "bytes")
        git(folder, "update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    (folder / "bytes").unlink()
    git(folder, "commit", "-q", "-m", "first")
    return folder


@pytest.mark.parametrize(
    ("attributes", "setting"),
    [
        ("", "true"),
        ("", "input"),
        ("* text=auto\n", "true"),
        ("* text=auto eol=crlf\n", "false"),
        ("*.txt text eol=crlf\n", "false"),
        ("*.txt eol=crlf\n", "input"),
        ("*.txt crlf\n", "true"),
        ("[attr]windows text eol=crlf\n*.txt windows\n", "false"),
        ("*.txt -text\n", "true"),
        ("*.txt binary\n", "true"),
        ("*.txt ident text eol=crlf\n", "false"),
        ("*.txt working-tree-encoding=UTF-16 eol=crlf\n", "false"),
        ("*.txt working-tree-encoding=UTF-16LE-BOM\n", "false"),
        ("*.txt working-tree-encoding=ISO-8859-1 ident\n", "false"),
        ("*.txt working-tree-encoding=shift-jis\n", "false"),
    ],
)
def test_a_fresh_clone_is_clean_and_a_change_in_it_is_not(
    tmp_path: Path, attributes: str, setting: str
) -> None:
    files = {
        ".gitattributes": attributes.encode(),
        "a.txt": b"$Id$\n" + TEXT,
        "mixed.txt": MIXED + b"$Id: 1 $",
        "image": BINARY,
        "sub/b.txt": TEXT * 1000,
    }
    clone = cloned(committed(tmp_path / "origin", files), "-c", f"core.autocrlf={setting}")
    found = source(clone)
    assert (found.status, found.changes, found.not_comparable) == ("collected", (), ())
    for name in ("a.txt", "mixed.txt", "sub/b.txt"):
        content = (clone / name).read_bytes()
        (clone / name).write_bytes(content.replace(b"o", b"0"))
        assert source(clone).changes == (name,)
        (clone / name).write_bytes(content)


def test_line_endings_stay_what_they_are_unless_somebody_asks(tmp_path: Path) -> None:
    files = {
        ".gitattributes": b"*.bin -text\n*.txt text=auto\n",
        "a.bin": TEXT,
        "a.txt": TEXT,
        "a.other": TEXT,
    }
    folder = cloned(committed(tmp_path / "origin", files), "-c", "core.autocrlf=false")
    for name in ("a.bin", "a.txt", "a.other"):
        (folder / name).write_bytes(TEXT.replace(b"\n", b"\r\n"))
    assert source(folder).changes == ("a.bin", "a.other")
    git(folder, "config", "core.autocrlf", "input")
    assert source(folder).changes == ("a.bin",)


def test_the_user_s_own_setting_counts(tmp_path: Path) -> None:
    folder = committed(tmp_path / "origin", {"a.txt": TEXT})
    write(folder, {"a.txt": TEXT.replace(b"\n", b"\r\n")})
    home = write(tmp_path / "home", {".gitconfig": "[core]\n\tautocrlf = true\n"})
    assert source(folder).dirty is True
    assert source(folder, HOME=str(home)).dirty is False


def test_a_binary_file_is_converted_by_no_guess(tmp_path: Path) -> None:
    folder = committed(
        tmp_path / "origin", {".gitattributes": b"* text=auto\n", "image": BINARY, "zero": b"\0\n"}
    )
    write(
        folder,
        {"image": BINARY.replace(b"\n", b"\r\n"), "zero": b"\0\r\n", ".gitattributes": "* text=auto\n"},
    )
    assert source(folder).changes == ("image", "zero")


@pytest.mark.parametrize("name", ["rot13", "zip", "unicode_escape", "idna", "nonsense", "UTF-7", "cp9999"])
def test_an_encoding_that_is_not_known_cannot_be_compared(tmp_path: Path, name: str) -> None:
    files = {".gitattributes": f"*.txt working-tree-encoding={name}\n".encode(), "a.txt": TEXT}
    folder = committed(tmp_path / "origin", files)
    write(folder, {".gitattributes": files[".gitattributes"], "a.txt": b"other"})
    found = source(folder)
    assert (found.changes, found.not_comparable) == ((), ("a.txt",))


def test_a_byte_order_mark_is_part_of_the_encoding(tmp_path: Path) -> None:
    files = {".gitattributes": b"*.txt working-tree-encoding=utf-16\n", "a.txt": TEXT}
    clone = cloned(committed(tmp_path / "origin", files))
    assert source(clone).changes == ()
    (clone / "a.txt").write_bytes(TEXT.decode().encode("utf-16-le"))
    assert source(clone).changes == ("a.txt",)


LARGE = random.Random(1).randbytes(3 * 1024 * 1024)


def pointer(content: bytes) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n".encode()


def test_large_files_are_compared_with_their_pointers(tmp_path: Path) -> None:
    attributes = b"*.bin filter=lfs diff=lfs merge=lfs -text\n"
    files = {"a.bin": b"small", "b.bin": LARGE, "c.bin": b"not fetched"}
    whole = {".gitattributes": attributes, **{name: pointer(content) for name, content in files.items()}}
    whole["old.bin"] = LARGE[::-1]  # committed before somebody wrote the attribute
    folder = committed(tmp_path / "origin", whole)
    write(folder, {**whole, "a.bin": b"small", "b.bin": LARGE})
    found = source(folder)
    assert (found.changes, found.not_comparable) == ((), ())
    for name, content in {
        "a.bin": b"SMALL",
        "b.bin": LARGE[:-1] + b"x",
        "c.bin": pointer(b"another"),
        "old.bin": LARGE,
    }.items():
        before = (folder / name).read_bytes()
        write(folder, {name: content})
        assert source(folder).changes == (name,)
        write(folder, {name: before})


def test_what_no_attribute_calls_a_large_file_is_none(tmp_path: Path) -> None:
    folder = committed(tmp_path / "origin", {"a.bin": pointer(LARGE)})
    write(folder, {"a.bin": LARGE, ".git/info/attributes": "* filter=lfs\n"})
    assert source(folder).changes == ("a.bin",)


def test_a_file_behind_another_filter_is_compared_as_it_is_or_not_at_all(tmp_path: Path) -> None:
    files = {
        ".gitattributes": b"*.key filter=git-crypt\n",
        "a.key": b"\0GITCRYPT\0",
        "b.key": b"\0GITCRYPT\0",
    }
    folder = committed(tmp_path / "origin", files)
    write(folder, {**files, "b.key": b"opened"})
    found = source(folder)
    assert (found.dirty, found.changes, found.not_comparable) == (False, (), ("b.key",))
    assert found.counts is not None
    assert found.counts.not_comparable == 1
    (folder / "a.key").unlink()
    assert source(folder).changes == ("a.key",)


TREE = {
    f"{folder}{name}": "x\n" for folder in ("", "a/", "a/b/", "a/c/", "d/", "d/e/") for name in ("one", "two")
}


@pytest.mark.parametrize(
    ("options", "absent"),
    [
        (["--cone"], ["a/", "d/"]),
        (["--cone", "a"], ["d/"]),
        (["--cone", "a/b"], ["a/c/", "d/"]),
        (["--cone", "a/b", "d/e"], ["a/c/"]),
        (["--no-cone", "/*", "!one"], ["a/b/one", "a/c/one", "a/one", "d/e/one", "d/one", "one"]),
        (["--no-cone", "a/", "!a/c/", "/d/two"], ["a/c/", "d/e/", "d/one", "one", "two"]),
    ],
)
def test_what_lies_outside_a_sparse_checkout_is_no_change(
    tmp_path: Path, options: list[str], absent: list[str]
) -> None:
    folder = cloned(make_checkout(tmp_path / "origin", TREE))
    git(folder, "sparse-checkout", "set", *options)
    found = source(folder)
    assert (found.status, found.changes, list(found.not_checked_out)) == ("collected", (), absent)
    assert found.counts is not None
    assert found.counts.not_checked_out == len(absent)


def test_a_shallow_clone_and_one_without_blobs_or_trees_are_judged(tmp_path: Path) -> None:
    origin = make_checkout(tmp_path / "origin", TREE)
    git(origin, "config", "uploadpack.allowFilter", "true")
    write(origin, {"a/one": "y\n"})
    git(origin, "commit", "-q", "-am", "second")
    for number, options in enumerate((["--depth=1"], ["--filter=blob:none"], ["--filter=tree:0"])):
        place = tmp_path / f"clone{number}"
        git(tmp_path, "clone", "-q", *options, origin.as_uri(), place.name)
        assert source(place).dirty is False
        write(place, {"a/two": "changed"})
        assert source(place).changes == ("a/two",)


def test_a_clone_that_lacks_trees_says_how_to_fetch_them(tmp_path: Path) -> None:
    origin = make_checkout(tmp_path / "origin", TREE)
    git(origin, "config", "uploadpack.allowFilter", "true")
    clone = cloned(origin, "--filter=tree:0", "--no-checkout")
    found = source(clone)
    assert found.status == "failed"
    command = str(found.reason).split("`")[1]
    assert command == "git fetch --refetch --no-filter origin"
    git(clone, "read-tree", "HEAD")  # fetches what it needs
    git(clone, "checkout-index", "-a")
    assert source(clone).dirty is False


def test_that_command_fetches_them(tmp_path: Path) -> None:
    origin = make_checkout(tmp_path / "origin", TREE)
    git(origin, "config", "uploadpack.allowFilter", "true")
    clone = cloned(origin, "--filter=tree:0", "--no-checkout")
    git(clone, "fetch", "-q", "--refetch", "--no-filter", "origin")
    found = source(clone)
    assert (found.status, len(found.changes)) == ("collected", len(TREE))


SEGMENT = st.text(alphabet="ab.", min_size=1, max_size=4).filter(lambda text: set(text) != {"."})
GLOB = st.lists(
    st.sampled_from(
        ["a", "b", ".", "*", "**", "?", "/", "[ab]", "[!a]", "[^a]", "[a-b]", "\\a", "\\*", "[[:alpha:]]"]
    ),
    min_size=1,
    max_size=7,
).map("".join)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patterns")
    git(folder, "init", "-q")
    return folder


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    globs=st.lists(GLOB, min_size=1, max_size=12), paths=st.lists(st.lists(SEGMENT, min_size=1, max_size=4))
)
def test_patterns_match_what_git_says_they_match(
    empty: Path, globs: list[str], paths: list[list[str]]
) -> None:
    names = sorted({"/".join(path) for path in paths})
    if not names:
        return
    lines = [f"{glob} mark{number}\n" for number, glob in enumerate(globs)]
    write(empty, {".gitattributes": "".join(lines)})
    said = git(empty, "check-attr", "-z", "-a", *names).split("\0")
    theirs = {(said[at], said[at + 1]) for at in range(0, len(said) - 2, 3)}
    patterns = [Pattern(glob) for glob in globs]
    ours = {
        (name, f"mark{number}")
        for name in names
        for number in Patterns(patterns).matching(name.split("/"), Effort(60))
        if not patterns[number].folder_only
    }
    assert ours == theirs


def test_no_pattern_takes_long() -> None:
    path = ["a" * 200] * 200
    for glob in (
        "*a" * 60 + "b",
        "/".join(["**", "a*"] * 60) + "/b",
        "**/" * 100 + "b",
        "[" * 1000,
        "*" * 1000 + "b",
    ):
        assert not Pattern(glob).matches(path)
    assert not SparsePatterns(["!**/b", "/**/c/"]).include("/".join(path), Effort(60))

"""A submodule that is checked out is judged like the whole, by the commit that the tree names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pushpolicy.gather.checkout import inspect, may_be_in_head
from pushpolicy.model.evidence import SourceEvidence
from tests.unit.gather.samples import git, make_checkout, write

LOCAL = ("-c", "protocol.file.allow=always")


def source(folder: Path) -> SourceEvidence:
    return inspect(folder, {"PATH": os.defpath}).evidence


@pytest.fixture(scope="module")
def cloned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clone, `work`, that has a submodule `vendor/lib`, which has one of its own, `deep`."""
    tmp_path = tmp_path_factory.mktemp("cloned")
    deep = make_checkout(tmp_path / "deep", {"d.py": "d\n"})
    lib = make_checkout(tmp_path / "lib", {"l.py": "l\n", "m/n.py": "n\n"})
    git(lib, *LOCAL, "submodule", "add", "-q", str(deep), "deep")
    git(lib, "commit", "-q", "-m", "deep")
    main = make_checkout(tmp_path / "main", {"a.py": "a\n"})
    git(main, *LOCAL, "submodule", "add", "-q", str(lib), "vendor/lib")
    git(main, "commit", "-q", "-m", "lib")
    git(tmp_path, *LOCAL, "clone", "-q", "--recurse-submodules", str(main), "work")
    return tmp_path


@pytest.fixture
def checkout(cloned: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(cloned / "work", tmp_path / "work", symlinks=True)
    return tmp_path / "work"


def test_a_clone_with_its_submodules_is_clean(checkout: Path) -> None:
    found = source(checkout)
    assert (found.status, found.changes, found.not_checked_out) == ("collected", (), ())


def changed(folder: Path) -> str:
    write(folder, {"vendor/lib/l.py": "evil\n"})
    return "vendor/lib/l.py"


def assume_unchanged(folder: Path) -> str:
    git(folder / "vendor/lib", "update-index", "--assume-unchanged", "m/n.py")
    write(folder, {"vendor/lib/m/n.py": "evil\n"})
    return "vendor/lib/m/n.py"


def ignored_by_configuration(folder: Path) -> str:
    git(folder, "config", "submodule.vendor/lib.ignore", "all")
    git(folder, "config", "submodule.vendor/lib.active", "false")
    return changed(folder)


def nested(folder: Path) -> str:
    write(folder, {"vendor/lib/deep/d.py": "evil\n"})
    return "vendor/lib/deep/d.py"


def at_another_commit(folder: Path) -> str:
    write(folder, {"vendor/lib/l.py": "newer\n"})
    git(folder / "vendor/lib", "commit", "-q", "-am", "newer")
    return "vendor/lib/l.py"


def another_repository(folder: Path) -> str:
    """A repository that has not even the commit."""
    shutil.rmtree(folder / "vendor/lib")
    make_checkout(folder / "vendor/lib", {"l.py": "evil\n"})
    return "vendor/lib"


def a_link_to_a_clean_one(folder: Path) -> str:
    shutil.move(folder / "vendor/lib", folder.parent / "elsewhere")
    (folder / "vendor/lib").symlink_to(folder.parent / "elsewhere")
    return "vendor/lib"


def a_file_in_its_place(folder: Path) -> str:
    shutil.rmtree(folder / "vendor/lib")
    write(folder, {"vendor/lib": "evil"})
    return "vendor/lib"


@pytest.mark.parametrize(
    "change",
    [
        changed,
        assume_unchanged,
        ignored_by_configuration,
        nested,
        at_another_commit,
        another_repository,
        a_link_to_a_clean_one,
        a_file_in_its_place,
    ],
)
def test_a_change_in_a_submodule_is_seen(change: Callable[[Path], str], checkout: Path) -> None:
    name = change(checkout)
    found = source(checkout)
    assert (found.status, found.dirty, found.changes) == ("collected", True, (name,))


def test_a_submodule_at_another_commit_with_the_same_files_is_unchanged(checkout: Path) -> None:
    git(checkout / "vendor/lib", "commit", "-q", "--allow-empty", "-m", "nothing")
    assert source(checkout).dirty is False


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_submodule_without_its_repository_cannot_be_compared(checkout: Path, is_changed: bool) -> None:
    (checkout / "vendor/lib/.git").unlink()
    if is_changed:
        write(checkout, {"vendor/lib/l.py": "evil\n"})
    found = source(checkout)
    assert (found.dirty, found.not_comparable) == (False, ("vendor/lib",))


def test_a_submodule_whose_repository_is_gone_fails_by_name(checkout: Path) -> None:
    write(checkout, {"vendor/lib/.git": "gitdir: ../nowhere\n"})
    found = source(checkout)
    assert found.status == "failed"
    assert "submodule vendor/lib: " in str(found.reason)


def test_a_submodule_that_lacks_a_tree_fails_by_name(checkout: Path) -> None:
    lib = checkout / "vendor/lib"
    tree = git(lib, "rev-parse", "HEAD:m")
    (checkout / ".git/modules/vendor/lib/objects" / tree[:2] / tree[2:]).unlink()
    found = source(checkout)
    assert found.status == "failed"
    assert f"submodule vendor/lib: the tree {tree} is not in the repository" in str(found.reason)


def test_a_submodule_that_is_not_checked_out_is_no_change(
    cloned: Path, checkout: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", str(cloned / "main"), "bare")
    found = source(tmp_path / "bare")
    assert (found.dirty, found.not_checked_out) == (False, ("vendor/lib",))
    (tmp_path / "bare/vendor/lib").rmdir()
    (tmp_path / "bare/vendor").rmdir()
    assert source(tmp_path / "bare").not_checked_out == ("vendor/lib",)
    git(checkout / "vendor/lib", "submodule", "deinit", "-q", "deep")
    found = source(checkout)
    assert (found.dirty, found.not_checked_out) == (False, ("vendor/lib/deep",))


def test_submodules_that_are_nested_without_end_fail(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pushpolicy.gather.checkout.compare._MAX_NESTED", 1)
    assert source(checkout).reason == "submodule vendor/lib: submodules are nested over 1 deep"


def test_the_files_of_a_submodule_are_tracked(checkout: Path) -> None:
    found = inspect(checkout, {})
    write(checkout, {"vendor/lib/new.py": ""})
    places = ("a.py", "vendor/lib/l.py", "vendor/lib/deep/d.py", "vendor/lib/new.py", "l.py")
    assert [found.tracks(checkout / place) for place in places] == [True, True, True, False, False]
    assert {"a.py", "vendor/lib/m/n.py", "vendor/lib/deep/d.py"} < set(found.tracked)


@pytest.mark.parametrize("gone", ["", "vendor/lib/.git"])
def test_the_commit_says_what_lies_in_a_submodule_at_any_depth(checkout: Path, gone: str) -> None:
    """A policy there is the checkout's, though the whole holds no such path."""
    if gone:
        (checkout / gone).unlink()
    (checkout / "vendor/own/.git").mkdir(parents=True)

    def says(path: str) -> bool:
        return may_be_in_head(checkout, checkout / path, {"PATH": os.defpath})

    assert all(map(says, ("a.py", "vendor", "vendor/lib", "vendor/lib/deep", "vendor/lib/deep/new")))
    assert not any(map(says, ("vendor/own", "vendor/own/deep", "new", "../elsewhere")))

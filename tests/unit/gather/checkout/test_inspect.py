"""The checkout: what git says, and that a hostile repository runs nothing and hides nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pushpolicy.gather.checkout import inspect, program
from pushpolicy.model.evidence import SourceEvidence
from tests.unit.gather.samples import git, make_checkout, write

ENVIRON = {"PATH": os.defpath + ":/usr/local/bin"}


def source(folder: Path, environ: dict[str, str] | None = None) -> SourceEvidence:
    return inspect(folder, environ or ENVIRON).evidence


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean repository with two files."""
    return make_checkout(tmp_path / "work", {"a.txt": "a\n", "sub/b.txt": "b\n"})


def test_a_clean_checkout(checkout: Path) -> None:
    found = source(checkout)
    assert (found.status, found.dirty, found.changes) == ("collected", False, ())
    assert (found.commit, found.branch, found.ref) == (
        git(checkout, "rev-parse", "HEAD"),
        "main",
        "refs/heads/main",
    )


def test_a_folder_of_the_checkout_belongs_to_it(checkout: Path) -> None:
    assert source(checkout / "sub").commit == source(checkout).commit


def test_untracked_files_do_not_make_it_dirty(checkout: Path) -> None:
    write(checkout, {"new.txt": "x"})
    assert source(checkout).dirty is False


@pytest.mark.parametrize("staged", [True, False])
def test_changes_to_tracked_files_make_it_dirty(checkout: Path, staged: bool) -> None:
    write(checkout, {"sub/b.txt": "changed\n"})
    (checkout / "a.txt").unlink()
    if staged:
        git(checkout, "add", "-A")
    found = source(checkout)
    assert (found.dirty, found.changes) == (True, ("a.txt", "sub/b.txt"))


def test_the_index_says_nothing(checkout: Path) -> None:
    """A file that is only staged is not the commit's; one that is staged and put back is unchanged."""
    git(checkout, "mv", "a.txt", "c.txt")
    write(checkout, {"sub/b.txt": "changed\n"})
    git(checkout, "add", "-A")
    write(checkout, {"sub/b.txt": "b\n"})
    assert source(checkout).changes == ("a.txt",)
    (checkout / ".git" / "index").write_bytes(b"no index")
    assert source(checkout).changes == ("a.txt",)


def test_at_most_twenty_changes_are_named(tmp_path: Path) -> None:
    folder = make_checkout(tmp_path, {f"{number:02}": "x" for number in range(30)})
    for number in range(30):
        (folder / f"{number:02}").write_text("y")
    assert len(source(folder).changes) == 20


def test_a_tag_on_a_detached_head(checkout: Path) -> None:
    git(checkout, "tag", "v1.9.0")
    git(checkout, "tag", "v1.10.0")
    git(checkout, "checkout", "-q", "--detach")
    found = source(checkout)
    assert (found.branch, found.tag, found.ref) == (None, "v1.10.0", "refs/tags/v1.10.0")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:p@ss@host.example/o/r.git", "https://host.example/o/r.git"),
        ("https://token@host.example/o/r.git?token=x#y", "https://host.example/o/r.git"),
        ("git@host.example:o/r.git", "host.example:o/r.git"),
        ("ssh://git@host.example:22/o/r", "ssh://host.example:22/o/r"),
        ("https://host.example/o/r", "https://host.example/o/r"),
        ("/srv/git/x@y.git", "/srv/git/x@y.git"),
        ("https://u:pa/ss@host.example/o/r.git", "https://host.example/o/r.git"),
        ("u:pa/ss@host.example", "host.example"),
        ("https://host.example:8443/o/r@v1", "https://host.example:8443/o/r@v1"),
        ("https://host.example/glpat-xxyyzz11223344556677/r.git", "https://host.example/***/r.git"),
        ("https://host.example/q7Xw2LmZ9aRt4KpV8sYb3NcD/r.git", "https://host.example/***/r.git"),
        ("ssh://[::1]:22/o/r", "ssh://[::1]:22/o/r"),
        ("ext::sh -c 'curl -H token:secret %S'", None),
        ("transport::https://u:password@host/r", None),
    ],
)
def test_the_remote_s_address_names_no_user(checkout: Path, url: str, shown: str | None) -> None:
    git(checkout, "remote", "add", "origin", url)
    assert source(checkout).repository == shown


def test_secrets_of_the_remote_are_known_and_not_shown(checkout: Path) -> None:
    git(
        checkout,
        "remote",
        "add",
        "origin",
        "https://u:remote-pass@h.example/glpat-xxyyzz11223344556677/r.git",
    )
    found = inspect(checkout, os.environ)
    assert found.remote_secrets == {"remote-pass", "glpat-xxyyzz11223344556677"}
    assert "remote-pass" not in repr(found)


def test_no_repository_is_missing_and_a_broken_one_has_failed(tmp_path: Path, checkout: Path) -> None:
    assert source(tmp_path).status == "missing"
    (checkout / ".git" / "HEAD").write_text("nonsense")
    found = source(checkout)
    assert found.status == "failed"
    assert "git" in str(found.reason)


def test_a_repository_without_a_commit_has_failed(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert source(tmp_path).status == "failed"


def test_without_git_it_has_failed(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "PLACES", ("/nonexistent/git",))
    assert source(checkout).reason == "no git program is installed; --git names one elsewhere"
    found = inspect(checkout, ENVIRON, Path("/nonexistent/git")).evidence
    assert found.reason == "no git program is at /nonexistent/git"


def fake_git(folder: Path, mark: Path) -> Path:
    """A program called git that leaves a mark."""
    path = write(folder, {"git": f'#!/bin/sh\ntouch {mark}\nexec git "$@"\n'}) / "git"
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("place", ["bin", "work/bin"])
def test_a_git_program_on_path_is_not_run(checkout: Path, tmp_path: Path, place: str) -> None:
    """Also where it lies in the repository and the workspace is a folder below."""
    fake = fake_git(tmp_path / place, tmp_path / "ran")
    environ = {"PATH": f"{fake.parent}:{os.defpath}", "GIT_EXEC_PATH": str(fake.parent)}
    assert source(checkout / "sub", environ).dirty is False
    assert not (tmp_path / "ran").exists()


def test_the_git_that_is_named_is_run_unless_the_checkout_brings_it(checkout: Path, tmp_path: Path) -> None:
    elsewhere = fake_git(tmp_path / "bin", tmp_path / "ran")
    assert inspect(checkout / "sub", ENVIRON, elsewhere).evidence.dirty is False
    assert (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    inside = fake_git(checkout / "bin", tmp_path / "ran")
    link = tmp_path / "link"
    link.symlink_to(inside)
    for given in (inside, link, checkout / "sub" / ".." / "bin" / "git"):
        found = inspect(checkout / "sub", ENVIRON, given).evidence
        assert "lies inside the checkout that is judged" in str(found.reason)
    assert not (tmp_path / "ran").exists()


def test_nothing_that_the_checkout_configures_is_run(checkout: Path) -> None:
    mark = checkout.parent / "ran"
    script = write(checkout.parent, {"evil": f"#!/bin/sh\ntouch {mark}\ncat\n"}) / "evil"
    script.chmod(0o755)
    write(checkout, {".git/info/attributes": "* filter=evil diff=evil\n"})
    hook = checkout / ".git" / "hooks" / "fsmonitor-watchman"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "diff.evil.textconv",
        "diff.evil.command",
        "diff.external",
        "core.pager",
        "pager.status",
        "pager.tag",
        "core.sshCommand",
    ):
        git(checkout, "config", key, str(script))
    git(checkout, "config", "alias.status", f"!{script}")
    time.sleep(0.01)
    os.utime(checkout / "a.txt")
    write(checkout, {"a.txt": "A\n"})
    assert source(checkout).changes == ("a.txt",)
    assert not mark.exists()


def test_a_filter_of_any_name_is_not_run(checkout: Path, tmp_path: Path) -> None:
    write(checkout, {".gitattributes": "* filter=a=b\n"})
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "-m", "filter")
    with (checkout / ".git" / "config").open("a") as config:
        config.write(f'[filter "a=b"]\n\tclean = touch {tmp_path}/ran\n')
    write(checkout, {"a.txt": "A\n"})
    found = source(checkout)
    assert (found.dirty, found.not_comparable) == (False, ("a.txt",))
    assert not (tmp_path / "ran").exists()


def test_a_work_tree_elsewhere_is_not_believed(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    git(checkout, "config", "core.worktree", str(tmp_path / "other"))
    assert source(checkout).status == "failed"


def test_settings_that_hide_changes_do_not(checkout: Path) -> None:
    for key, value in {
        "core.ignoreStat": "true",
        "core.checkStat": "minimal",
        "diff.ignoreSubmodules": "all",
    }.items():
        git(checkout, "config", key, value)
    write(checkout, {"a.txt": "A\n"})
    assert source(checkout).dirty is True


def test_variables_of_git_are_not_believed(checkout: Path, tmp_path: Path) -> None:
    other = make_checkout(tmp_path / "other", {"x": "x"})
    environ = ENVIRON | {
        "GIT_DIR": str(other / ".git"),
        "GIT_WORK_TREE": str(other),
        "GIT_CONFIG_COUNT": "bad",
    }
    assert source(checkout, environ).commit == source(checkout).commit


def test_tracked_files_are_known(checkout: Path, tmp_path: Path) -> None:
    write(checkout, {"new.txt": "x"})
    found = inspect(checkout, ENVIRON)
    assert (found.tracks(checkout / "sub" / "b.txt"), found.tracks(checkout / "new.txt")) == (True, False)
    assert found.tracks(tmp_path / "a.txt") is False
    assert inspect(tmp_path, ENVIRON).tracks(tmp_path / "a.txt") is None


def test_a_link_is_tracked_where_the_commit_holds_it_or_what_it_names(checkout: Path, tmp_path: Path) -> None:
    (checkout / "committed").symlink_to(write(tmp_path, {"outside": "x"}) / "outside")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "-m", "link")
    (checkout / "new").symlink_to("a.txt")
    (checkout / "other").symlink_to(tmp_path / "outside")
    found = inspect(checkout, ENVIRON)
    assert [found.tracks(checkout / name) for name in ("committed", "new", "other")] == [True, True, False]

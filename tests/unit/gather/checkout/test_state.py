"""Whether the bytes that were parsed are those of the commit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pushpolicy.gather.checkout import FileState, state_in_head
from tests.unit.gather.samples import git, make_checkout, write

ENVIRON = {"PATH": os.defpath}
NAME = "pushpolicy.yaml"
CONTENT = b"evidence: {tests: [unit]}\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    files = {NAME: CONTENT, "team/app/pushpolicy.yaml": CONTENT, ".gitattributes": b"team/** text\n"}
    return make_checkout(tmp_path / "work", files)


def state(folder: Path, content: bytes = CONTENT, path: str | Path = NAME) -> FileState:
    return state_in_head(folder, Path(path), content, ENVIRON)


def test_the_bytes_of_the_commit_are_tracked_and_others_differ(checkout: Path) -> None:
    assert state(checkout) is FileState.TRACKED
    assert state(checkout, CONTENT + b"#") is FileState.DIFFERS
    assert state(checkout, path="other.yaml") is FileState.UNTRACKED


def test_the_bytes_count_and_not_the_file(checkout: Path) -> None:
    """Between reading and asking, somebody may write another one."""
    write(checkout, {NAME: b"observe: true\n"})
    assert state(checkout) is FileState.TRACKED
    assert state(checkout, b"observe: true\n") is FileState.DIFFERS
    git(checkout, "add", NAME)
    assert state(checkout, b"observe: true\n") is FileState.DIFFERS


def test_a_file_that_is_only_staged_is_not_tracked(checkout: Path) -> None:
    write(checkout, {"new.yaml": CONTENT})
    git(checkout, "add", "-A")
    assert state(checkout, path="new.yaml") is FileState.UNTRACKED


def test_a_workspace_below_the_top_is_found(checkout: Path) -> None:
    below = checkout / "team" / "app"
    for path in (NAME, below / NAME, "../app/pushpolicy.yaml", "../../pushpolicy.yaml"):
        assert state(below, path=path) is FileState.TRACKED
    assert state(below, b"x", path=NAME) is FileState.DIFFERS


def test_line_endings_are_undone_where_the_commit_asks(checkout: Path) -> None:
    windows = CONTENT.replace(b"\n", b"\r\n")
    assert state(checkout / "team" / "app", windows) is FileState.TRACKED
    assert state(checkout, windows) is FileState.DIFFERS


def test_an_encoding_that_is_not_known_differs(checkout: Path) -> None:
    write(checkout, {".gitattributes": "*.yaml working-tree-encoding=rot13\n"})
    git(checkout, "add", ".gitattributes")
    git(checkout, "commit", "-q", "-m", "encoding")
    assert state(checkout, b"x") is FileState.DIFFERS


def test_a_link_and_a_folder_are_not_the_file(checkout: Path) -> None:
    (checkout / NAME).unlink()
    (checkout / NAME).symlink_to("team/app/pushpolicy.yaml")
    (checkout / "linked").symlink_to("team")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "-m", "links")
    assert state(checkout) is FileState.DIFFERS
    assert state(checkout, path="team") is FileState.DIFFERS
    assert state(checkout, path="linked/app/pushpolicy.yaml") is FileState.TRACKED


def test_what_cannot_be_found_out_is_untracked(checkout: Path, tmp_path: Path) -> None:
    assert state(tmp_path) is FileState.UNTRACKED
    assert state(checkout, path=tmp_path / NAME) is FileState.UNTRACKED
    tree = git(checkout, "rev-parse", "HEAD^{tree}")
    (checkout / ".git/objects" / tree[:2] / tree[2:]).unlink()
    assert state(checkout) is FileState.UNTRACKED

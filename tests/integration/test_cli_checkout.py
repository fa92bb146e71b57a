"""The checkout of a push: which git is asked, and what is said of a checkout that is not the commit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pushpolicy import errors
from tests.workspace import IMAGE, TARGET, Workspace, fail_a_test


def wrapped_git(folder: Path) -> Path:
    """A program that runs git, and leaves the file `ran` beside it."""
    folder.mkdir(parents=True)
    path = folder / "git"
    path.write_text(f'#!/bin/sh\ntouch {folder}/ran\nexec {shutil.which("git")} "$@"\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("place", ["outside", "inside"])
def test_a_git_on_path_is_not_run(workspace: Workspace, tmp_path: Path, place: str) -> None:
    git = wrapped_git(tmp_path / "bin" if place == "outside" else workspace.folder / "bin")
    path = f"{git.parent}:{workspace.environ['PATH']}"
    assert workspace.with_variables(PATH=path).push("--dry-run").code == errors.EXIT_OK
    assert not (git.parent / "ran").exists()


def test_the_git_that_is_named_is_run(workspace: Workspace, tmp_path: Path) -> None:
    git = wrapped_git(tmp_path / "bin")
    assert workspace.push("--dry-run", "--git", str(git)).code == errors.EXIT_OK
    assert (git.parent / "ran").exists()
    (git.parent / "ran").unlink()
    part = workspace.run("gather", "--part", "unit", "-o", "unit.part", "--git", str(git))
    assert part.code == errors.EXIT_OK
    assert (git.parent / "ran").exists()


def test_a_git_that_is_named_and_absent_is_an_input_error(workspace: Workspace, tmp_path: Path) -> None:
    ran = workspace.push("--git", str(tmp_path / "absent"))
    assert ran.code == errors.EXIT_INPUT
    assert ran.complaint() == f"--git {tmp_path / 'absent'}: there is no such program"
    assert not workspace.published


def test_the_checkout_brings_no_git(workspace: Workspace) -> None:
    git = wrapped_git(workspace.folder / "bin")
    ran = workspace.push("--git", str(git))
    assert ran.code == errors.EXIT_DENIED
    assert "lies inside the checkout that is judged" in ran.out
    assert not (git.parent / "ran").exists()
    assert not workspace.published


@pytest.mark.parametrize("commits", [True, False])
def test_the_checkout_brings_no_opa(workspace: Workspace, tmp_path: Path, opa: Path, commits: bool) -> None:
    """One that never hears of a failed test. Elsewhere the pipeline answers for it: that is the control."""
    lie = 's/"failed":1/"failed":0/g; s/"passed":1/"passed":2/g'
    deaf = f'#!/bin/sh\nsed \'{lie}\' | "{opa}" "$@"\n'
    for place in (workspace.path("tools/opa"), tmp_path / "opa"):
        place.write_text(deaf)
        place.chmod(0o755)
    workspace.path("linked").symlink_to(tmp_path)
    if commits:
        workspace = workspace.committed("README", "with a program")
    fail_a_test(workspace)
    for named in ("tools/opa", "linked/opa", "../project/tools/opa"):
        for command in ("push", "check"):
            ran = workspace.run(command, IMAGE, TARGET, "--engine", named)
            assert ran.code == errors.EXIT_POLICY, ran.out
            assert "lies inside the checkout that is judged" in ran.complaint()
        assert workspace.run("doctor", "--engine", named).code == errors.EXIT_POLICY
    assert not workspace.published
    assert workspace.push("--engine", str(tmp_path / "opa")).code == errors.EXIT_OK


def test_a_change_that_the_index_hides_is_denied(workspace: Workspace) -> None:
    index = workspace.folder / ".git" / "index"
    workspace.write("status.py", "changed = True\n")
    index.write_bytes(b"DIRC")
    ran = workspace.push()
    assert ran.code == errors.EXIT_DENIED
    assert "worktree_clean" in ran.out
    assert "status.py" in ran.out
    assert not workspace.published


def test_the_evidence_counts_what_it_lists(workspace: Workspace) -> None:
    ran = workspace.run("gather", IMAGE, TARGET)
    assert ran.code == errors.EXIT_OK, ran.err
    source = json.loads(ran.out)["source"]
    assert (source["not_comparable"], source["not_checked_out"]) == ([], [])
    assert source["counts"] == {"not_comparable": 0, "not_checked_out": 0}

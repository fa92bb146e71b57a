"""A disk that fills up while an OCI layout is written: 40 or 41, a whole layout, a rerun that finishes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.children import context
from tests.faults.disks import push, push_with_limit, require_consistent
from tests.programs import TOOLS

ROOT = TOOLS.parent.parent


def test_no_file_may_grow_beyond_a_limit(tmp_path: Path) -> None:
    assert push(tmp_path / "whole") == 0
    files = [path for path in (tmp_path / "whole").rglob("*") if path.is_file()]
    codes = list[int | None]()
    for limit in sorted({path.stat().st_size - 1 for path in files if path.stat().st_size}):
        layout = tmp_path / str(limit)
        process = context().Process(target=push_with_limit, args=(layout, limit))
        process.start()
        process.join(60)
        codes.append(process.exitcode)
        require_consistent(layout)
        assert push(layout) == 0
        require_consistent(layout)
    assert len(codes) > 8
    assert set(codes) <= {40, 41}
    assert 40 in codes


def _namespace(folder: Path) -> list[str]:
    """How to run a program that may mount; skips where the system lets nobody or not this user."""
    ways = [["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]]
    for way in ways[0 if os.geteuid() == 0 else 1 :]:
        try:
            tried = subprocess.run([*way, "mount", "-t", "tmpfs", "none", str(folder)], capture_output=True)
        except FileNotFoundError:
            break
        if tried.returncode == 0:
            return way
    pytest.skip("no file system can be mounted here")


def test_a_disk_of_any_size_that_is_too_small(tmp_path: Path) -> None:
    command = [*_namespace(tmp_path), sys.executable, "-m", "tests.faults.full_disk", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    *too_small, fits = [int(line.split()[1]) for line in done.stdout.splitlines()]
    assert len(too_small) > 50
    assert sorted(too_small) == too_small
    assert set(too_small) == {40, 41}
    assert fits == 0

"""How the program ends: early, under load, hundreds of times, and where it cannot begin."""

from __future__ import annotations

import collections
import subprocess
import sys

import pytest

from pushpolicy import __main__ as entry
from pushpolicy import errors
from tests.workspace import Workspace

TIMES = 500
# The registry is opened, and its certificates are read in a thread, before the image is looked for.
EARLY = ["gather", "oci:absent", "registry.invalid/app:1.0.0"]
# Each child is a whole run but for the imports; eight at a time keep every processor busy.
FORKING = f"""
import os, sys
from pushpolicy import __main__, pipeline
from pushpolicy.cli import gather, main
import pushpolicy.registry.remote

sys.argv[1:] = {EARLY!r}
for number in range({TIMES} + 8):
    if number >= 8:
        print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
    if number < {TIMES} and not os.fork():
        __main__.run()
"""


def test_early_errors_under_load_end_with_their_code(workspace: Workspace) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", FORKING],
        cwd=workspace.folder,
        env=dict(workspace.environ),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert collections.Counter(done.stdout.split()) == {str(errors.EXIT_INPUT): TIMES}, done.stderr[-1000:]


def test_windows_is_refused_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit) as caught:
        entry.run()
    assert caught.value.code == errors.EXIT_USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("pushpolicy: Windows is not supported")
    assert err.count("\n") == 1

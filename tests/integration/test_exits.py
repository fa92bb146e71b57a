"""How the program ends: early, under load, hundreds of times, and where it cannot begin."""

from __future__ import annotations

import collections
import subprocess
import sys

import pytest

from pushpolicy import __main__ as entry
from pushpolicy import errors
from tests.workspace import IMAGE, TARGET, Workspace

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


def _run(workspace: Workspace, program: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """The command line, after a program that changes what it is run with."""
    return subprocess.run(
        [sys.executable, "-P", "-c", f"{program}\nfrom pushpolicy.__main__ import run; run()", *argv],
        cwd=workspace.folder,
        env=dict(workspace.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


FEW_THREADS = """
import threading
count, start = 0, threading.Thread.start
def counted(self):
    global count
    count += 1
    if {lack}:
        raise RuntimeError("can't start new thread")
    start(self)
threading.Thread.start = counted
"""


@pytest.mark.parametrize("number", [1, 4, 5, 8, 9, 10, 12, 15, 18, 20])
@pytest.mark.parametrize("more", ["==", ">="])
def test_a_lack_of_threads_is_no_bug(workspace: Workspace, number: int, more: str) -> None:
    """Before the decision it is an error of the step; what is left after it is done with fewer."""
    done = _run(workspace, FEW_THREADS.format(lack=f"count {more} {number}"), "push", IMAGE, TARGET)
    assert done.returncode in (errors.EXIT_OK, errors.EXIT_INPUT, errors.EXIT_POLICY), done.stderr
    assert workspace.published == (done.returncode == errors.EXIT_OK)
    if done.returncode:
        assert "thread" in done.stderr


DELETING = """
import os, shutil, sys
from pushpolicy.cli import request
here, parse = os.getcwd(), request.parse_target
def parsed(*arguments, **options):
    shutil.rmtree(here)
    return parse(*arguments, **options)
request.parse_target = parsed
"""


def test_a_workspace_that_is_deleted_meanwhile_is_told(workspace: Workspace) -> None:
    done = _run(workspace, DELETING, "push", IMAGE, TARGET)
    assert done.returncode == errors.EXIT_USAGE
    assert "the current folder is deleted" in done.stderr

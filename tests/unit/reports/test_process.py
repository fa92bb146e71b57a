"""A process that was forked, waited for as subprocess waits for those that it starts."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from pushpolicy.reports.process import _Forked


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_waiting_has_an_end(seconds: float) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as started:
        forked = _Forked(started.pid)
        with pytest.raises(subprocess.TimeoutExpired):
            forked.wait(seconds)
        forked.kill()
        assert forked.wait(10) == forked.wait() == -signal.SIGKILL

"""One budget of time and memory for all that a run does until it has decided.

A timer interrupts the main thread ten times a second and looks at both. What is over the budget ends as an
error of the step that spent it, wherever that step waits: for a server, a file, a program. Bounds on single
files, answers and programs stand in their own places, and are usually reached first.
"""

from __future__ import annotations

import resource
import signal
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from pushpolicy.errors import PushPolicyError

_EVERY = 0.1
# Where an interrupt is lost all the same, it comes again.
_AGAIN = 30.0


class _Over(BaseException):
    """As KeyboardInterrupt, which no step takes for a failure of its own."""


class Budget:
    """What may be spent from now on.

    Args:
        seconds: for all steps together.
        memory: resident bytes of this process and the programs it runs; on systems without /proc of this
            process alone.
    """

    def __init__(self, seconds: int, memory: int) -> None:
        self._seconds, self._memory = seconds, memory
        self._until = time.monotonic() + seconds
        self._quiet_until = 0.0

    @contextmanager
    def spend(self, error: type[PushPolicyError]) -> Iterator[None]:
        """Have the context end with `error` when the budget is spent.

        Signals reach the main thread only: in another one, nothing is watched. Not to be nested.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGALRM, self._look)
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, _EVERY, _EVERY)
                yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)
        except _Over as over:
            limit = str(over)
            raise error(f"stopped before anything was decided: {limit}", "--limit raises it") from None

    def _look(self, _: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now < self._quiet_until:
            return
        over = None
        if now > self._until:
            over = f"it took more than the {self._seconds} seconds of max-run-seconds"
        elif resident() > self._memory:
            over = f"it needs more than the {self._memory} bytes of max-memory"
        if over and not _is_lost(frame):
            self._quiet_until = now + _AGAIN
            raise _Over(over)


def _is_lost(frame: FrameType | None) -> bool:
    """Whether nothing can be raised now: Python only prints what a destructor or a finaliser raises."""
    while frame is not None:
        if frame.f_code.co_name == "__del__" or frame.f_code.co_filename == weakref.__file__:
            return True
        frame = frame.f_back
    return False


def resident() -> int:
    """Bytes that this process and its children have in memory now; its own peak where there is no /proc."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pages = 0
    for process in ("self", *_children()):
        with suppress(OSError, IndexError):  # it has just ended
            pages += int(Path(f"/proc/{process}/statm").read_bytes().split()[1])
    return pages * resource.getpagesize()


def _children() -> Iterator[str]:
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            yield from (task / "children").read_text().split()

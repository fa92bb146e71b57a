"""One budget of time, memory and disk for all that a run does until it has decided.

A timer interrupts the main thread ten times a second and looks at all three. What is over the budget ends as
an error of the step that spent it, wherever that step waits: for a server, a file, a program. Bounds on
single files, answers and programs stand in their own places, and are usually reached first.
"""

from __future__ import annotations

import math
import os
import resource
import signal
import stat
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

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
        image: bytes on disk of the temporary files that hold images.
        disk: bytes on disk of all other temporary files together.
    """

    def __init__(self, seconds: int, memory: int, *, image: float = math.inf, disk: float = math.inf) -> None:
        self._seconds, self._memory, self._image, self._disk = seconds, memory, image, disk
        self._until = time.monotonic() + seconds
        self._record_until, self._record_seconds = math.inf, 0
        self._quiet_until = self._looked = 0.0

    @property
    def is_spent(self) -> bool:
        """Whether its time is over."""
        return time.monotonic() > self._until

    @contextmanager
    def spend(
        self,
        error: type[PushPolicyError],
        what: str = "stopped before anything was decided",
        record_seconds: int | None = None,
    ) -> Iterator[None]:
        """Have the context end with `error` when the budget is spent.

        Signals reach the main thread only: in another one, nothing is watched. Not to be nested.

        Args:
            error: the error of the step that spends it.
            what: what that means; the limit is named behind it.
            record_seconds: what this context may take of the whole.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._quiet_until, self._record_until = 0.0, math.inf
        if record_seconds is not None:
            self._record_until, self._record_seconds = time.monotonic() + record_seconds, record_seconds
        before = signal.signal(signal.SIGALRM, self._look)
        # Who started this process may have blocked it.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, _EVERY, _EVERY)
                yield
                # What a short step left on disk; of many that are shorter still, only now and then.
                if record_seconds is None or time.monotonic() > self._looked + _EVERY:
                    self._look(0, None)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)
        except _Over as over:
            limit = str(over)
            raise error(f"{what}: {limit}", "--limit raises it") from None
        except MemoryError:
            raise error(f"{what}: the system gives no more memory", "see ulimit -v and -d") from None
        except RuntimeError as none:
            if str(none) != "can't start new thread":
                raise
            raise error(f"{what}: the system gives no more threads", "see ulimit -u") from None

    def _look(self, _: int, frame: FrameType | None) -> None:
        if time.monotonic() < self._quiet_until:
            return
        # On a busy machine a look takes longer than the pause between two: each would begin within the other.
        self._quiet_until = math.inf
        try:
            over = self._over(time.monotonic())
        finally:
            self._quiet_until, self._looked = 0.0, time.monotonic()
        if over and not _is_lost(frame):
            self._quiet_until = time.monotonic() + _AGAIN
            raise _Over(over)

    def _over(self, now: float) -> str | None:
        """What is over the budget, in words."""
        image, others = on_disk()
        if now > self._until:
            return f"it took more than the {self._seconds} seconds of max-run-seconds"
        if now > self._record_until:
            return f"it took more than the {self._record_seconds} seconds of max-record-seconds"
        if resident() > self._memory:
            return f"it needs more than the {self._memory} bytes of max-memory"
        if image > self._image:
            return f"what is kept of the image takes more than the {self._image} bytes of max-image-size"
        if others > self._disk:
            return f"its temporary files take more than the {self._disk} bytes of max-disk"
        return None


def _is_lost(frame: FrameType | None) -> bool:
    """Whether nothing can be raised now: Python only prints what a destructor or a finaliser raises."""
    while frame is not None:
        if frame.f_code.co_name == "__del__" or frame.f_code.co_filename == weakref.__file__:
            return True
        frame = frame.f_back
    return False


# Temporary files that hold a part of an image, and temporary folders.
_of_image = set[weakref.ref[IO[bytes]]]()
_folders = set[Path]()


def count_as_image(file: IO[bytes]) -> None:
    """Have an open temporary file without a name count as the image's, as long as it is open."""
    # What the system calls a file, it calls another one by once this is closed.
    _of_image.add(weakref.ref(file, _of_image.discard))


def count_folder(folder: Path) -> None:
    """Have what is in a temporary folder count, as long as it is there."""
    _folders.add(folder)


def on_disk() -> tuple[int, int]:
    """Bytes that temporary files of this process take on disk: those of the image, and all others.

    That are the open files without a name, and those in the folders that are counted.
    """
    image = others = 0
    of_image = set()
    for each in tuple(_of_image):  # other threads open files meanwhile
        with suppress(OSError, ValueError):  # it is closed
            if file := each():
                of_image.add(_identity(os.fstat(file.fileno())))
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - numbers, which are no paths
        with suppress(OSError):  # it has just been closed
            status = os.fstat(int(name))
            if stat.S_ISREG(status.st_mode) and not status.st_nlink:
                if _identity(status) in of_image:
                    image += status.st_blocks * 512
                else:
                    others += status.st_blocks * 512
    for folder in _folders:
        for path in folder.rglob("*"):
            with suppress(OSError):
                others += path.stat().st_blocks * 512
    return image, others


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def resident() -> int:
    """Bytes that this process and its children have in memory now; its own peak where there is no /proc."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pages, processes = 0, ["self"]
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            processes += (task / "children").read_text().split()
    for process in processes:
        with suppress(OSError, IndexError):  # it has just ended
            pages += int(Path(f"/proc/{process}/statm").read_bytes().split()[1])
    return pages * resource.getpagesize()

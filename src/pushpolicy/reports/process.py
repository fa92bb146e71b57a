"""Starts the process that reads foreign files (`child`), and exchanges messages with it.

It is started before most of the program is imported, so that its own imports cost a push no time. It ends
when the socket is closed, however this process ends.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

import msgspec

from pushpolicy.reports.limits import Limits
from pushpolicy.reports.messages import NO_MEMORY, Begin

if TYPE_CHECKING:
    import socket  # where it is used: Python 3.13.0 cannot import it in a folder that is deleted

_START = """
import sys
sys.path = sys.argv[1:]
sys.modules["typing_extensions"] = None  # msgspec imports it where it is there, and needs it for old Pythons
from pushpolicy.reports.child import serve
serve()
"""
_MAX_ANSWER = 512 * 1024 * 1024
_GRACE = 5  # seconds; a reader that is asked for pieces sees its own deadline before
_SHARE = 2 / 3  # of the memory that all processes of a run may have together


class ChildDiedError(Exception):
    """The child ended, or was ended, before it answered; says why, with the limit where one was reached."""


class _Process(Protocol):
    pid: int

    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


class Child:
    """A child that runs."""

    def __init__(self, process: _Process, socket: socket.socket) -> None:
        self.process = process
        self._socket = socket
        self._memory = 0
        self._ready = bytearray()

    def begin(self, limits: Limits, late: tuple[str, ...], until: float) -> bytearray:
        """Give it its bounds, once; returns its first answer, a `messages.Ready`."""
        if not self._memory:
            self._memory = int(limits.max_memory * _SHARE)
            begin = Begin(self._memory, limits.max_run_seconds, late)
            self._socket.sendall(msgspec.json.encode(begin))
            self._ready = self._answer(until)
        return self._ready

    def ask(self, request: bytes, file: int, limits: Limits, late: tuple[str, ...]) -> bytearray:
        """Send a request with an open file, and wait for the answer.

        Raises:
            ChildDiedError: when it ends first, is too slow or says too much; it is not to be asked again.
        """
        until = time.monotonic() + limits.max_seconds + _GRACE
        try:
            self.begin(limits, late, until)
            import socket

            socket.send_fds(self._socket, [request], [file])
            return self._answer(until)
        except TimeoutError as error:
            reason = f"reading it took more than {limits.max_seconds} seconds (--limit max-seconds)"
            raise ChildDiedError(reason) from error
        except (OSError, EOFError) as error:
            raise ChildDiedError(self._why()) from error

    def end(self) -> None:
        """End it, whatever it does."""
        self._socket.close()
        self.process.kill()
        self.process.wait()

    def _answer(self, until: float) -> bytearray:
        size = int.from_bytes(self._take(8, until), "big")
        if size > _MAX_ANSWER:
            raise ChildDiedError(f"what it says is over {_MAX_ANSWER} bytes")
        return self._take(size, until)

    def _take(self, size: int, until: float) -> bytearray:
        content = bytearray(size)
        view = memoryview(content)
        while view:
            self._socket.settimeout(max(until - time.monotonic(), 0.001))
            taken = self._socket.recv_into(view)
            if not taken:
                raise EOFError
            view = view[taken:]
        return content

    def _why(self) -> str:
        code = None
        with suppress(subprocess.TimeoutExpired):
            code = self.process.wait(1)
        if code == NO_MEMORY:
            two_thirds = "two thirds of --limit max-memory"
            return f"reading it needs more than {self._memory} bytes of memory, {two_thirds}"
        if code == -signal.SIGXCPU:
            return "reading it took more processor time than --limit max-run-seconds allows"
        how = f"signal {-code}" if code is not None and code < 0 else f"code {code}"
        return f"the process that read it ended with {how}"


def start() -> Child:
    """A child with an interpreter of its own and an empty environment.

    Raises:
        ChildDiedError: when it cannot be started.
    """
    import socket

    with _explained():
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-B", "-c", _START, *_import_places()],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env={},
                )
        except OSError:
            ours.close()
            raise
    return Child(process, ours)


def fork() -> Child:
    """A child that is a copy of this process, which saves starting a second interpreter.

    For the program's own process only, on Linux, and before it has done anything else: what a thread, a key
    or a credential leaves in memory would be copied. The environment is overwritten.

    Raises:
        ChildDiedError: when it cannot be started.
    """
    import socket

    gc.freeze()  # so that no collection touches, and thereby copies, what both have
    with _explained():
        ours, theirs = socket.socketpair()
        pid = os.fork()
    if not pid:
        _become_child(theirs.fileno())
    theirs.close()
    return Child(_Forked(pid), ours)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ChildDiedError(f"the process that reads it cannot be started: {error.strerror}") from error


def _become_child(socket: int) -> NoReturn:
    """Leave behind what came with the fork, and serve."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.dup2(socket, 0)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        for each in Path("/proc/self/fd").iterdir():
            if int(each.name) > 2:
                with suppress(OSError):  # that of the list itself
                    os.close(int(each.name))
        sys.path[:] = _import_places()
        os.chdir("/")
        from pushpolicy.reports.confine import forget_environment

        forget_environment()
        gc.disable()  # what is imported is no garbage
        from pushpolicy.reports.child import serve

        gc.enable()
        serve()
    finally:
        os._exit(1)


class _Forked:
    """A forked process, as subprocess has those that it starts."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def kill(self) -> None:
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        until = time.monotonic() + (timeout or 0)
        while self._code is None:
            pid, status = os.waitpid(self.pid, 0 if timeout is None else os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > until:
                raise subprocess.TimeoutExpired("fork", timeout or 0)
            else:
                time.sleep(0.01)
        return self._code


def _import_places() -> list[str]:
    """Where this process imports from, but for the current folder, which may hold modules of any name."""
    here = Path.cwd()
    return [place for place in sys.path if place and Path(place).absolute() != here]

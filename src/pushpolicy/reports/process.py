"""Starts the process that reads report files (`child`), and exchanges messages with it.

It is started with an empty environment before the rest of the program is imported, so that its own imports
cost a push no time. It ends when the socket is closed, however this process ends.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from pushpolicy.reports.limits import Limits

_START = """
import sys
memory, seconds, *sys.path = sys.argv[1:]
from pushpolicy.reports.child import serve
serve(int(memory), int(seconds))
"""
_MAX_ANSWER = 512 * 1024 * 1024
_GRACE = 5  # seconds; a reader that is asked for pieces sees its own deadline before
_SHARE = 2 / 3  # of the memory that all processes of a run may have together
NO_MEMORY = 3  # the child's exit code when it needs more than it may have


class ChildDiedError(Exception):
    """The child ended, or was ended, before it answered; says why, with the limit where one was reached."""


class Child:
    """A started child."""

    def __init__(self, limits: Limits) -> None:
        """Start it.

        Raises:
            ChildDiedError: when it cannot be started.
        """
        self.memory = int(limits.max_memory * _SHARE)
        # Imported late: in a folder that was deleted Python 3.13.0 cannot, and an error is to be told there.
        import socket

        ours, theirs = socket.socketpair()
        program = [sys.executable, "-I", "-S", "-B", "-c", _START]
        try:
            with theirs:
                self._popen = subprocess.Popen(
                    [*program, str(self.memory), str(limits.max_run_seconds), *_import_places()],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env={},
                )
        except OSError as error:
            ours.close()
            raise ChildDiedError(f"the process that reads it cannot be started: {error.strerror}") from error
        self._socket = ours
        self._ready = b""

    def ready(self, until: float) -> bytes:
        """Its first message, a `messages.Ready`."""
        self._ready = self._ready or self._answer(until)
        return self._ready

    def ask(self, request: bytes, file: int, seconds: int) -> bytes:
        """Send a request with an open file, and wait for the answer.

        Raises:
            ChildDiedError: when it ends first, is too slow or says too much; it is not to be asked again.
        """
        until = time.monotonic() + seconds + _GRACE
        try:
            self.ready(until)
            import socket

            socket.send_fds(self._socket, [request], [file])
            return self._answer(until)
        except TimeoutError as error:
            reason = f"reading it took more than {seconds} seconds (--limit max-seconds)"
            raise ChildDiedError(reason) from error
        except (OSError, EOFError) as error:
            raise ChildDiedError(self._why()) from error

    def end(self) -> None:
        """End it, whatever it does."""
        self._socket.close()
        self._popen.kill()
        self._popen.wait()

    def _answer(self, until: float) -> bytes:
        size = int.from_bytes(self._take(8, until), "big")
        if size > _MAX_ANSWER:
            raise ChildDiedError(f"what it says is over {_MAX_ANSWER} bytes")
        return self._take(size, until)

    def _take(self, size: int, until: float) -> bytes:
        content = bytearray(size)
        view = memoryview(content)
        while view:
            self._socket.settimeout(max(until - time.monotonic(), 0.001))
            taken = self._socket.recv_into(view)
            if not taken:
                raise EOFError
            view = view[taken:]
        return bytes(content)

    def _why(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(1)
        code = self._popen.poll()
        if code == NO_MEMORY:
            two_thirds = "two thirds of --limit max-memory"
            return f"reading it needs more than {self.memory} bytes of memory, {two_thirds}"
        if code == -signal.SIGXCPU:
            return "reading it took more processor time than --limit max-run-seconds allows"
        how = f"signal {-code}" if code is not None and code < 0 else f"code {code}"
        return f"the process that read it ended with {how}"


def _import_places() -> list[str]:
    """Where this process imports from, but for the current folder, which may hold modules of any name."""
    here = Path.cwd()
    return [place for place in sys.path if place and Path(place).absolute() != here]

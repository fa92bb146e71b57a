"""One bounded child process: time, memory and output have limits, the environment is what we say it is.

A child never outlives its context. `opa eval --timeout 1s` was seen to run on for 10 s inside a builtin,
so the deadline is kept here, by killing the process group.
"""

from __future__ import annotations

import math
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Self

import msgspec

from pushpolicy.errors import EngineError

_MIB = 1024 * 1024


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on one run of OPA.

    Attributes:
        seconds: for an answer once the input is sent; it is killed `grace` seconds later.
        memory: bytes of address space. OPA reserves 1.3 GiB before it does anything.
        output: bytes of standard output; an answer is about twice its findings.
        heap: bytes from which on Go collects what is not used any more; None for shortly before `memory`.
        until: what `time.monotonic` says when no run has any time left.
        called: the name of the limit of seconds, for messages.
        processors: how many it uses at once; None for those of the machine.
    """

    seconds: float = 30
    grace: float = 5
    memory: int = 6 * 1024 * _MIB
    output: int = 256 * _MIB
    heap: int | None = None
    until: float = math.inf
    called: str = ""
    processors: int | None = None

    @property
    def collected(self) -> int:
        """What Go is told to stay under: the limit without what it reserves and does not use."""
        return self.heap or max(self.memory - 2048 * _MIB, self.memory // 2)

    def complaint(self) -> str:
        """What is said where no answer came in time."""
        named = f" ({self.called})" if self.called else ""
        return f"no answer within {self.seconds + self.grace:g} s{named}"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How a process ended. `code` is negative when a signal ended it.

    Attributes:
        is_cut: whether it was ended where its output was as long as was asked for.
    """

    code: int
    stdout: bytes
    stderr: bytes
    is_cut: bool = False


class Process:
    """A started child. Use as a context; `send` and `finish` once each.

    Args:
        argv: the program, by its path, and its arguments.
        limits: bounds on it.
        descriptors: further files that it has open.
        cut: after how many bytes of output it is ended, which is no error.

    Raises:
        EngineError: when it cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        limits: Limits,
        descriptors: Sequence[int] = (),
        cut: int | None = None,
    ) -> None:
        self._limits = limits
        share = {"GOMAXPROCS": str(limits.processors)} if limits.processors else {}
        self._complaint: str | None = None
        self._is_cut = False
        # A limit may only be lowered: where this process has a lower one, that one holds.
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        memory = limits.memory if hard == resource.RLIM_INFINITY else min(limits.memory, hard)
        try:
            self._popen = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                pass_fds=descriptors,
                # OPA_EVAL_DATA and its like would inject modules: nothing of our environment passes.
                # With GOGC=off Go collects near GOMEMLIMIT only; most runs end before that, a quarter faster.
                env={"GOMEMLIMIT": f"{limits.collected}B", "GOGC": "off", **share},
                start_new_session=True,
                preexec_fn=None if sys.platform == "linux" else _limit_self(memory),
            )
        except OSError as error:
            raise EngineError(f"cannot run {argv[0]}: {error.strerror}") from error
        if sys.platform == "linux":
            # From outside, so that Popen may use vfork; the child waits for its input anyway.
            with suppress(ProcessLookupError):
                resource.prlimit(self._popen.pid, resource.RLIMIT_AS, (memory, memory))
        left, deadline = limits.until - time.monotonic(), limits.seconds + limits.grace
        over = limits.complaint() if deadline <= left else "all the time there is was spent"
        self._timer = threading.Timer(max(min(deadline, left), 0), self._kill, [over])
        self._timer.daemon = True
        self._writer: threading.Thread | None = None
        self._streams: list[_Reader] = []
        try:
            output = (limits.output, self._kill) if cut is None else (cut, self._cut)
            self._streams.append(_Reader(self._popen.stdout, *output))
            # What rules print() may be long, and decides nothing.
            self._streams.append(_Reader(self._popen.stderr, _MIB, None))
        except EngineError:
            self.end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Kill it, if it still runs; nothing of it is left."""
        self._kill(None)
        self._popen.wait()
        self._timer.cancel()
        if self._writer:
            self._writer.join()
        for reader in self._streams:
            reader.join()
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()

    def send(self, content: bytes) -> None:
        """Write standard input in the background, and let the time run; once."""
        start_thread(self._timer)
        writer = threading.Thread(target=self._write, args=[content], daemon=True)
        start_thread(writer)
        self._writer = writer

    def finish(self) -> Result:
        """Wait for the end.

        Raises:
            EngineError: at the deadline, or when the output is over its limit.
        """
        if self._writer is None:
            self.send(b"")
        stdout, stderr = (stream.content() for stream in self._streams)
        code = self._popen.wait()
        self._timer.cancel()
        if self._complaint:
            raise EngineError(f"OPA was stopped: {self._complaint}")
        return Result(code=code, stdout=stdout, stderr=stderr, is_cut=self._is_cut)

    def _write(self, content: bytes) -> None:
        assert self._popen.stdin is not None
        # A child that died says why on its other streams.
        with suppress(BrokenPipeError):
            self._popen.stdin.write(content)
        with suppress(BrokenPipeError):
            self._popen.stdin.close()

    def _cut(self, _: str) -> None:
        self._is_cut = True
        self._kill(None)

    def _kill(self, complaint: str | None) -> None:
        if self._popen.poll() is None:
            self._complaint = self._complaint or complaint
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)


def start_thread(thread: threading.Thread) -> None:
    """Start a thread that OPA is run by.

    Raises:
        EngineError: when the system gives no more threads, or no memory for one.
    """
    try:
        thread.start()
    except RuntimeError as error:
        raise EngineError(f"OPA cannot be run: {error}", "see ulimit -u, -v and -d") from error


class _Reader(threading.Thread):
    """Reads one stream to its end, so that the child never blocks on it; past the limit, kills or forgets."""

    def __init__(self, stream: IO[bytes] | None, limit: int, kill: Callable[[str], None] | None) -> None:
        super().__init__(daemon=True)
        assert stream is not None
        self._stream, self._limit, self._kill = stream, limit, kill
        self._parts: list[bytes] = []
        start_thread(self)

    def run(self) -> None:
        size = 0
        while part := self._stream.read1(1 << 20):  # type: ignore[attr-defined]
            if size < self._limit:
                self._parts.append(part[: self._limit - size])
            size += len(part)
            if size > self._limit and self._kill:
                return self._kill(f"its output is over {self._limit // _MIB} MiB")
        return None

    def content(self) -> bytes:
        self.join()
        return b"".join(self._parts)


def _limit_self(memory: int) -> Callable[[], None]:
    def limit() -> None:
        # macOS knows RLIMIT_AS but may refuse to lower it; the deadline and GOMEMLIMIT remain.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    return limit

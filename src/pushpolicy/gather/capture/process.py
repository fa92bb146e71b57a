"""Runs a command in the foreground, as if it had been called directly.

It has our standard streams and every file that we were given (such as make's job server), and stays in our
process group, so that a terminal's job control works as ever. Signals that are sent to us are passed on.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

import msgspec

NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as POSIX shells say it (XCU 2.8.2)
_PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_OF_TERMINALS = frozenset({signal.SIGINT, signal.SIGQUIT})


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended: by itself with an exit code, or by a signal; `problem` says why it never began."""

    exit_code: int | None = None
    signal: str | None = None
    status: int
    problem: str | None = None


def run(argv: Sequence[str], environ: Mapping[str, str]) -> Ended:
    """Run a command to its end, in this environment.

    Returns:
        how it ended; `status` is what a shell would give: its exit code, or 128 and the signal's number.
    """
    with _Relay().listening() as relay:
        try:
            process = subprocess.Popen(argv, close_fds=False, env=environ)
        except (OSError, ValueError) as error:
            status = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
            reason = error.strerror if isinstance(error, OSError) else str(error)
            return Ended(exit_code=status, status=status, problem=f"it cannot be run: {reason}")
        relay.attach(process)
        return _ended(process.wait())


def _ended(code: int) -> Ended:
    if code >= 0:
        return Ended(exit_code=code, status=code)
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return Ended(signal=name, status=128 - code)


class _Relay:
    """Passes signals on to the command, also those that come before it runs."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def attach(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        for number in self._early:
            process.send_signal(number)

    @contextmanager
    def listening(self) -> Iterator[_Relay]:
        # What is ignored (nohup) stays ignored, here and in the command.
        handled = [number for number in _PASSED_ON if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._pass_on) for number in handled}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        if number in _OF_TERMINALS and _in_foreground():
            return  # the terminal has sent it to the command too; a second one would cut its clean-up short
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)


def _in_foreground() -> bool:
    """Whether we are what a terminal's keys interrupt."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)

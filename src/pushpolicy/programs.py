"""Another program, asked one thing: it has so much time, says so much, and is ended with its children."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

_LOOK_SECONDS = 0.05
_PIECE = 64 * 1024


class StoppedError(Exception):
    """It took too long, or said too much; the message reads on after the name of the program."""


class Answer(NamedTuple):
    """What it said.

    Attributes:
        code: its exit code; negative where a signal ended it.
        output: of standard output.
        complaint: of standard error, the end.
    """

    code: int
    output: bytes
    complaint: bytes


def ask(
    argv: Sequence[str | Path],
    content: bytes = b"",
    *,
    environ: Mapping[str, str],
    folder: Path,
    seconds: float,
    limit: int,
) -> Answer:
    """Run a program that reads `content` and answers; what it leaves in the background is not waited for.

    Args:
        argv: its absolute path, and its arguments.
        content: what it reads on standard input.
        environ: its whole environment.
        folder: where it runs.
        seconds: until it is ended.
        limit: bytes of standard output; of standard error as many are kept.

    Raises:
        OSError: when it cannot be started.
        StoppedError: when it was ended.
    """
    end = time.monotonic() + seconds
    with subprocess.Popen(
        argv,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environ),
        cwd=folder,
        start_new_session=True,
    ) as process:
        try:
            said = _converse(process, content, end, limit)
            return Answer(process.wait(max(end - time.monotonic(), 0)), *said)
        except (TimeoutError, subprocess.TimeoutExpired):
            _kill(process)
            raise StoppedError(f"did not answer within {seconds:.0f} s") from None
        except BaseException:
            _kill(process)
            raise


def _converse(
    process: subprocess.Popen[bytes], content: bytes, end: float, limit: int
) -> tuple[bytes, bytes]:
    """Write, and read until it closes its streams or has ended: what it started may hold them open.

    Raises:
        TimeoutError: at `end`, by the clock of `time.monotonic`.
        StoppedError: when it says too much.
    """
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    assert stdin is not None
    assert stdout is not None
    assert stderr is not None
    said = {stdout: bytearray(), stderr: bytearray()}
    open_ones = set(said)
    left = memoryview(content)
    os.set_blocking(stdin.fileno(), False)
    with selectors.DefaultSelector() as waiting:
        waiting.register(stdin, selectors.EVENT_WRITE)
        for stream in said:
            waiting.register(stream, selectors.EVENT_READ)
        while open_ones:
            # In this order: what it wrote before it ended is in the pipes then.
            has_ended = process.poll() is not None
            ready = {key.fileobj for key, _ in waiting.select(0 if has_ended else _LOOK_SECONDS)}
            if time.monotonic() > end:
                raise TimeoutError
            if has_ended and open_ones.isdisjoint(ready):
                break
            if stdin in ready:
                left = _write(stdin, left)
                if not left:
                    waiting.unregister(stdin)
                    stdin.close()
            for stream in [each for each in open_ones if each in ready]:
                piece = os.read(stream.fileno(), _PIECE)
                said[stream] += piece
                if not piece:
                    open_ones.remove(stream)
                    waiting.unregister(stream)
            if len(said[stdout]) > limit:
                raise StoppedError(f"says more than {limit} bytes")
            del said[stderr][:-limit]
    stdin.close()
    return bytes(said[stdout]), bytes(said[stderr])


def _write(stdin: IO[bytes], content: memoryview) -> memoryview:
    """What of it is left; nothing once nobody reads on."""
    try:
        return content[os.write(stdin.fileno(), content[:_PIECE]) :]
    except BrokenPipeError:
        return content[:0]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the program and what it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)

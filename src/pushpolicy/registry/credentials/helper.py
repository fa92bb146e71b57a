"""Ask a credential helper (docker-credential-helpers, "Development": the get command)."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from pushpolicy.errors import UsageError
from pushpolicy.files import is_folder, real
from pushpolicy.model.text import printable
from pushpolicy.registry.credentials.config_file import Secret

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_SECONDS = 30.0
_LOOK_SECONDS = 0.05
_MAX_OUTPUT = 1024 * 1024
_NOT_FOUND = "credentials not found"
_IS_TOKEN = "<token>"  # noqa: S105 (the user name that marks an identity token)


def ask_helper(
    name: str,
    server: str,
    *,
    environ: Mapping[str, str],
    workspace: Path,
    home: Path,
    seconds: float = _SECONDS,
) -> Secret | None:
    """What the helper keeps for a server; None when it keeps nothing.

    Raises:
        UsageError: when the helper is not to be run, is absent, fails, or does not answer in time.
    """
    program = _find(name, environ, workspace)
    code, output = _run(program, server, environ, home, seconds)
    if code != 0 and _NOT_FOUND in output.lower():
        return None
    if code != 0:
        # What it printed may be half of a credential, and is never quoted.
        raise UsageError(
            f"credential helper {program.name} failed for {server} (exit {code})",
            f"ask it by hand: echo {server} | {program.name} get",
        )
    return _read(output, program.name, server)


def _find(name: str, environ: Mapping[str, str], workspace: Path) -> Path:
    if not _NAME.fullmatch(name):
        raise UsageError(f"credential helper {printable(name, 60)!r} is not a valid name")
    # An empty or relative entry would find a program in the folder that is judged.
    folders = [item for item in environ.get("PATH", "").split(os.pathsep) if Path(item).is_absolute()]
    found = shutil.which(f"docker-credential-{name}", path=os.pathsep.join(folders)) if folders else None
    if found is None:
        raise UsageError(
            f"credential helper docker-credential-{name} is not on PATH",
            "install it, or log in without it (docker login)",
        )
    program = Path(found)
    if real(program).is_relative_to(real(workspace)):
        raise UsageError(
            f"credential helper {program} lies in the workspace, and is not run",
            "what is being judged must not hand out the credential; install the helper elsewhere",
        )
    return program


def _run(
    program: Path, server: str, environ: Mapping[str, str], home: Path, seconds: float
) -> tuple[int, str]:
    """Run ``get``, with bounded time and output; helpers write their errors to stdout too."""
    end = time.monotonic() + seconds
    with _start(program, environ, home) as process:
        try:
            output = _converse(process, server, end)
            return process.wait(max(end - time.monotonic(), 0)), output
        except (TimeoutError, subprocess.TimeoutExpired):
            _kill(process)
            raise UsageError(
                f"credential helper {program.name} did not answer within {seconds:.0f} s"
            ) from None
        except BaseException:
            _kill(process)
            raise


def _start(program: Path, environ: Mapping[str, str], home: Path) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [program, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={key: value for key, value in environ.items() if not key.startswith("PUSHPOLICY_")},
            cwd=home if is_folder(home) else "/",
            start_new_session=True,
        )
    except OSError as error:
        raise UsageError(f"credential helper {program}: {error.strerror}") from error


def _converse(process: subprocess.Popen[bytes], server: str, end: float) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError), process.stdin:
        process.stdin.write(server.encode() + b"\n")
    output = b"".join(_pieces(process, process.stdout.fileno(), end))
    return output.decode("utf-8", "replace")


def _pieces(process: subprocess.Popen[bytes], pipe: int, end: float) -> Iterator[bytes]:
    """What it writes, until it closes the pipe or has ended: what it started may hold the pipe open.

    Raises:
        TimeoutError: at the end of its time, by the clock of `time.monotonic`.
        UsageError: when it is too much.
    """
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    size = 0
    while True:
        # In this order: what it wrote before it ended is in the pipe then.
        has_ended = process.poll() is not None
        is_ready = waiting.poll(0 if has_ended else _LOOK_SECONDS * 1000)
        if time.monotonic() > end:
            raise TimeoutError
        if not is_ready and has_ended:
            return
        if not is_ready:
            continue
        piece = os.read(pipe, _MAX_OUTPUT)
        size += len(piece)
        if size > _MAX_OUTPUT:
            raise UsageError("the credential helper's answer is over the limit of 1 MiB")
        if not piece:
            return
        yield piece


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the helper and what it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _read(output: str, program: str, server: str) -> Secret | None:
    try:
        value = json.loads(output)
        username, secret = value["Username"], value["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(
            f"credential helper {program}: its answer for {server} is not as specified"
        ) from None
    if not isinstance(username, str) or not isinstance(secret, str):
        raise UsageError(f"credential helper {program}: its answer for {server} is not as specified")
    if username == _IS_TOKEN:
        return Secret(identity_token=secret) or None
    return Secret(username=username, password=secret) or None

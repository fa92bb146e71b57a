"""Ask a credential helper (docker-credential-helpers, "Development": the get command)."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from pushpolicy.errors import UsageError
from pushpolicy.files import is_folder, real
from pushpolicy.model.text import printable
from pushpolicy.programs import StoppedError, ask
from pushpolicy.registry.credentials.config_file import Secret

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_SECONDS = 30.0
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
    try:
        answer = ask(
            [program, "get"],
            server.encode() + b"\n",
            environ={key: value for key, value in environ.items() if not key.startswith("PUSHPOLICY_")},
            folder=home if is_folder(home) else Path("/"),
            seconds=seconds,
            limit=_MAX_OUTPUT,
        )
    except OSError as error:
        raise UsageError(f"credential helper {program}: {error.strerror}") from error
    except StoppedError as error:
        raise UsageError(f"credential helper {program.name} {error}") from error
    return answer.code, answer.output.decode("utf-8", "replace")


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

"""The environment, read once: a documented whitelist and what CI systems set (design section 4).

An earlier step of the same job can set variables, so none of them names a configuration, a policy, a
trust file, an engine, a waiver or a time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from pushpolicy.errors import UsageError
from pushpolicy.signing.keys import PASSPHRASE_VARIABLE

SIGNING_KEY = "PUSHPOLICY_SIGNING_KEY"
# The key that signs, and its passphrase, as this process was given them.
_held: dict[str, str] = {}


def hold_keys() -> None:
    """Take the key that signs, and its passphrase, out of what programs inherit; before any is started."""
    _held.clear()
    _held.update(
        {name: os.environ.pop(name) for name in (SIGNING_KEY, PASSPHRASE_VARIABLE) if name in os.environ}
    )


def environment() -> Mapping[str, str]:
    """The variables of this process, for the steps that classify or search them.

    What is held is among them, as it must be found in what is to be stored or said. A program is given none
    whose name begins with ``PUSHPOLICY_`` and is that of a secret.
    """
    return MappingProxyType({**os.environ, **_held})


def workspace() -> Path:
    """The checkout that is judged: the current folder.

    Raises:
        UsageError: when it was deleted.
    """
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the current folder is deleted", "change into the checkout") from error


def checkout() -> Path:
    """The work tree that the workspace is in, as far as a .git tells; the workspace where there is none.

    Raises:
        UsageError: when the current folder was deleted.
    """
    here = workspace()
    return next((folder for folder in (here, *here.parents) if os.access(folder / ".git", os.F_OK)), here)


def home() -> Path:
    """The user's home folder; a folder that does not exist where there is none."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/nonexistent")


def now() -> datetime:
    """The time of a decision, in whole seconds of UTC."""
    return datetime.now(UTC).replace(microsecond=0)


def signing_key() -> str | None:
    """The PEM in PUSHPOLICY_SIGNING_KEY."""
    return _held.get(SIGNING_KEY)


def passphrase() -> bytes | None:
    """What is in PUSHPOLICY_KEY_PASSPHRASE, byte for byte."""
    held = _held.get(PASSPHRASE_VARIABLE)
    return None if held is None else os.fsencode(held)


def parse_time(text: str | None, option: str = "--at") -> datetime:
    """The time that an option gives, or now.

    Raises:
        UsageError: when it is not an RFC 3339 time with a zone.
    """
    if text is None:
        return now()
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is no time", "write it as 2026-11-24T12:00:00Z") from error
    if value.tzinfo is None:
        raise UsageError(f"{option} {text!r} has no zone", "write it as 2026-11-24T12:00:00Z")
    return value.astimezone(UTC)

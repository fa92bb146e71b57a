"""Where else the secret lies: tracked files, files that others may open, command lines; never its value."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pushpolicy.files import real
from pushpolicy.gather.checkout import Checkout
from pushpolicy.gather.secrets.search import find
from pushpolicy.model.text import printable
from pushpolicy.registry.credentials import Credential
from pushpolicy.reports.file import open_report
from pushpolicy.reports.format import ReportError
from pushpolicy.reports.limits import Limits

_MIN_LITERAL = 8
_MAX_HITS = 20
_PROC = Path("/proc")
_MAX_ANCESTORS = 64
_MAX_COMMAND = 4 * 1024 * 1024


class TooMuchError(Exception):
    """The checkout is too large to be searched."""


def literals(credential: Credential, checkout: Checkout, limits: Limits) -> Iterator[str]:
    """Where the secret stands in tracked files, as path and line.

    Raises:
        TooMuchError: when more is tracked than may be searched.
    """
    needles = set(_needles(credential))
    if not needles or checkout.root is None:
        return
    searched = hits = 0
    for name in sorted(checkout.tracked):
        path = checkout.root / name
        searched += _size(path)
        if searched > limits.max_searched:
            raise TooMuchError(
                f"over {limits.max_searched} bytes are tracked by git: not searched for the credential"
            )
        if (line := _line(path, needles)) is not None:
            yield f"{printable(name)}:{line}"
            hits += 1
            if hits == _MAX_HITS:
                return


def others_may(path: Path) -> frozenset[str] | None:
    """What users other than the owner and its group may do with a file: read, write, or both.

    The folders that it lies in count: where others may not pass, its own mode lets nobody in. None where
    the file cannot be looked at.
    """
    place = real(path)
    try:
        mode = place.stat().st_mode
        if not all(folder.stat().st_mode & stat.S_IXOTH for folder in place.parents):
            return frozenset()
    except OSError:
        return None
    bits = {"read": stat.S_IROTH, "write": stat.S_IWOTH}
    return frozenset(name for name, bit in bits.items() if mode & bit)


def command_lines(credential: Credential) -> tuple[str, ...] | None:
    """The programs above this one on whose command line the secret stands, by name.

    Every user of the machine can read a command line. Looked at are this user's own processes; None where
    the system has no /proc, and so nothing can be told.
    """
    if not (_PROC / "self/stat").exists():
        return None
    needles = set(_needles(credential))
    if not needles:
        return ()
    return tuple(name for name, line in _ancestors() if find((line,), needles))


def _ancestors() -> Iterator[tuple[str, bytes]]:
    """Name and command line of each process above this one, as far as they are this user's."""
    process = os.getppid()
    for _ in range(_MAX_ANCESTORS):
        folder = _PROC / str(process)
        try:
            if folder.stat().st_uid != os.getuid():
                return
            # pid (name) state parent; the name may hold parentheses, and words.
            name, _, rest = (folder / "stat").read_bytes().partition(b"(")[2].rpartition(b")")
            with (folder / "cmdline").open("rb") as file:
                line = file.read(_MAX_COMMAND)
            process = int(rest.split()[1])
        except (OSError, ValueError, IndexError):
            return  # ended meanwhile, or hidden
        yield printable(name.decode("utf-8", "replace"), 40), line


def _needles(credential: Credential) -> Iterator[bytes]:
    for secret in credential.secrets:
        raw = secret.encode("utf-8", "surrogateescape")
        if len(raw) >= _MIN_LITERAL:
            yield raw
        if credential.username:
            pair = credential.username.encode("utf-8", "surrogateescape") + b":" + raw
            yield pair
            yield base64.b64encode(pair).rstrip(b"=")


def _size(path: Path) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0  # tracked and deleted: that makes the checkout dirty, but holds no secret


def _line(path: Path, needles: set[bytes]) -> int | None:
    if path.is_symlink():
        return None
    try:
        with open_report(path, _size(path)) as file:
            hit = find(file.chunks(), needles)
    except ReportError:
        return None  # a submodule, or gone since git listed it
    return hit.line if hit else None

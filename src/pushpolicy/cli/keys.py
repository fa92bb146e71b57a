"""The key that signs: from the file of ``--key`` or from a variable, never from an option's value."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from pushpolicy.cli import environment
from pushpolicy.errors import UsageError
from pushpolicy.files import read_file, real, work_trees_around
from pushpolicy.gather.checkout import may_be_in_head
from pushpolicy.gather.credentials.exposure import others_may
from pushpolicy.model.text import printable
from pushpolicy.signing.keys import MAX_PEM, SigningError, SigningKey, read_private

_NEW = "make another outside of any checkout (`pushpolicy keygen`), and trust that instead of this one"


def signing_key(option: str | None) -> SigningKey:
    """The private key in the file of ``--key``, else in PUSHPOLICY_SIGNING_KEY.

    One in cosign's encrypted format is opened by PUSHPOLICY_KEY_PASSPHRASE.

    Raises:
        UsageError: when there is none, it is no such key, or others than its owner can have it.
    """
    return _opened(option, environment.take_signing_key(), environment.take_passphrase())


def _opened(option: str | None, held: str | None, passphrase: bytes | None) -> SigningKey:
    if option is None and not held:
        raise UsageError(
            "there is no key to sign with",
            f"name the file of a private key (--key FILE), or set {environment.SIGNING_KEY}",
        )
    if option is None:
        return _read(environment.SIGNING_KEY, (held or "").encode("utf-8", "surrogateescape"), passphrase)
    if "-----BEGIN" in option:
        raise UsageError(
            "--key holds the key itself: other processes and shell histories see it",
            f"name its file, or set {environment.SIGNING_KEY} from the CI's secret store",
        )
    path, name = Path(option), printable(option)
    try:
        content = read_file(path, MAX_PEM)
    except OSError as error:
        raise UsageError(f"--key {name}: {error.strerror}") from error
    key = _read(f"--key {name}", content, passphrase)
    _check_kept(path, f"--key {name}")
    return key


def deferred_key(option: str | None) -> Callable[[], SigningKey] | None:
    """Like `signing_key`, for whoever signs last: the variable is taken now, so that no child has it.

    Returns:
        what gives the key, which is read at the first call; None where no key is named.
    """
    if option is None and not environment.has_signing_key():
        return None
    held, passphrase = environment.take_signing_key(), environment.take_passphrase()
    return cache(partial(_opened, option, held, passphrase))


def _read(name: str, content: bytes, passphrase: bytes | None) -> SigningKey:
    try:
        return read_private(content, passphrase)
    except SigningError as error:
        raise UsageError(f"{name} {error.message}", error.hint) from error


def _check_kept(path: Path, name: str) -> None:
    """Refuse a key that others may have: no signature of it would say who signed."""
    named = real(path.parent) / path.name
    places = {place: work_trees_around(place.parent) for place in (named, real(path))}
    environ = environment.environment()
    if any(may_be_in_head(root, place, environ) for place, roots in places.items() for root in roots):
        raise UsageError(f"{name} is, or may be, tracked by git: all who have the repository have it", _NEW)
    if allowed := others_may(path):
        raise UsageError(
            f"{name}: other users of this machine may {' and '.join(sorted(allowed))} it",
            f"`chmod 600 {printable(str(path))}`; where that cannot be, set {environment.SIGNING_KEY}",
        )

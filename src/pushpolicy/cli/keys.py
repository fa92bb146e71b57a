"""The key that signs: of the file or program of ``--key``, or of a variable, never an option's value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pushpolicy.cli import environment
from pushpolicy.cli.checkout import Checkout
from pushpolicy.cli.report import holds_credential
from pushpolicy.errors import UsageError
from pushpolicy.evaluate.authority import lies_in
from pushpolicy.files import read_file, real, work_trees_around
from pushpolicy.gather.checkout import may_be_in_head
from pushpolicy.gather.credentials.exposure import others_may
from pushpolicy.model.text import printable
from pushpolicy.signing.keys import MAX_PEM, Signer, SigningError, SigningKey, read_private

if TYPE_CHECKING:
    from pushpolicy.signing.plugin import Plugin

_EXEC = "exec:"
_NEW = "make another outside of any checkout (`pushpolicy keygen`), and trust that instead of this one"


def signing_key(option: str | None) -> Signer:
    """The private key in the file of ``--key``, or that of its program, else in PUSHPOLICY_SIGNING_KEY.

    One in cosign's encrypted format is opened by PUSHPOLICY_KEY_PASSPHRASE.

    Raises:
        UsageError: when there is none, it is no such key, or others than its owner can have it.
    """
    if option is None:
        held = environment.signing_key()
        if not held:
            raise UsageError(
                "there is no key to sign with",
                f"name the file of a private key (--key FILE), or set {environment.SIGNING_KEY}",
            )
        return _read(environment.SIGNING_KEY, held.encode("utf-8", "surrogateescape"))
    if "-----BEGIN" in option:
        raise UsageError(
            "--key holds the key itself: other processes and shell histories see it",
            f"name its file, or set {environment.SIGNING_KEY} from the CI's secret store",
        )
    if option.startswith(_EXEC):
        return _plugin(option.removeprefix(_EXEC))
    path, name = Path(option), printable(option)
    try:
        content = read_file(path, MAX_PEM)
    except OSError as error:
        raise UsageError(f"--key {name}: {error.strerror}") from error
    key = _read(f"--key {name}", content)
    _check_kept(path, f"--key {name}")
    return key


def deferred_key(option: str | None) -> Callable[[], Signer] | None:
    """Like `signing_key`, for whoever signs last.

    Returns:
        what gives the key, which is read at the first call; None where no key is named.
    """
    if option is None and environment.signing_key() is None:
        return None
    return cache(partial(signing_key, option))


def _read(name: str, content: bytes) -> SigningKey:
    try:
        return read_private(content, environment.passphrase())
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


def _plugin(program: str) -> Plugin:
    from pushpolicy.signing.plugin import ELSEWHERE, Plugin

    name = f"--key {_EXEC}{printable(program)}"
    if Path(program).is_absolute() and lies_in(program, Checkout()):
        raise UsageError(f"{name} lies inside the checkout that is judged", ELSEWHERE)
    try:
        return Plugin(Path(program), _for_plugins(environment.environment()))
    except SigningError as error:
        raise UsageError(f"{name} {error.message}", error.hint) from error


def _for_plugins(environ: Mapping[str, str]) -> dict[str, str]:
    """What a program that signs is given: whatever its token or key service may need, which nobody can list.

    Nothing that is for pushpolicy alone is among it, and no credential of a registry.
    """
    from pushpolicy.registry.credentials import HANDED

    return {
        name: value
        for name, value in environ.items()
        if not name.startswith("PUSHPOLICY_") and name not in HANDED and not holds_credential(name, value)
    }

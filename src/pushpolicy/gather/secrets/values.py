"""Which values of this run are secret: those of variables, of git's remote, and the credentials in use."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pushpolicy.gather.secrets.names import is_of_run, is_secret_name
from pushpolicy.gather.secrets.within import is_telling, within
from pushpolicy.registry.credentials import Credential

# What a message calls a variable, before its name.
VARIABLE = "the variable "
# The target's comes first.
_CREDENTIALS = ("the registry's credential", "the credential of the source's registry")


def secret_values(
    environ: Mapping[str, str],
    *credentials: Credential | None,
    remote: Collection[str] = (),
    not_secret: Collection[str] = (),
) -> dict[str, str]:
    """The secret values that must not be stored, each with what it is called in a message.

    Args:
        environ: the environment of the run.
        credentials: those that the run uses, for the target and for a source that is in a registry.
        remote: the secrets that stand in the address of git's remote.
        not_secret: the variables that hold none, whatever they look like. A credential in use is one still.
    """
    found: dict[str, str] = {}
    for name, value in environ.items():
        for secret in _of(name, value) if name not in not_secret else ():
            found.setdefault(secret, f"{VARIABLE}{name}")
    for secret in remote:
        found.setdefault(secret, "git's remote")
    for credential, called in zip(credentials, _CREDENTIALS, strict=False):
        for secret in credential.secrets if credential else ():
            if is_telling(secret):
                found.setdefault(secret.strip(), called)
    return found


def _of(name: str, value: str) -> Iterator[str]:
    if is_secret_name(name) and is_telling(value):
        yield value.strip()
    yield from sorted(within(value, by_chance=not is_of_run(name)))

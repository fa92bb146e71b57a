"""The last look at what leaves on standard error: messages quote arguments, registries and libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpolicy.cli import environment

if TYPE_CHECKING:
    from pushpolicy.registry.credentials import Credential

# Those of this process's registries, which see them and may say them back.
_in_use: list[Credential] = []


def hide(credential: Credential) -> None:
    """Have what this credential holds replaced too."""
    _in_use.append(credential)


def without_secrets(text: str) -> str:
    """The text with every secret value replaced by its name, however it is spelt.

    They are those of the environment and of the credentials in use.
    """
    # Imported here: only a failure needs it.
    from pushpolicy.gather.secrets.search import secret_values, spellings

    environ = environment.environment()
    values = [secret_values(environ, credential) for credential in (None, *_in_use)]
    called = {
        spelling.decode("utf-8", "surrogateescape"): name
        for found in values
        for value, name in found.items()
        for spelling in spellings(value)
    }
    # A secret may be a part of another one.
    for spelling in sorted(called, key=len, reverse=True):
        text = text.replace(spelling, f"<{called[spelling]}>")
    return text

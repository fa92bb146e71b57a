"""The last look at what leaves on standard error: messages quote arguments, registries and libraries."""

from __future__ import annotations

from pushpolicy.cli import environment


def without_secrets(text: str) -> str:
    """The text with every secret value of the environment, however it is spelt, replaced by its name."""
    # Imported here: only a failure needs it.
    from pushpolicy.gather.encodings import spellings
    from pushpolicy.gather.secrets import secret_values

    for name, value in secret_values(environment.environment(), None).items():
        for spelling in sorted(spellings(value.strip()), key=len, reverse=True):
            text = text.replace(spelling.decode("utf-8", "surrogateescape"), f"<{name}>")
    return text

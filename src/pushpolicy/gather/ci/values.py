"""Values of variables that CI systems set, whatever the system."""

from __future__ import annotations

import re

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class CiError(Exception):
    """The environment of a CI system lacks something, or contradicts itself."""


def commit(text: str | None) -> str | None:
    """A commit's full hash.

    Raises:
        CiError: when the text is something else.
    """
    if not text:
        return None
    if not _COMMIT.fullmatch(text):
        raise CiError("the commit that the CI system names is not a full hash")
    return text


def boolean(text: str | None) -> bool | None:
    """``true`` or ``false``; None for anything else."""
    return {"true": True, "false": False}.get((text or "").lower())

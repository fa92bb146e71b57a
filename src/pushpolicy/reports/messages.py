"""What the process that reads report files (`child`) is asked, and what it answers."""

from __future__ import annotations

import msgspec

from pushpolicy.reports.limits import Limits


class Asked(msgspec.Struct, frozen=True):
    """What is to be read: the name of the file that comes along."""

    name: str
    limits: Limits


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was read, or why nothing was.

    Attributes:
        format: by its name; of a broken file the one that it was to have, None where that is none.
        facts: each as the name of its type and its JSON.
        digest: SHA-256 of the bytes that were read.
        reason: why the file is none, or cannot be read as what it was to be.
        run_failed: whether the file is sound and says that the tool's own run failed.
    """

    format: str | None = None
    facts: tuple[tuple[str, msgspec.Raw], ...] = ()
    digest: str = ""
    size: int = 0
    reason: str | None = None
    run_failed: bool = False


class Ready(msgspec.Struct, frozen=True):
    """The first answer: whether the process is confined to what it was handed."""

    confined: bool

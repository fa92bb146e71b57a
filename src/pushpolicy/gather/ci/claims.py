"""What a CI system's variables can say of a run, whatever the system."""

from __future__ import annotations

import re

import msgspec

from pushpolicy.model.evidence import PullRequest, Run

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class CiError(Exception):
    """The environment of a CI system lacks a part, or contradicts itself."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of model.evidence.CiEvidence that a provider fills; None where it does not say."""

    event: str
    event_raw: str
    untrusted_trigger: str | None = None
    repository: str | None = None
    ref: str | None = None
    ref_type: str | None = None
    branch: str | None = None
    tag: str | None = None
    commit: str | None = None
    pull_request: PullRequest | None = None
    ref_protected: bool | None = None
    default_branch: str | None = None
    actor: str | None = None
    run: Run | None = None
    job: str | None = None


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

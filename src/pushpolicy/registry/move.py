"""A tag that is moved, and what is promised of it: nouns, which bring no HTTP with them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from pushpolicy.errors import IncompleteError
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest

_MAX_TAG = 128


class Guarantee(StrEnum):
    """What kept tags from being moved over what somebody else had set since they were judged.

    ATOMIC: they were compared and moved in one step. CONDITIONAL: the registry compares as it moves each; it
    refused a condition that could not hold. READ_THEN_WRITE: each was read just before it was moved.
    """

    ATOMIC = "atomic"
    CONDITIONAL = "conditional"
    READ_THEN_WRITE = "read-then-write"


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A tag that is to name a manifest.

    Attributes:
        before: what it named when that was judged; None where it was new.
    """

    tag: str
    manifest: Manifest
    before: Digest | None

    def conflict(self, now: Digest | None) -> IncompleteError:
        """The error for a tag that names something else by now."""
        return IncompleteError(
            f"pushed by digest, but tag {self.tag} was moved meanwhile: "
            f"it named {self.before or 'nothing'} when this push was judged, "
            f"and names {now or 'nothing'} now",
            "another push came first; run this one again, so that it is judged against the tag as it is",
        )


def free_tag(tag: str, digest: Digest) -> str:
    """A tag to push under where this one does not move: nobody has it, but for this very image.

    The rule tag_policy makes the same.
    """
    suffix = f"-{digest.hex[:12]}"
    return tag[: _MAX_TAG - len(suffix)] + suffix

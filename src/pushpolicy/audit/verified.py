"""What verifying asks for, looks at, and finds."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from pushpolicy.audit.mirror.journal import Journal
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.standing import Standing
from pushpolicy.audit.walk import Listing
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference
from pushpolicy.records.read import Summary


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """What a mirror has of the repository that is asked about.

    Attributes:
        shelf: its records; the same keys are believed.
        journal: what was seen of its tags.
    """

    shelf: Shelf
    journal: Journal


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a record beside what every one has to be.

    Attributes:
        at: now.
        max_age: how old its decision may be; None for any age.
        denials: where denials of the image may be recorded; None where that is not said.
        mirror: what may know more than the registry shows; None where none is named.
        offline: whether it is read from a copy, whose tags are not those of the registry.
    """

    at: datetime
    max_age: timedelta | None = None
    denials: Shelf | None = None
    mirror: Copy | None = None
    offline: bool = False


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        passed: None where it could not be looked at, or was not asked for.
        says: what was found.
    """

    name: str
    passed: bool | None
    says: str
    hint: str | None = None


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a reference.

    Attributes:
        record: None where there is none that a listed key vouches for.
        ignored: what is listed with the image and does not count; one line each.
    """

    reference: Reference
    record: Summary | None
    standing: Standing | None
    checks: tuple[Check, ...]
    ignored: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[Check, ...]:
        """What is wrong; nothing where it is valid."""
        return tuple(check for check in self.checks if check.passed is False)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of a reference.

    Attributes:
        image: the one that is asked about.
        named: what the tag of the reference names; None where there is no tag, or it names nothing.
        record: the one that is verified.
    """

    reference: Reference
    image: Digest
    named: Digest | None
    listing: Listing
    record: Summary | None

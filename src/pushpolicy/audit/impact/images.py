"""What is told of an image that has a flaw or a package."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from pushpolicy.audit.impact.listed import Flaw, package_of
from pushpolicy.model.decision import Decision, Violation
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for.

    Attributes:
        ids: of flaws, in any case.
        globs: over package URLs.
    """

    ids: tuple[str, ...]
    globs: tuple[str, ...] = ()


class First(NamedTuple):
    """When something is recorded first, and what was decided about then."""

    moment: datetime
    record: Digest
    place: Repository

    def age(self) -> tuple[datetime, Digest]:
        """Smaller for the older one."""
        return self.moment, self.record


class Have(StrEnum):
    """How sure it is that an image has it, the surest first.

    LISTED: a scan listed the flaw. PACKAGE: it has the package that was asked for. POSSIBLY: an SBOM lists a
    package that the flaw was found in elsewhere, in a version of which nothing says that it is mended, and
    nothing looked for flaws in the image since it was known.
    """

    LISTED = "listed"
    PACKAGE = "package"
    POSSIBLY = "possibly"


class TagNow(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a tag that an image was allowed for, or names it now.

    Attributes:
        names: what it names; None where it is gone.
        known: whether it was looked at.
    """

    tag: str
    names: Digest | None = None
    known: bool = True

    def state(self, image: Digest) -> str:
        """In a word or two."""
        if not self.known:
            return "not looked at"
        if self.names == image:
            return "named"
        return f"moved to {self.names}" if self.names else "gone"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A flaw or a package that was found.

    Attributes:
        id: of the flaw; None for a package.
        by: the name of the scan or the SBOM.
        treated: why it did not stop the push, in words; or that it would have.
    """

    package: str | None
    version: str | None
    purl: str | None
    by: str
    id: str | None = None
    severity: str | None = None
    fixed_in: str | None = None
    treated: str | None = None


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """A published image, which has it.

    Attributes:
        tags: those that it was allowed for, and those that name it now.
        found: what was found, as the newest record has it that tells.
        known: when that is first recorded of this image.
        allowed: when it was allowed last, and by which record.
        treated: why what is known was let through then.
        looked_at: when something looked for flaws in it last.
    """

    place: Repository
    digest: Digest
    have: Have
    tags: tuple[TagNow, ...]
    found: tuple[Finding, ...]
    known: datetime
    allowed: datetime
    record: Digest
    treated: tuple[str, ...]
    looked_at: datetime | None

    @property
    def is_named(self) -> bool:
        """Whether a tag names it still."""
        return any(each.names == self.digest for each in self.tags)


class Impact(msgspec.Struct, frozen=True, kw_only=True):
    """Every published image that has it: those that a tag names first, the surest first.

    Attributes:
        names: what the flaw is called, in lower case.
        first: when it was first known here: decided on evidence that has it; None where none has.
        denied: how many images that have it were never allowed.
        records: how many records were looked at, in `places`.
        as_of: when tags were read, where some are of a copy.
    """

    names: tuple[str, ...]
    images: tuple[Affected, ...]
    first: First | None
    denied: int
    records: int
    places: int
    as_of: datetime | None


def treatment(decision: Decision, flaw: Flaw) -> str:
    """How a decision came past a flaw, in words: by whom and what it was let through, or that it was not."""
    for item in decision.violations:
        if _is_about(item, flaw):
            return f"denied by {item.rule}"
    for item in decision.waived:
        if _is_about(item, flaw):
            waiver = item.waiver or {}
            who = f" by {waiver['approver']}" if "approver" in waiver else ""
            return printable(f"waived until {waiver.get('expires')}{who}: {waiver.get('reason')}", 200)
    for item in decision.warnings:
        if _is_about(item, flaw):
            return f"only warned of by {item.rule}"
    value = flaw.value
    if "suppressed_by" in value:
        return printable(f"no rule denied it; suppressed by {value['suppressed_by']}", 200)
    for said in value.get("vex", ()):
        return printable(
            f"no rule denied it; VEX says {said['status']} ({said.get('reason', 'no reason')})", 200
        )
    return "no rule denied it"


def _is_about(item: Violation, flaw: Flaw) -> bool:
    aliases = item.at.get("aliases")
    names = [item.id, *(aliases if isinstance(aliases, list | tuple) else ())]
    if not any(isinstance(name, str) and name.lower() in flaw.names for name in names):
        return False
    # One flaw is told once for each package that has it; what several scans say of one is told as one.
    there, here = package_of(item.at), package_of(flaw.value)
    return there is None or here is None or not set(there.products).isdisjoint(here.products)

"""A repository in a mirror, as a source: with the tags that were seen last, not all that ever were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.mirror.journal import Journal
from pushpolicy.audit.mirror.store import Store
from pushpolicy.audit.sources import RepositorySource, Tagged
from pushpolicy.audit.tags import Named
from pushpolicy.audit.walk import Read
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference


class MirrorSource(NamedTuple):
    """What a mirror holds of one repository."""

    held: RepositorySource
    store: Store

    @property
    def place(self) -> Reference:
        """The repository that it is of."""
        return self.held.place

    def each(self, allowance: Allowance) -> Iterator[Read]:
        """As the repository itself."""
        return self.held.each(allowance)

    def tags(self) -> Iterator[tuple[str, Digest]]:
        """What each tag named when it was seen last."""
        journal = self._journal()
        return ((tag, digest) for tag, digest in self.held.tags() if journal.now(tag) == digest)

    def tagged(self, allowance: Allowance) -> Tagged:
        """As it was when all of it was looked at last."""
        journal, (tags, records) = self._journal(), self.held.tagged(allowance)
        named = tuple(each for each in tags.named if journal.now(str(each.tag)) == each.digest)
        as_of = datetime.fromisoformat(journal.complete) if journal.complete else None
        return Tagged(replace(tags, named=named, as_of=as_of or tags.as_of), records)

    def named(self, digest: Digest) -> Named | None:
        """What it holds."""
        return self.held.named(digest)

    def _journal(self) -> Journal:
        return self.store.journal(self.place.repository)

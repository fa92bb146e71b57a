"""A repository in a mirror, as a source: with the tags that were seen last, not all that ever were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.history import tags_of
from pushpolicy.audit.mirror.journal import Journal
from pushpolicy.audit.mirror.store import Store
from pushpolicy.audit.sources import RepositorySource, Tagged
from pushpolicy.audit.tags import Named
from pushpolicy.audit.walk import Read
from pushpolicy.errors import RecordError
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference

_DISAGREE = "the journal of the mirror and its layout say different things: `pushpolicy audit mirror` again"


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
        for named in self._agreed(self._journal(), tags_of(self.held.shelf, self.place).named):
            if named.digest is None:
                raise RecordError(f"{self.place.repository}:{named.tag} cannot be read: {named.problem}")
            if named.is_image:
                yield str(named.tag), named.digest

    def tagged(self, allowance: Allowance) -> Tagged:
        """As it was when all of it was looked at last."""
        journal, (tags, records) = self._journal(), self.held.tagged(allowance)
        named = tuple(self._agreed(journal, tags.named))
        as_of = datetime.fromisoformat(journal.complete) if journal.complete else None
        return Tagged(replace(tags, named=named, as_of=as_of or tags.as_of), records)

    def named(self, digest: Digest) -> Named | None:
        """What it holds."""
        return self.held.named(digest)

    def _agreed(self, journal: Journal, held: Iterable[Named]) -> Iterator[Named]:
        """What is there under each tag that was not seen to be gone.

        Where the journal and the layout say different things, a run was stopped or somebody changed one of
        them: what the tag names is not known then.
        """
        layout = {str(each.tag): each for each in held}
        for tag in sorted(layout.keys() | journal.tags.keys()):
            seen, there = journal.now(tag), layout.get(tag)
            if there and (there.digest is None or seen == there.digest):
                yield there
            elif seen or tag not in journal.tags:
                yield Named(tag=tag, problem=_DISAGREE)

    def _journal(self) -> Journal:
        return self.store.journal(self.place.repository)

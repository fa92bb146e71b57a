"""Which records are listed: every condition holds, and of several values of one, any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from pushpolicy.audit.entry import Entry, found_by, relied_on, repository_of
from pushpolicy.audit.outcome import Outcome
from pushpolicy.audit.walk import Opened

# What a waiver is known by.
_WAIVER_NAMES = ("id", "purl", "evidence", "rule", "ticket", "approver")


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What a record has to be; nothing is asked where a field is empty or None.

    Texts are globs, and letters count whatever their case; a commit is its beginning.

    Attributes:
        since: decided then or later.
        until: decided earlier than this.
        repositories: for which it decided; ``*`` stops at a slash, ``**`` does not.
        tags: one of those it was for.
        rules: that violated, warned, or was waived.
        findings: an id of what rules found, whatever became of it.
        waivers: by the id, purl, evidence, rule, ticket or approver of one that it relies on.
        waived: whether it relies on any waiver.
        credentials: where the credential of the push came from.
        anchored: whether everything that decided is known.
        verified: whether a listed key vouches for it.
    """

    since: datetime | None = None
    until: datetime | None = None
    repositories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    results: tuple[Outcome, ...] = ()
    rules: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    waivers: tuple[str, ...] = ()
    waived: bool = False
    actors: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    anchored: bool | None = None
    verified: bool | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing is asked."""
        return self == Selection()

    def takes(self, found: Opened) -> bool:
        """Whether a record is one of them."""
        return all(self._conditions(found))

    def _conditions(self, found: Opened) -> Iterator[bool]:
        moment, decision = found.summary.moment, found.record.decision
        yield self.since is None or moment >= self.since
        yield self.until is None or moment < self.until
        repository = repository_of(decision)
        yield not self.repositories or any(map(repository.is_covered_by, self.repositories))
        yield _any(self.tags, decision.image.tags)
        yield not self.rules or _any(self.rules, (each.rule for each in found_by(decision)))
        yield not self.findings or _any(self.findings, (each.id for each in found_by(decision)))
        waivers = list(relied_on(decision))
        yield bool(waivers) or not self.waived
        yield not self.waivers or _any(self.waivers, _names(waivers))
        entry = Entry.of(found)
        yield not self.results or entry.outcome in self.results
        yield _any(self.actors, filter(None, [entry.actor]))
        yield not self.commits or (entry.commit or "").lower().startswith(
            tuple(each.lower() for each in self.commits)
        )
        yield _any(self.credentials, filter(None, [entry.credential, entry.credential_from]))
        yield self.anchored in (None, entry.anchored)
        yield self.verified in (None, bool(entry.signed_by))


def _names(waivers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (str(each[name]) for each in waivers for name in _WAIVER_NAMES if each.get(name))


def _any(globs: tuple[str, ...], texts: Iterable[str]) -> bool:
    """Whether any of the texts is meant by any of the globs; whether there are none to be meant by."""
    return not globs or any(fnmatchcase(text.lower(), glob.lower()) for text in texts for glob in globs)

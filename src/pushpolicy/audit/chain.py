"""Whether the records of a tag are one whole chain: each names the one before it, and is one more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from pushpolicy.audit.walk import Listing
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable
from pushpolicy.records.read import Summary

_REMOVED = "a record was removed, or two pushes went on at once: a copy elsewhere may have it"
_UNSIGNED = (
    "a push without --trust FILE goes on from any record, also an unsigned one; or what was signed about it "
    "was removed. With --trust FILE a new tag begins a chain that holds (docs/keys.md)"
)


class Fault(NamedTuple):
    """What is wrong with a chain; or that it does not go on in a copy, which need not have all of it."""

    says: str
    is_absence: bool = False
    hint: str = _REMOVED


def place_of(record: Summary, tag: str) -> int:
    """The number of a record among those of a tag; 0 where it has none."""
    link = record.decision.chain.get(tag)
    return link.sequence if link else 0


def newest_of(listing: Listing, tag: str) -> Summary | None:
    """The record of a tag with the largest number, of those that were found."""
    found = [record for record in listing.records if tag in record.decision.image.tags]
    return max(found, key=lambda record: (place_of(record, tag), record.moment), default=None)


def faults(record: Summary, tag: str, listing: Listing) -> Iterator[Fault]:
    """What is wrong with the chain that leads from a record to the first of its tag."""
    yield from _forks(tag, listing)
    found = {each.digest: each for each in listing.records}
    refused = {problem.digest: problem.bare for problem in listing.problems}
    while True:
        link = record.decision.chain.get(tag)
        if link is None:
            yield Fault(f"{_name(record)} has no number among the records of the tag {tag}")
            return
        if link.previous is None:
            if link.sequence != 1:
                yield Fault(
                    f"{_name(record)} is number {link.sequence} of the tag {tag}, and names none before"
                )
            return
        before = found.get(link.previous)
        if before is None:
            name = f"number {link.sequence - 1} of the tag {tag}, record {link.previous},"
            reason = refused.get(link.previous, "it was not read")
            if reason.startswith(f"there is no record {link.previous} "):
                yield Fault(f"{name} is not there", is_absence=True)
            else:
                short = reason.replace(f"record {link.previous} ", "it ", 1)
                hint = _UNSIGNED if short.startswith("it is unsigned") else _REMOVED
                yield Fault(f"{name} does not count: {printable(short, 300)}", hint=hint)
            return
        if place_of(before, tag) != link.sequence - 1:
            was = place_of(before, tag)
            yield Fault(
                f"{_name(record)} is number {link.sequence} of the tag {tag}, and the one before it {was}"
            )
        record = before


def _forks(tag: str, listing: Listing) -> Iterator[Fault]:
    children: dict[Digest | None, list[Summary]] = defaultdict(list)
    for record in listing.records:
        if link := record.decision.chain.get(tag):
            children[link.previous].append(record)
    for before, followers in children.items():
        if len(followers) > 1:
            both = " and ".join(sorted(map(_name, followers))[:3])
            after = f"follow record {before}" if before else "are the first"
            yield Fault(f"the records of the tag {tag} fork: {both} {after}")


def _name(record: Summary) -> str:
    return f"record {record.digest}"

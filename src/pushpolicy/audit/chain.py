"""Whether the records of a tag are one whole chain: each names the one before it, and is one more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from pushpolicy.audit.walk import Listing
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import printable
from pushpolicy.records.read import Summary


def place_of(record: Summary, tag: str) -> int:
    """The number of a record among those of a tag; 0 where it has none."""
    link = record.decision.chain.get(tag)
    return link.sequence if link else 0


def newest_of(listing: Listing, tag: str) -> Summary | None:
    """The record of a tag with the largest number, of those that were found."""
    found = [record for record in listing.records if tag in record.decision.image.tags]
    return max(found, key=lambda record: (place_of(record, tag), record.moment), default=None)


def faults(record: Summary, tag: str, listing: Listing) -> Iterator[str]:
    """What is wrong with the chain that leads from a record to the first of its tag."""
    yield from _forks(tag, listing)
    found = {each.digest: each for each in listing.records}
    refused = {problem.digest: problem.reason for problem in listing.problems}
    while True:
        link = record.decision.chain.get(tag)
        if link is None:
            yield f"{_name(record)} has no number among the records of the tag {tag}"
            return
        if link.previous is None:
            if link.sequence != 1:
                yield f"{_name(record)} is number {link.sequence} of the tag {tag}, and names none before it"
            return
        before = found.get(link.previous)
        if before is None:
            number, reason = link.sequence - 1, refused.get(link.previous, "it is not there")
            yield f"number {number} of the tag {tag}, record {link.previous}, is missing: {_short(reason)}"
            return
        if place_of(before, tag) != link.sequence - 1:
            was = place_of(before, tag)
            yield f"{_name(record)} is number {link.sequence} of the tag {tag}, and the one before it {was}"
        record = before


def _forks(tag: str, listing: Listing) -> Iterator[str]:
    children: dict[Digest | None, list[Summary]] = defaultdict(list)
    for record in listing.records:
        if link := record.decision.chain.get(tag):
            children[link.previous].append(record)
    for before, followers in children.items():
        if len(followers) > 1:
            both = " and ".join(sorted(map(_name, followers))[:3])
            after = f"follow record {before}" if before else "are the first"
            yield f"the records of the tag {tag} fork: {both} {after}"


def _name(record: Summary) -> str:
    return f"record {record.digest}"


def _short(reason: str) -> str:
    return printable(reason, 300)

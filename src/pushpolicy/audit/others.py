"""Other images of a repository, one of which may have a newer record of a tag."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import chain, islice

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.chain import newest_of, place_of
from pushpolicy.audit.history import reading
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.walk import Walk
from pushpolicy.errors import PushError
from pushpolicy.http.parallel import each
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import Reference
from pushpolicy.records import format as names
from pushpolicy.records.read import Summary

# Other images of the repository that are looked at for a newer record of the tag.
MAX_IMAGES = 1000


def others_about(shelf: Shelf, image: Digest, tag: str) -> Iterable[Digest]:
    """Other images with a record that may be about this tag, which may have been moved back.

    One that cannot be read is none that was found: what is wrong with another tag is not asked here.
    """
    found = dict[Digest, None]()

    def look(place: str | Digest) -> None:
        with suppress(PushError):
            tagged = shelf.images.resolve(place) if isinstance(place, str) else None
            other = tagged.digest if tagged else place
            if isinstance(other, Digest) and other != image and _may_be_about(shelf.listed(other), tag):
                found[other] = None

    places: Iterable[str | Digest] = chain(shelf.records.subjects(), shelf.images.tags())
    each(look, islice(places, MAX_IMAGES), distant=shelf.images.distant)
    return sorted(found)


def newer_of(shelf: Shelf, record: Summary, tag: str, allowance: Allowance) -> Summary | None:
    """A record of the tag that is about another image and newer than this one, which the tag names.

    Raises:
        RecordError: when the repository cannot be read, or nothing is left to spend.
    """
    with reading():
        place = Reference(repository=shelf.images.repository, tag=tag)
        walk = Walk(shelf, place, allowance)
        with allowance.all():
            walk.look_at(others_about(shelf, record.subject.digest, tag))
        newest = newest_of(walk.listing(), tag)
    return newest if newest and place_of(newest, tag) > place_of(record, tag) else None


def _may_be_about(listed: Iterable[Descriptor], tag: str) -> bool:
    return any(tag in entry.annotations.get(names.TAGS, tag).split(",") for entry in listed)

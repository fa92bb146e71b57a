"""Find the records of a repository: by its tags, by one reference, and along the chain of each tag."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from pushpolicy.audit.allowance import Allowance
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.standing import standing
from pushpolicy.audit.tags import Tags, image_of, read_tags
from pushpolicy.audit.walk import Listing, Opened, Read, Walk, not_older
from pushpolicy.errors import PushError, RecordError, UsageError
from pushpolicy.evaluate.recorded import check_recorded
from pushpolicy.http.parallel import each
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.reference import Reference
from pushpolicy.records.format import ARTIFACT_TYPE, TAGS, is_denial_tag
from pushpolicy.records.read import Record
from pushpolicy.registry.interface import RepositoryReader

NO_RECORD = (
    "it was not pushed by pushpolicy, the record was removed, or it is elsewhere (--records REPOSITORY)"
)


def list_records(shelf: Shelf, reference: Reference, allowance: Allowance | None = None) -> Listing:
    """Every record of a repository, of one tag with its past, or of one image.

    Images that no tag names any more are found where lists of referrers are kept under tags, and through the
    records that came after theirs.

    Args:
        shelf: the repository of the reference, and where its records are.
        reference: a repository; with a tag, the records of that tag; with a digest, of that image.
        allowance: what it may take; None for the usual.

    Raises:
        RecordError: when there is no such reference or repository, or it cannot be read.
    """
    with reading():
        listing = _walk(shelf, reference, allowance or Allowance()).listing()
        if not (listing.records or listing.problems or listing.unread):
            check_known(shelf.images, reference.digest)
    return listing


def each_record(
    shelf: Shelf, reference: Reference, allowance: Allowance, tags: Tags | None = None
) -> Iterator[Read]:
    """What `list_records` lists, one at a time as it is read, in no order, and the whole of each record.

    Nothing is kept of a record that was given out but its digest.

    Args:
        shelf: as for `list_records`.
        reference: as for `list_records`.
        allowance: what it may take.
        tags: what the tags of the reference name, where that was read already.

    Raises:
        RecordError: as `list_records`.
    """
    with reading():
        is_empty = True
        for found in _walk(shelf, reference, allowance, tags).each():
            is_empty = False
            yield found
        if is_empty:
            check_known(shelf.images, reference.digest)


def tags_of(shelf: Shelf, reference: Reference) -> Tags:
    """What the tags of a reference name, and what else in its repository records may be listed with.

    Raises:
        RecordError: when there is no such reference or repository, or it cannot be read.
    """
    client, tag = shelf.images, reference.tag
    with reading():
        if reference.digest:
            return Tags(named=(), others=(reference.digest,))
        named = read_tags(client, (tag,) if tag else client.tags())
        if tag and not named:
            raise _no_such(client, reference)
        return Tags(named=named, others=() if tag else client.subjects())


def each_denial(shelf: Shelf, reference: Reference, allowance: Allowance) -> Iterator[Read]:
    """The denials of what a reference names, in the repository that keeps them, as `each_record` reads.

    Args:
        shelf: the repository of the reference, and that of its denials.
        reference: a repository; with a tag, the denials of pushes to that tag; with a digest, of that image.
        allowance: what it may take.

    Raises:
        RecordError: when the denials cannot be read.
    """
    with reading():
        walk = Walk(shelf, reference, allowance)
        with allowance.all():
            walk.look_at([reference.digest] if reference.digest else _denied(shelf.records, reference.tag))
        yield from walk.each()


def _walk(shelf: Shelf, reference: Reference, allowance: Allowance, tags: Tags | None = None) -> Walk:
    walk = Walk(shelf, reference, allowance)
    with allowance.all():
        walk.look_at(_decided_about(shelf, reference, tags))
    return walk


def find(shelf: Shelf, reference: Reference, allowance: Allowance | None = None) -> Opened:
    """The newest record of an image, or the record of this digest.

    Args:
        shelf: the repository of the reference, and where its records are.
        reference: an image or a record.
        allowance: what it may take; None for the usual.

    Raises:
        UsageError: when the reference has neither a tag nor a digest.
        RecordError: when there is no such record, or it is not valid or not vouched for.
    """
    if reference.digest is None and reference.tag is None:
        raise UsageError(f"{reference} names no image", "add a tag or a digest; audit list shows both")
    allowance = allowance or Allowance()
    with reading():
        with allowance.all():
            manifest = by_name(shelf.records, reference)
        if manifest is not None and manifest.artifact_type == ARTIFACT_TYPE:
            with allowance.record():
                return _named(shelf, manifest, reference)
        return _newest(shelf, reference, allowance)


def find_record(shelf: Shelf, reference: Reference, allowance: Allowance | None = None) -> Record:
    """The record that `find` finds, for whoever asks no more."""
    return find(shelf, reference, allowance).record


@contextmanager
def reading() -> Iterator[None]:
    """What cannot be read of a repository is a record that cannot be relied on."""
    try:
        yield
    except PushError as error:
        raise RecordError(f"the records cannot be read: {error.message}", error.hint) from error


def images_of(client: RepositoryReader, reference: Reference) -> tuple[Digest, ...]:
    """The images that a reference names: one, or all of its repository.

    Raises:
        RecordError: when there is no such tag.
        PushError: when the repository cannot be read.
    """
    if reference.digest:
        return (reference.digest,)
    if reference.tag:
        image = client.resolve(reference.tag)
        if image is None:
            raise _no_such(client, reference)
        return (image.digest,)
    found, tags = dict[str, Digest](), client.tags()

    def look(tag: str) -> None:
        if tagged := client.resolve(tag):
            found[tag] = image_of(tagged)

    each(look, tags, distant=client.distant)
    return tuple(dict.fromkeys((*(found[tag] for tag in tags if tag in found), *client.subjects())))


def _no_such(client: RepositoryReader, reference: Reference) -> RecordError:
    check_known(client)
    return RecordError(f"there is no {reference}", f"audit list {reference.repository} shows what is there")


def _decided_about(shelf: Shelf, reference: Reference, tags: Tags | None = None) -> tuple[Digest, ...]:
    """The images that a reference names, and those that were denied for it, which are perhaps not there."""
    is_apart = shelf.records.repository != shelf.images.repository
    denied = tuple(_denied(shelf.records, reference.tag)) if is_apart and not reference.digest else ()
    try:
        images = tags.images if tags else images_of(shelf.images, reference)
    except RecordError:
        if not denied:
            raise
        images = ()
    return tuple(dict.fromkeys((*images, *denied)))


def _denied(client: RepositoryReader, tag: str | None) -> Iterator[Digest]:
    """The images of denials that tags of their own keep: of all, or of those of a push to this tag."""
    for name in filter(is_denial_tag, client.tags()):
        kept = client.resolve(name)
        if kept and tag in (None, *kept.annotations.get(TAGS, "").split(",")):
            yield image_of(kept)


def check_known(client: RepositoryReader, image: Digest | None = None) -> None:
    """Require that there is such a repository; some registries say of any name that it has no tags.

    Raises:
        RecordError: when there is none with a tag, and no such image.
    """
    if not client.is_known() and (image is None or client.manifest(image) is None):
        raise RecordError(
            f"there is no repository {client.repository}, or nothing in it has a tag",
            "check its name, and that the credential may read it: some registries hide what it may not",
        )


def by_name(client: RepositoryReader, reference: Reference) -> Manifest | None:
    """What may be the record itself: by its digest, or the tag of a denial."""
    if reference.digest:
        return client.manifest(reference.digest)
    return client.resolve(reference.tag) if reference.tag and is_denial_tag(reference.tag) else None


def _named(shelf: Shelf, manifest: Manifest, reference: Reference) -> Opened:
    """A record that is asked for by its digest, or by the tag of a denial."""
    record, signature = shelf.open(manifest.digest, None, manifest)
    if signature.retired:
        problem = not_older(manifest.digest, signature)
        raise RecordError(problem.reason, problem.hint)
    tag = reference.tag if reference.digest else None
    held, place = check_recorded(record), replace(reference, tag=tag, digest=None)
    how = standing(record, held, place, signature)
    return Opened(shelf=shelf, record=record, held=held, standing=how)


def _newest(shelf: Shelf, reference: Reference, allowance: Allowance) -> Opened:
    """The newest record of an image."""
    with allowance.all():
        (image,) = images_of(shelf.images, reference)
        walk = Walk(shelf, replace(reference, digest=image), allowance)
        walk.look_at((image,))
    listing = walk.listing()
    if listing.unread:
        raise RecordError(
            f"incomplete: of what is listed with {reference}, {listing.unread} were not read: which record "
            "is the newest is not known",
            "audit list shows those that were; a record that is named by its digest is read alone",
        )
    if listing.best is not None:
        others = len(listing.records) - 1
        how = replace(listing.standings[listing.best.digest], newest=True, others=others)
        with allowance.record():
            record = shelf.read(listing.best.digest)
            return Opened(shelf=shelf, record=record, held=check_recorded(record), standing=how)
    for problem in listing.problems:
        raise RecordError(problem.reason, problem.hint)
    check_known(shelf.images, image)
    raise RecordError(f"{reference} has no record", NO_RECORD)

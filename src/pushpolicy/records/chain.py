"""Records of one tag are chained: each has a number, and names the record before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain as joined

import msgspec

from pushpolicy.errors import PushError, RecordError
from pushpolicy.model.decision import MAX_SEQUENCE, Link
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.text import printable
from pushpolicy.records import format as names
from pushpolicy.records.checks import is_for
from pushpolicy.records.read import Record, read_record
from pushpolicy.registry.interface import RepositoryClient

# Whether the policy of a record is known; RecordError when the record is not valid.
Check = Callable[[Record], bool]
# What reading one record may take: a context that ends with RecordError where that is spent.
Allowed = Callable[[], AbstractContextManager[None]]
_MAX_READ = 50
# Of what is listed with one image; anybody who can write to the repository can list more.
_MAX_LISTED = 1000
_MAX_LISTED_SIZE = 64 * 1024 * 1024
_SEQUENCE = re.compile(r"[1-9][0-9]{0,15}")


class _Valid(msgspec.Struct, frozen=True, kw_only=True):
    chain: Mapping[str, Link]
    known: bool

    def sequence(self, tag: str) -> int:
        """Its number among the records of the tag; those of the first version have none."""
        return self.chain[tag].sequence if self.chain else 0


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """The records before this one.

    Attributes:
        chain: for each tag, the place of the record that comes next: after the newest that counts.
        ignored: what passed for a newer one, and why it is not; one line each.
    """

    chain: Mapping[str, Link]
    ignored: tuple[str, ...] = ()


def records_before(
    client: RepositoryClient,
    about: Mapping[str, Sequence[Digest]],
    is_known: Check,
    allowed: Allowed = nullcontext,
    images: RepositoryClient | None = None,
) -> Before:
    """Find the record before this one, for each tag that has one.

    Anybody who can write to the repository can put a record there. So one counts only if it is valid, speaks
    of this repository and tag, and is not of a time to come; one of a known policy comes before all others.
    Its number says which is the newest, and only then its time. One that takes too much is ignored, and the
    push goes on. What a list says of a record is not believed: each manifest is read.

    Args:
        client: the repository that records are kept in.
        about: for each tag, the images whose records may be about it: the one that it names now, and the one
            that it is to name, whose record may be left from a push that did not move the tag.
        is_known: reads what a record says of its policy.
        allowed: what reading one may take, or the manifests of all that are listed with one image.
        images: the target's repository, where that is another one.

    Raises:
        PushError: when the list of an image's records cannot be read.
    """
    reader = _Reader(client, images or client, is_known, allowed)
    listed = {image: reader.listed(image) for image in dict.fromkeys(joined.from_iterable(about.values()))}
    chain = {
        tag: reader.place(tag, [record for image in dict.fromkeys(on) for record in listed[image]])
        for tag, on in sorted(about.items())
    }
    return Before(chain=chain, ignored=tuple(reader.ignored))


class _Reader:
    """Reads each record once, whatever number of tags it is about, and no more than a few."""

    def __init__(
        self, client: RepositoryClient, images: RepositoryClient, is_known: Check, allowed: Allowed
    ) -> None:
        self._client, self._images = client, images
        self._is_known, self._allowed = is_known, allowed
        self._read: dict[Digest, _Valid | None] = {}
        self.ignored: list[str] = []

    def listed(self, image: Digest) -> tuple[Manifest, ...]:
        """What is listed with the image and is a record about it, by its own manifest."""
        digests = [entry.digest for entry in self._client.referrers(image, names.ARTIFACT_TYPE)]
        found, size, looked_at = list[Manifest](), 0, 0
        try:
            with self._allowed():
                for digest in digests[:_MAX_LISTED]:
                    manifest = self._manifest(digest)
                    looked_at += 1
                    if manifest and manifest.artifact_type == names.ARTIFACT_TYPE:
                        found.append(manifest)
                        size += len(manifest.content)
                    if size > _MAX_LISTED_SIZE:
                        break
            reason = f"{looked_at} were looked at, which is the limit"
        except RecordError as error:
            reason = printable(error.message, 300)
        if left := len(digests) - looked_at:
            self.ignored.append(f"{left} manifests that are listed with {image} are ignored: {reason}")
        return tuple(item for item in found if item.subject and item.subject.digest == image)

    def _manifest(self, digest: Digest) -> Manifest | None:
        try:
            return self._client.manifest(digest)
        except PushError as error:
            self._ignore(digest, error.message)
            return None

    def place(self, tag: str, records: Iterable[Manifest]) -> Link:
        """The place after the newest record of the tag, of a known policy if there is one."""
        fallback = None
        # By what each states of itself, which is checked on reading.
        of_tag = [each for each in records if tag in each.annotations.get(names.TAGS, "").split(",")]
        for manifest in sorted(of_tag, key=lambda each: _order(each, tag), reverse=True):
            found = self._valid(manifest)
            if found is None:
                continue
            if found.sequence(tag) >= MAX_SEQUENCE:
                self._ignore(manifest.digest, f"nothing can come after its number {MAX_SEQUENCE}")
                continue
            link = Link(sequence=found.sequence(tag) + 1, previous=manifest.digest)
            if found.known:
                return link
            fallback = fallback or link
        return fallback or Link(sequence=1)

    def _valid(self, manifest: Manifest) -> _Valid | None:
        if manifest.digest not in self._read:
            try:
                self._read[manifest.digest] = self._checked(manifest)
            except RecordError as error:
                self._read[manifest.digest] = None
                self._ignore(manifest.digest, error.message)
        return self._read[manifest.digest]

    def _checked(self, manifest: Manifest) -> _Valid:
        if len(self._read) >= _MAX_READ:
            raise RecordError(f"{_MAX_READ} records were read already")
        with self._allowed():
            record = read_record(self._client, manifest.digest, manifest=manifest, images=self._images)
            known = self._is_known(record)
        if is_for(record.decision, self._images.repository) is False:
            raise RecordError("it is for another repository")
        return _Valid(chain=record.decision.chain, known=known)

    def _ignore(self, digest: Digest, reason: str) -> None:
        self.ignored.append(f"record {digest} is ignored: {printable(reason, 300)}")


def _order(record: Manifest, tag: str) -> tuple[int, str, str]:
    """By its number, then by its time: two pushes at once may have given the same number."""
    said = record.annotations.get(names.SEQUENCE + tag, "")
    sequence = int(said) if _SEQUENCE.fullmatch(said) else 0
    return sequence, record.annotations.get(names.CREATED, ""), str(record.digest)

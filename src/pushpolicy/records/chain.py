"""Records of one tag are chained: each names the record of the image that the tag named before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import msgspec

from pushpolicy.errors import PushError, RecordError
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


class _Valid(msgspec.Struct, frozen=True, kw_only=True):
    image: Digest
    tags: tuple[str, ...]
    known: bool


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """The records before this one.

    Attributes:
        chained: for each tag that has one, the newest record that was wholly read and is valid.
        ignored: what passed for a newer one, and why it is not; one line each.
    """

    chained: Mapping[str, Digest]
    ignored: tuple[str, ...] = ()


def records_before(
    client: RepositoryClient,
    previous: Mapping[str, Digest],
    is_known: Check,
    allowed: Allowed = nullcontext,
    images: RepositoryClient | None = None,
) -> Before:
    """Find the record before this one, for each tag that names an image with a record.

    Anybody who can write to the repository can put a record there. So one counts only if it is valid, speaks
    of this repository and tag, and is not of a time to come; one of a known policy comes before all others.
    One that takes too much is ignored, and the push goes on. What a list says of a record is not believed:
    each manifest is read.

    Args:
        client: the repository that records are kept in.
        previous: what each tag names now.
        is_known: reads what a record says of its policy.
        allowed: what reading one may take, or the manifests of all that are listed with one image.
        images: the target's repository, where that is another one.

    Raises:
        PushError: when the list of an image's records cannot be read.
    """
    reader = _Reader(client, images or client, is_known, allowed)
    listed = {image: reader.listed(image) for image in dict.fromkeys(previous.values())}
    newest = {tag: reader.newest(image, listed[image], tag) for tag, image in sorted(previous.items())}
    chained = {tag: digest for tag, digest in newest.items() if digest}
    return Before(chained=chained, ignored=tuple(reader.ignored))


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
            self.ignored.append(f"record {digest} is ignored: {printable(error.message, 300)}")
            return None

    def newest(self, image: Digest, records: tuple[Manifest, ...], tag: str) -> Digest | None:
        """The newest record of image and tag whose policy is known; without one, the newest valid one."""
        fallback = None
        # Newest first, by the time that each states of itself; that and the tags are checked on reading.
        of_tag = [each for each in records if tag in each.annotations.get(names.TAGS, "").split(",")]
        ordered = sorted(of_tag, key=lambda each: (each.annotations.get(names.CREATED, ""), str(each.digest)))
        for manifest in reversed(ordered):
            digest = manifest.digest
            if digest not in self._read:
                self._read[digest] = self._valid(manifest)
            found = self._read[digest]
            if found is None or tag not in found.tags or found.image != image:
                continue
            if found.known:
                return digest
            fallback = fallback or digest
        return fallback

    def _valid(self, manifest: Manifest) -> _Valid | None:
        digest = manifest.digest
        try:
            if len(self._read) >= _MAX_READ:
                raise RecordError(f"{_MAX_READ} records were read already")
            with self._allowed():
                record = read_record(self._client, digest, manifest=manifest, images=self._images)
                known = self._is_known(record)
            if is_for(record.decision, self._images.repository) is False:
                raise RecordError("it is for another repository")
        except RecordError as error:
            self.ignored.append(f"record {digest} is ignored: {printable(error.message, 300)}")
            return None
        judged = record.decision.image
        return _Valid(image=judged.digest, tags=judged.tags, known=known)

"""Records of one tag are chained: each names the record of the image that the tag named before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import msgspec

from pushpolicy.errors import RecordError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
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
    client: RepositoryClient, previous: Mapping[str, Digest], is_known: Check, allowed: Allowed = nullcontext
) -> Before:
    """Find the record before this one, for each tag that names an image with a record.

    Anybody who can write to the repository can put a record there. So one counts only if it is valid, speaks
    of this repository and tag, and is not of a time to come; one of a known policy comes before all others.
    One that takes too much is ignored, and the push goes on.

    Args:
        client: the target's repository.
        previous: what each tag names now.
        is_known: reads what a record says of its policy.
        allowed: what reading one may take.

    Raises:
        PushError: when the list of an image's records cannot be read.
    """
    listed = {image: client.referrers(image, names.ARTIFACT_TYPE) for image in set(previous.values())}
    reader = _Reader(client, is_known, allowed)
    newest = {tag: reader.newest(image, listed[image], tag) for tag, image in sorted(previous.items())}
    chained = {tag: digest for tag, digest in newest.items() if digest}
    return Before(chained=chained, ignored=tuple(reader.ignored))


class _Reader:
    """Reads each record once, whatever number of tags it is about, and no more than a few."""

    def __init__(self, client: RepositoryClient, is_known: Check, allowed: Allowed) -> None:
        self._client, self._is_known, self._allowed = client, is_known, allowed
        self._read: dict[Digest, _Valid | None] = {}
        self.ignored: list[str] = []

    def newest(self, image: Digest, records: tuple[Descriptor, ...], tag: str) -> Digest | None:
        """The newest record of image and tag whose policy is known; without one, the newest valid one."""
        fallback = None
        for digest in self._newest_first(records, tag):
            if digest not in self._read:
                self._read[digest] = self._valid(digest)
            found = self._read[digest]
            if found is None or tag not in found.tags or found.image != image:
                continue
            if found.known:
                return digest
            fallback = fallback or digest
        return fallback

    def _newest_first(self, records: tuple[Descriptor, ...], tag: str) -> list[Digest]:
        """Those that claim to be of the tag, by the time that they claim; both are checked on reading."""
        dated = [
            (said.get(names.CREATED, ""), str(record.digest), record.digest)
            for record in records
            if tag in (said := self._annotations(record)).get(names.TAGS, "").split(",")
        ]
        return [digest for _, _, digest in sorted(dated, reverse=True)]

    def _annotations(self, record: Descriptor) -> Mapping[str, str]:
        """From the list of referrers where the registry copies them into it, else from the record itself."""
        if names.TAGS in record.annotations:
            return record.annotations
        manifest = self._client.manifest(record.digest)
        return manifest.annotations if manifest else {}

    def _valid(self, digest: Digest) -> _Valid | None:
        try:
            if len(self._read) >= _MAX_READ:
                raise RecordError(f"{_MAX_READ} records were read already")
            with self._allowed():
                record = read_record(self._client, digest)
                known = self._is_known(record)
            if is_for(record.decision, self._client.repository) is False:
                raise RecordError("it is for another repository")
        except RecordError as error:
            self.ignored.append(f"record {digest} is ignored: {printable(error.message, 300)}")
            return None
        judged = record.decision.image
        return _Valid(image=judged.digest, tags=judged.tags, known=known)

"""Records of one tag are chained: each has a number, and names the record before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import chain as joined

import msgspec

from pushpolicy.errors import PushError, RecordError
from pushpolicy.model.decision import MAX_SEQUENCE, Decision, Link, Verdict
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import Manifest
from pushpolicy.model.text import first_of, printable
from pushpolicy.records import format as names
from pushpolicy.records.checks import is_for
from pushpolicy.records.read import Record, read_record
from pushpolicy.records.signed import Statements, Trusted, Vouched, statements
from pushpolicy.registry.fallback import of_type
from pushpolicy.registry.interface import RepositoryReader
from pushpolicy.registry.refusals import RefusedError
from pushpolicy.signing.keys import SigningError

# Whether the policy of a record is known; RecordError when the record is not valid.
Check = Callable[[Record], bool]
# What reading one record may take: a context that ends with RecordError where that is spent.
Allowed = Callable[[], AbstractContextManager[None]]
_MAX_READ = 50
_MAX_TOLD = 20
# Of what is listed with one image; anybody who can write to the repository can list more.
_MAX_LISTED = 1000
_MAX_LISTED_SIZE = 64 * 1024 * 1024
_SEQUENCE = re.compile(r"[1-9][0-9]{0,15}")


class _Valid(msgspec.Struct, frozen=True, kw_only=True):
    decision: Decision
    known: bool


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """The records before this one.

    Attributes:
        chain: for each tag, the place of the record that comes next: after the newest that counts.
        ignored: what passed for a newer one, and why it is not; one line each.
        listed: how many manifests of any kind are listed with each image that was asked about.
    """

    chain: Mapping[str, Link]
    ignored: tuple[str, ...] = ()
    listed: Mapping[Digest, int] = {}


def listed_with(
    client: RepositoryReader, named: Iterable[Digest], pushed: Digest
) -> Mapping[Digest, tuple[Descriptor, ...]]:
    """What is listed with the images that tags name, and with the one that is pushed.

    Of the one that is pushed, a registry may refuse to tell: then no push left anything there that counts.

    Raises:
        PushError: when what is listed with the others cannot be read, or what is listed is malformed.
    """
    found = {image: client.referrers(image) for image in dict.fromkeys(named)}
    if pushed not in found:
        found[pushed] = ()
        with suppress(RefusedError):
            found[pushed] = client.referrers(pushed)
    return found


def records_before(
    client: RepositoryReader,
    about: Mapping[str, Sequence[Digest]],
    is_known: Check,
    allowed: Allowed = nullcontext,
    images: RepositoryReader | None = None,
    trusted: Trusted | None = None,
    listed: Mapping[Digest, tuple[Descriptor, ...]] | None = None,
) -> Before:
    """Find the record before this one, for each tag that has one.

    Anybody who can write to the repository can put a record there. So one counts only if it is valid, speaks
    of this repository and tag, and is not of a time to come. Where keys are listed, one of them must have
    signed it for this tag; one of a key that counts still comes before all others. Where none is, one of a
    known policy does. Its number says which is the newest, and only then its time. One that takes too much is
    ignored, and the push goes on. What a list says of a record is not believed: each manifest is read.

    Args:
        client: the repository that records are kept in.
        about: for each tag, the images whose records may be about it: the one that it names now, and the one
            that it is to name, whose record may be left from a push that did not move the tag.
        is_known: reads what a record says of its policy.
        allowed: what reading one may take, or the manifests of all that are listed with one image.
        images: the target's repository, where that is another one.
        trusted: the keys that are listed for it; None where there are none, and signatures say nothing.
        listed: what is listed with images, where that was read already.

    Raises:
        PushError: when the list of an image's records cannot be read.
    """
    reader = _Reader(client, images or client, is_known, allowed, trusted)
    known = listed or {}
    asked = dict.fromkeys(joined.from_iterable(about.values()))
    shelves = {image: reader.shelf(image, known.get(image)) for image in asked}
    chain = {
        tag: reader.place(tag, [shelves[image] for image in dict.fromkeys(on)])
        for tag, on in sorted(about.items())
    }
    ignored = tuple(reader.ignored)
    if len(ignored) > _MAX_TOLD:
        ignored = (*ignored[:_MAX_TOLD], f"{len(ignored) - _MAX_TOLD} more such lines are left out")
    sizes = {image: shelf.size for image, shelf in shelves.items()}
    return Before(chain=chain, ignored=ignored, listed=sizes)


class _Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """What is listed with one image.

    Attributes:
        size: how many manifests.
        records: those that are records about it.
        statements: what listed keys signed about them; None where no keys are listed.
    """

    size: int
    records: tuple[Manifest, ...]
    statements: Statements | None


class _Reader:
    """Reads each record once, whatever number of tags it is about, and no more than a few."""

    def __init__(
        self,
        client: RepositoryReader,
        images: RepositoryReader,
        is_known: Check,
        allowed: Allowed,
        trusted: Trusted | None,
    ) -> None:
        self._client, self._images, self._trusted = client, images, trusted
        self._is_known, self._allowed = is_known, allowed
        self._read: dict[Digest, _Valid | RecordError] = {}
        self.ignored: dict[str, None] = {}

    def shelf(self, image: Digest, listed: tuple[Descriptor, ...] | None) -> _Shelf:
        """What is listed with the image, as far as it is read."""
        listed = self._client.referrers(image) if listed is None else listed
        signed = self._statements(image, listed, self._trusted) if self._trusted else None
        # What a listed key vouches for comes first, so that nobody gets before it, or hides it, by the list.
        vouched = (each.named.record for each in signed.vouched) if signed else ()
        entries = (entry.digest for entry in of_type(listed, names.ARTIFACT_TYPE))
        records = self._records(image, tuple(dict.fromkeys((*vouched, *entries))))
        return _Shelf(size=len(listed), records=records, statements=signed)

    def _statements(self, image: Digest, listed: tuple[Descriptor, ...], trusted: Trusted) -> Statements:
        try:
            with self._allowed():
                return statements(self._client, image, trusted, listed)
        except RecordError as error:
            reason = printable(error.message, 300)
            self.ignored[f"what is signed about the records of {image} is ignored: {reason}"] = None
            return Statements(image=image)

    def _records(self, image: Digest, entries: Sequence[Digest]) -> tuple[Manifest, ...]:
        """Those of these manifests that are records about the image, by what they say themselves."""
        found, size, looked_at = list[Manifest](), 0, 0
        try:
            with self._allowed():
                for entry in entries[:_MAX_LISTED]:
                    manifest = self._manifest(entry)
                    looked_at += 1
                    if manifest and manifest.artifact_type == names.ARTIFACT_TYPE:
                        found.append(manifest)
                        size += len(manifest.content)
                    if size > _MAX_LISTED_SIZE:
                        break
            reason = f"{looked_at} were looked at, which is the limit"
        except RecordError as error:
            reason = printable(error.message, 300)
        if left := len(entries) - looked_at:
            self.ignored[f"{left} manifests that are listed with {image} are ignored: {reason}"] = None
        return tuple(item for item in found if item.subject and item.subject.digest == image)

    def _manifest(self, digest: Digest) -> Manifest | None:
        try:
            return self._client.manifest(digest)
        except PushError as error:
            self._ignore(digest, error.message)
            return None

    def place(self, tag: str, shelves: Iterable[_Shelf]) -> Link:
        """The place after the newest record of the tag that counts, of the better ones if there is one."""
        fallback = None
        # By what each states of itself, which is checked on reading. A denial is of no push, wherever it is.
        of_tag = [
            (record, shelf.statements)
            for shelf in shelves
            for record in shelf.records
            if tag in record.annotations.get(names.TAGS, "").split(",")
            and record.annotations.get(names.VERDICT) != Verdict.DENY
        ]
        for record, signed in sorted(of_tag, key=lambda each: _order(each[0], tag), reverse=True):
            try:
                link, is_better = self._after(record, tag, signed)
            except RecordError as error:
                self._ignore(record.digest, error.message)
            except SigningError as error:
                self._ignore(record.digest, f"it {error.message}")
            else:
                if is_better:
                    return link
                fallback = fallback or link
        return fallback or Link(sequence=1)

    def _after(self, record: Manifest, tag: str, signed: Statements | None) -> tuple[Link, bool]:
        """The place after this record, and whether it is one of the better ones.

        Raises:
            RecordError: when the record is not valid, or nothing can come after it.
            SigningError: when no listed key signed that it is about the tag.
        """
        # Before anything in the record is read.
        vouched = _vouched(signed, record.digest, tag) if signed else ()
        found = self._valid(record)
        if vouched:
            vouched = _agreeing(vouched, found.decision)
        # Records of the first version have no number.
        sequence = found.decision.chain[tag].sequence if found.decision.chain else 0
        if sequence >= MAX_SEQUENCE:
            raise RecordError(f"nothing can come after its number {MAX_SEQUENCE}")
        counts = any(each.retired is None for each in vouched) if vouched else found.known
        return Link(sequence=sequence + 1, previous=record.digest), counts

    def _valid(self, manifest: Manifest) -> _Valid:
        """A record that was wholly read.

        Raises:
            RecordError: when it is not valid, or too many were read.
        """
        if manifest.digest not in self._read:
            try:
                self._read[manifest.digest] = self._checked(manifest)
            except RecordError as error:
                self._read[manifest.digest] = error
        found = self._read[manifest.digest]
        if isinstance(found, RecordError):
            raise found
        return found

    def _checked(self, manifest: Manifest) -> _Valid:
        if len(self._read) >= _MAX_READ:
            raise RecordError(f"{_MAX_READ} records were read already")
        with self._allowed():
            record = read_record(self._client, manifest.digest, manifest=manifest, images=self._images)
            known = self._is_known(record)
        if is_for(record.decision, self._images.repository) is False:
            raise RecordError("it is for another repository")
        return _Valid(decision=record.decision, known=known)

    def _ignore(self, digest: Digest, reason: str) -> None:
        self.ignored[f"record {digest} is ignored: {printable(reason, 300)}"] = None


def _vouched(signed: Statements, record: Digest, tag: str) -> tuple[Vouched, ...]:
    """What listed keys signed about a record and a tag: at least one.

    Raises:
        SigningError: when there is none; the message reads on after the record's name.
    """
    about = signed.about(record)
    if found := tuple(each for each in about if each.named.tag == tag):
        return found
    raise SigningError(f"is signed for {first_of([each.named.tag for each in about], 3)}, not for {tag}")


def _agreeing(vouched: Sequence[Vouched], decision: Decision) -> tuple[Vouched, ...]:
    """Those that say what the record says: at least one.

    Raises:
        SigningError: the first, when none does.
    """
    found, refusals = list[Vouched](), list[SigningError]()
    for each in vouched:
        try:
            each.check(decision)
            found.append(each)
        except SigningError as error:
            refusals.append(error)
    if not found:
        raise refusals[0]
    return tuple(found)


def _order(record: Manifest, tag: str) -> tuple[int, str, str]:
    """By its number, then by its time: two pushes at once may have given the same number."""
    said = record.annotations.get(names.SEQUENCE + tag, "")
    sequence = int(said) if _SEQUENCE.fullmatch(said) else 0
    return sequence, record.annotations.get(names.CREATED, ""), str(record.digest)

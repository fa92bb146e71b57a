"""Records of every version with one byte changed: none of them may pass for one that was reproduced.

Twice each: as whoever can write to the storage changes it, and with the digest of the layer put right, as
whoever can write to the repository does. What a decision says of its engine, of the name of its policy and as
advice follows from nothing else in a record; of those a replay says what it found instead, or nothing. The
policy is the archive, and not how gzip writes it: its header has a time that nobody reads.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from pushpolicy.audit.replay import Reproduced, replays
from pushpolicy.audit.shelf import Shelf
from pushpolicy.audit.standing import standing
from pushpolicy.audit.walk import Opened
from pushpolicy.engines import LocalOpa
from pushpolicy.errors import RecordError
from pushpolicy.evaluate.recorded import check_recorded
from pushpolicy.model.decision import Decision
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import OCI_MANIFEST, Manifest
from pushpolicy.model.reference import Reference
from pushpolicy.records.build import summary_annotations, written
from pushpolicy.records.read import Record, read_record
from pushpolicy.registry.admitted import verified
from pushpolicy.registry.layout.repository import LayoutRepository
from tests.records import DENIALS, LAYOUT, VERSIONS
from tests.records.rebuild import kept, kept_in

PARTS = ("evidence", "decision", "policy")


class Flip(NamedTuple):
    """One byte of a part that is another one."""

    part: str
    at: int
    byte: int
    sealed: bool


class Changed:
    """The repository of a record with one byte changed (a `RepositoryReader`, as far as it is used)."""

    def __init__(self, client: LayoutRepository, record: Record, flip: Flip) -> None:
        self.repository, self._client = client.repository, client
        summary, number = record.summary, PARTS.index(flip.part)
        old = summary.layers[number]
        content = bytearray(b"".join(client.read_blob(old)))
        content[flip.at] = flip.byte
        digest = Digest.of(bytes(content)) if flip.sealed else old.digest
        layers = [*summary.layers[:number], replace(old, digest=digest), *summary.layers[number + 1 :]]
        annotations = summary_annotations(summary.decision)
        self._manifest = Manifest.parse(written(summary.subject, layers, annotations), OCI_MANIFEST)
        self._changed, self.content = digest, bytes(content)
        self.digest = self._manifest.digest

    def manifest(self, digest: Digest) -> Manifest | None:
        """Its own, with the digest of the layer; others as they are."""
        return self._manifest if digest == self.digest else self._client.manifest(digest)

    def read_blob(self, blob: Descriptor) -> Iterable[bytes]:
        """The changed one, which is held against its digest as any other."""
        if blob.digest == self._changed:
            return verified(blob, [self.content])
        return self._client.read_blob(blob)


def records() -> Iterator[tuple[LayoutRepository, Record]]:
    """Every record of every version."""
    for version in VERSIONS:
        for layout in (LAYOUT, DENIALS):
            client = kept_in(version, layout)
            for record in kept(client):
                yield client, record


def opened(client: Any, digest: Digest) -> Opened:
    """As a walk opens it.

    Raises:
        RecordError: when it does not count.
    """
    record = read_record(client, digest)
    held, place = check_recorded(record), Reference(repository=client.repository)
    shelf = Shelf.of(client)
    return Opened(shelf=shelf, record=record, held=held, standing=standing(record, held, place))


def flips(record: Record, number: int | None, random: Random) -> Iterator[Flip]:
    """So many of each part, or each of its bytes once."""
    for part, layer in zip(PARTS, record.summary.layers, strict=False):
        places = (
            range(layer.size) if number is None else random.sample(range(layer.size), min(number, layer.size))
        )
        for at in places:
            for sealed in (False, True):
                yield Flip(part, at, random.randrange(256), sealed)


def outcomes(engine: LocalOpa, number: int | None, seed: int) -> Counter[tuple[str, bool, str]]:
    """What becomes of records with one byte changed: by part, by whether the digest is put right.

    Raises:
        AssertionError: when one passes for reproduced.
    """
    found, random = Counter[tuple[str, bool, str]](), Random(seed)

    def left() -> Iterator[Opened]:
        for client, record in records():
            for flip in flips(record, number, random):
                changed = Changed(client, record, flip)
                if _same(flip, changed.content, _content(client, record, flip)):
                    found[flip.part, flip.sealed, "the same"] += 1
                    continue
                try:
                    each = opened(changed, changed.digest)
                except RecordError:
                    found[flip.part, flip.sealed, "not valid"] += 1
                    continue
                assert (flip.part, flip.sealed) == ("decision", True), flip
                flipped[each.summary.digest] = (flip, record.decision)
                yield each

    flipped = dict[Digest, tuple[Flip, Decision]]()
    for each, result in replays(left(), engine):
        flip, honest = flipped[each.summary.digest]
        if isinstance(result, Reproduced):
            assert _unsaid(each.summary.decision) == _unsaid(honest), flip
        found[flip.part, flip.sealed, type(result).__name__] += 1
    return found


def _same(flip: Flip, content: bytes, honest: bytes) -> bool:
    """Whether nothing was changed: the byte was that one, or gzip holds the same archive by it."""
    if flip.part != "policy" or not flip.sealed:
        return content == honest
    try:
        return gzip.decompress(content) == gzip.decompress(honest)
    except (OSError, EOFError, zlib.error):
        return False


def _content(client: LayoutRepository, record: Record, flip: Flip) -> bytes:
    return b"".join(client.read_blob(record.summary.layers[PARTS.index(flip.part)]))


def _unsaid(decision: Decision) -> dict[str, Any]:
    """A decision without what follows from nothing else in its record."""
    value: dict[str, Any] = msgspec.to_builtins(decision.substance())
    value.pop("engine")
    value["policy"].pop("source")
    return value

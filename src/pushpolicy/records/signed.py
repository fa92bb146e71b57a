"""What is signed about the records of an image, and by whom.

Anybody who can write to a repository lists with an image what he likes. So what is listed as a statement is
read within bounds, and its signature is verified with the keys that are listed for it, before anything in it
is parsed. Then it says which record it is about; and once that is read, the statement is computed from it
again: what was signed has to be these bytes, and no others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Any

import msgspec
from msgspec.structs import replace

from pushpolicy.errors import PushError
from pushpolicy.http.parallel import each
from pushpolicy.model import strict_json
from pushpolicy.model.decision import Decision
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.manifest import MAX_MANIFEST_SIZE, Manifest
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import first_of, printable
from pushpolicy.records import format as names
from pushpolicy.records.statement import (
    DECISION_PREDICATE,
    VSA_PREDICATE,
    Named,
    read_named,
    statement_of,
    why_no_approval,
)
from pushpolicy.registry.fallback import of_type
from pushpolicy.registry.interface import RepositoryReader
from pushpolicy.signing import bundle, dsse
from pushpolicy.signing.dsse import Envelope
from pushpolicy.signing.keys import SigningError
from pushpolicy.signing.trust import Key
from pushpolicy.signing.verify import IN_TOTO, verify

# Of what is listed with one image. A statement has two kilobytes.
MAX_STATEMENTS = 1000
MAX_STATEMENT_SIZE = 256 * 1024
_MAX_SIZE = 64 * 1024 * 1024
# By the artifact type of the manifest, the type of its only layer.
_LAYERS = {bundle.TYPE: bundle.TYPE, names.STATEMENT_TYPE: dsse.MEDIA_TYPE}
_PREDICATES = (VSA_PREDICATE, DECISION_PREDICATE)
_FORGED = "find out who stored it, and who has the key"


class Trusted(msgspec.Struct, frozen=True, kw_only=True):
    """Who is believed, about what.

    Attributes:
        keys: as trust.yaml lists them, by name; those of the role decide count.
        repository: the one that the records have to be about.
        at: now.
    """

    keys: Mapping[str, Key]
    repository: Repository
    at: datetime


class Vouched(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that a listed key signed about a record; whether it agrees with that, `check` tells.

    Attributes:
        digest: of the manifest that holds it.
        payload: the verified bytes.
        named: the record and the tag it is about, and who verified.
        key: the name of the key in the trust file.
        retired: the time from which that key counts no more, where it has come: something outside has to
            show that the statement is older.
    """

    digest: Digest
    payload: bytes
    payload_type: str
    named: Named
    key: str
    trusted: Key
    retired: str | None = None

    def check(self, decision: Decision) -> None:
        """Require that it says what its record says, and nothing else.

        Args:
            decision: that of the record, whose digest the statement names.

        Raises:
            SigningError: naming what is said otherwise; the message reads on after the statement's name.
        """
        try:
            due = statement_of(decision, self.named)
        except ValueError as error:
            raise SigningError(printable(str(error), 300), _FORGED) from error
        if due.payload_type != self.payload_type:
            record = f"its record ({why_no_approval(decision) or 'an approval'})"
            raise SigningError(
                f"is signed as {self.payload_type}, and {record} makes it {due.payload_type}", _FORGED
            )
        if due.payload != self.payload:
            other = sorted(_other(strict_json.read(self.payload), strict_json.read(due.payload)))
            told = first_of([printable(each, 100) for each in other], 3) or "its bytes"
            raise SigningError(f"says otherwise than its record: {told}", _FORGED)
        at, start, end = decision.evaluated_at, self.trusted.not_before, self.trusted.not_after
        moment = datetime.fromisoformat(at)
        if start and moment < datetime.fromisoformat(start):
            raise SigningError(
                f"is about a decision of {at}, and the key {self.key} counts from {start} on", _FORGED
            )
        if end and moment >= datetime.fromisoformat(end):
            raise SigningError(
                f"is about a decision of {at}, and the key {self.key} counted until {end}", _FORGED
            )


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """What is listed as a statement of ours, and does not count.

    Attributes:
        digest: of the manifest that holds it.
        about: the record that the list says it is about; None where it says none.
    """

    digest: Digest
    reason: str
    hint: str | None = None
    about: Digest | None = None


class Statements(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed about the records of one image.

    Attributes:
        claimed: the records that something is said to be signed about; nothing of that is verified.
        unread: how many more are listed, over the limits.
    """

    image: Digest
    vouched: tuple[Vouched, ...] = ()
    refused: tuple[Refused, ...] = ()
    claimed: frozenset[Digest] = frozenset()
    unread: int = 0

    def about(self, record: Digest) -> tuple[Vouched, ...]:
        """The statements about a record that listed keys signed: at least one.

        Raises:
            SigningError: when there is none, naming the first reason; the message reads on after the
                record's name.
        """
        if found := tuple(each for each in self.vouched if each.named.record == record):
            return found
        if self.unread:
            raise SigningError(
                f"is signed by nothing that was read: incomplete, {self.unread} more statements are listed "
                f"with {self.image}, which is over the limit",
                "somebody floods its list: find out who, and remove what was put there",
            )
        refused = [item for item in self.refused if item.about == record]
        for first in refused or [item for item in self.refused if item.about is None]:
            raise SigningError(f"is not vouched for: statement {first.digest} {first.reason}", first.hint)
        raise SigningError(
            "is unsigned", "it was pushed without --key, or what was signed about it was removed"
        )


def statements(
    client: RepositoryReader,
    image: Digest,
    trusted: Trusted | None,
    listed: tuple[Descriptor, ...] | None = None,
) -> Statements:
    """Read what is signed about the records of an image.

    Args:
        client: the repository that the records are in.
        image: what they are listed with.
        trusted: who is believed; None to find out only what is said to be signed.
        listed: all that is listed with the image, where that was read already.

    Raises:
        PushError: when the list cannot be read.
    """
    entries = candidates(client.referrers(image) if listed is None else listed)
    reader = _Reader(client, image, trusted)
    # Many at once where the registry is far away: each takes two answers.
    each(reader.read, enumerate(entries[:MAX_STATEMENTS]), distant=client.distant)
    return Statements(
        image=image,
        vouched=tuple(reader.vouched[number] for number in sorted(reader.vouched)),
        refused=tuple(reader.refused[number] for number in sorted(reader.refused)),
        claimed=frozenset(reader.claimed),
        unread=len(entries) - reader.looked_at,
    )


class _Reader:
    """What is listed with one image, as it is read: by its number, as several are read at once."""

    def __init__(self, client: RepositoryReader, image: Digest, trusted: Trusted | None) -> None:
        self._client, self._image, self._trusted = client, image, trusted
        self._counting = Lock()
        self._size = 0
        self.looked_at = 0
        self.vouched: dict[int, Vouched] = {}
        self.refused: dict[int, Refused] = {}
        self.claimed: set[Digest] = set()

    def read(self, numbered: tuple[int, Descriptor]) -> None:
        """Read a statement, unless the limit of them together is reached."""
        number, entry = numbered
        with self._counting:
            if self._size > _MAX_SIZE:
                return
            self.looked_at += 1
            self._size += min(entry.size, MAX_MANIFEST_SIZE)
        about = record_of(entry.annotations)
        if about and not self._trusted:
            self.claimed.add(about)
            return
        try:
            manifest = self._client.manifest(entry.digest)
            if manifest is None:
                raise SigningError("is listed, and not there")
            if not is_statement(manifest):
                return
            about = record_of(manifest.annotations) or about
            if about:
                self.claimed.add(about)
            if self._trusted:
                with self._counting:
                    self._size += sum(layer.size for layer in manifest.layers[:1])
                self.vouched[number] = _vouched(self._client, manifest, self._image, self._trusted)
        except (PushError, SigningError) as error:
            reason = printable(error.message, 500)
            refused = Refused(digest=entry.digest, reason=reason, hint=error.hint, about=about)
            self.refused[number] = refused


def candidates(listed: tuple[Descriptor, ...]) -> Sequence[Descriptor]:
    """What may be a statement of ours, each once; what the list does not call one comes last."""
    found = {entry.digest: entry for kind in _LAYERS for entry in of_type(listed, kind)}
    # Other tools' attestations are bundles too: where the list says so, they are not even read.
    ours = [
        entry for entry in found.values() if entry.annotations.get(bundle.PREDICATE) in (None, *_PREDICATES)
    ]
    return sorted(ours, key=lambda entry: entry.artifact_type not in _LAYERS)


def is_statement(manifest: Manifest) -> bool:
    """Whether a manifest says that it holds a statement of ours."""
    if manifest.artifact_type == bundle.TYPE:
        return manifest.annotations.get(bundle.PREDICATE) in _PREDICATES
    return manifest.artifact_type == names.STATEMENT_TYPE


def record_of(annotations: Mapping[str, str]) -> Digest | None:
    """The record that a statement says it is about; nothing of that is verified."""
    try:
        return Digest.parse(annotations[names.RECORD]) if names.RECORD in annotations else None
    except ValueError:
        return None


def _vouched(client: RepositoryReader, manifest: Manifest, image: Digest, trusted: Trusted) -> Vouched:
    """What a listed key signed.

    Raises:
        PushError: when it cannot be read.
        SigningError: when no listed key signed it whose word counts, or it is no statement about a record.
    """
    if manifest.subject is None or manifest.subject.digest != image:
        raise SigningError("refers to another image than it is listed with")
    envelope = _envelope(client, manifest)
    if manifest.artifact_type == bundle.TYPE and envelope.payload_type != IN_TOTO:
        kind = printable(envelope.payload_type, 100)
        raise SigningError(f"is a bundle around {kind}, which strangers would take for an approval")
    # When the key counts until is held against what shows the statement's age, not against now.
    keys = {name: replace(key, not_after=None) for name, key in trusted.keys.items()}
    found = verify(envelope, keys, trusted.repository, trusted.at, "decide")
    try:
        named = read_named(found.payload)
    except ValueError as error:
        raise SigningError(f"is signed by the key {found.key}, and {printable(str(error), 300)}") from error
    key = trusted.keys[found.key]
    if key.verifier not in (None, named.verifier):
        raise SigningError(
            f"names the verifier {printable(named.verifier, 100)}, and the key {found.key} is that of "
            f"{printable(str(key.verifier), 100)}"
        )
    is_over = key.not_after and datetime.fromisoformat(key.not_after) <= trusted.at
    return Vouched(
        digest=manifest.digest,
        payload=found.payload,
        payload_type=found.payload_type,
        named=named,
        key=found.key,
        trusted=key,
        retired=key.not_after if is_over else None,
    )


def _envelope(client: RepositoryReader, manifest: Manifest) -> Envelope:
    kind = _LAYERS[str(manifest.artifact_type)]
    if [layer.media_type for layer in manifest.layers] != [kind]:
        raise SigningError(f"does not have one layer of the type {kind}")
    (layer,) = manifest.layers
    if layer.size > MAX_STATEMENT_SIZE:
        raise SigningError(f"has {layer.size} bytes, over the limit of {MAX_STATEMENT_SIZE}")
    content = b"".join(client.read_blob(layer))
    return bundle.read(content) if kind == bundle.TYPE else dsse.read_envelope(content)


def _other(said: Any, due: Any, at: str = "") -> Iterator[str]:
    """Where two documents differ."""
    if isinstance(said, dict) and isinstance(due, dict):
        for key in {*said, *due}:
            place = f"{at}.{key}" if at else str(key)
            if key not in said or key not in due:
                yield place
            else:
                yield from _other(said[key], due[key], place)
    elif isinstance(said, list) and isinstance(due, list):
        for number in range(max(len(said), len(due))):
            place = f"{at}[{number}]"
            if number >= len(said) or number >= len(due):
                yield place
            else:
                yield from _other(said[number], due[number], place)
    elif said != due or type(said) is not type(due):
        yield at or "all of it"

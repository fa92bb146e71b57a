"""Who signed a record: asked before anything in the record is parsed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from pushpolicy.errors import RecordError
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.text import first_of, printable
from pushpolicy.records.read import Summary
from pushpolicy.records.signed import Statements, Trusted, Vouched, statements
from pushpolicy.registry.interface import RepositoryReader
from pushpolicy.signing.keys import SigningError

moment = datetime.fromisoformat

State = Literal["verified", "unsigned", "not checked"]


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of who signed a record.

    Attributes:
        by: the names of the listed keys that vouch for it; none where no key was listed.
        tags: under which they do.
        claimed: whether something is said to be signed about it, which nobody verified.
        retired: where all of these keys are retired, the time from which the last counts no more.
    """

    by: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    claimed: bool = False
    retired: str | None = None

    @property
    def state(self) -> State:
        """For programs."""
        return "verified" if self.by else "not checked" if self.claimed else "unsigned"

    def __str__(self) -> str:
        if self.by:
            return f"verified by {printable(first_of(self.by, 3))}"
        return "signature: not checked" if self.claimed else "unsigned"


UNSIGNED = Signature()


# How the reason begins where no listed key vouches for a record: what is said first of it alone.
NOT_VALID = "NOT VALID: "


class NotVouchedError(RecordError):
    """No listed key vouches for a record, so that nothing in it was parsed.

    Args:
        record: its digest.
        why: as it reads on after the record's name.
        hint: what to do about it.
        vouched: whether a listed key signed something else about it.
    """

    def __init__(self, record: Digest, why: str, hint: str | None = None, *, vouched: bool = False) -> None:
        super().__init__(f"{NOT_VALID}record {record} {why}", hint)
        self.vouched = vouched


class Signatures:
    """What is signed about the records of a repository's images; each image's list is read once.

    Args:
        client: the repository that the records are in.
        trusted: who is believed; None where no keys are listed: then nothing is verified.
    """

    def __init__(self, client: RepositoryReader, trusted: Trusted | None) -> None:
        self._client = client
        self.trusted = trusted
        self._lists: dict[Digest, tuple[Descriptor, ...]] = {}
        self._read: dict[Digest, Statements] = {}

    def listed(self, image: Digest) -> tuple[Descriptor, ...]:
        """Everything that is listed with an image.

        Raises:
            PushError: when the list cannot be read.
        """
        if image not in self._lists:
            self._lists[image] = self._client.referrers(image)
        return self._lists[image]

    def forget(self, image: Digest) -> None:
        """Keep nothing of an image, whose records are all read."""
        self._lists.pop(image, None)
        self._read.pop(image, None)

    def of(self, image: Digest) -> Statements:
        """What is signed about the records of an image.

        Raises:
            PushError: when the list cannot be read.
        """
        if image not in self._read:
            self._read[image] = statements(self._client, image, self.trusted, self.listed(image))
        return self._read[image]

    def vouched(self, record: Digest, image: Digest) -> tuple[Vouched, ...]:
        """The statements about a record by keys that count: none where no keys are listed.

        Raises:
            NotVouchedError: when keys are listed, and none of them vouches for it.
            PushError: when the list cannot be read.
        """
        if self.trusted is None:
            return ()
        try:
            return self.of(image).about(record)
        except SigningError as error:
            raise NotVouchedError(record, error.message, error.hint) from error

    def agreeing(self, summary: Summary, vouched: Sequence[Vouched]) -> Signature:
        """Hold what is signed about a record against it.

        Raises:
            NotVouchedError: when a listed key signed something else than the record says.
            PushError: when the list cannot be read.
        """
        if self.trusted is None:
            return Signature(claimed=summary.digest in self.of(summary.subject.digest).claimed)
        for each in vouched:
            try:
                each.check(summary.decision)
            except SigningError as error:
                why = f"is not what the key {each.key} signed: statement {each.digest} {error.message}"
                raise NotVouchedError(summary.digest, why, error.hint, vouched=True) from error
        counting = [each for each in vouched if each.retired is None] or vouched
        return Signature(
            by=tuple(sorted({each.key for each in counting})),
            tags=tuple(sorted({each.named.tag for each in counting})),
            retired=max(filter(None, (each.retired for each in counting)), default=None, key=moment),
        )

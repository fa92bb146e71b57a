"""The names, structs and limits of an export (docs/export.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from pushpolicy.model.digest import Digest
from pushpolicy.model.reference import LAYOUT_REGISTRY, Reference, Repository

T = TypeVar("T")

HEADER, RECORDS, TAGS = "export.json", "records.jsonl", "tags.jsonl"

# A record has two documents of at most 64 MiB, and its manifest; most have some ten kilobytes.
MAX_LINE = 192 * 1024 * 1024
MAX_HEADER = 256 * 1024 * 1024


# No file has more bytes, or a place behind them.
_Number = Annotated[int, msgspec.Meta(ge=0, lt=2**62)]


class _Exact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Exactly these keys and types."""


class Slice(_Exact, frozen=True, kw_only=True):
    """Whole lines of a file that follow one another.

    Attributes:
        offset: of the first, in bytes.
        size: in bytes, with the end of the last line.
        lines: how many.
        digest: of exactly these bytes.
    """

    offset: _Number
    size: _Number
    lines: _Number
    digest: str


class Ignored(_Exact, frozen=True, kw_only=True):
    """What should have been a record, and was not exported, and why."""

    digest: str
    reason: str
    hint: str | None = None
    vouched: bool = False


class Part(_Exact, frozen=True, kw_only=True):
    """What one run exported of one source.

    Attributes:
        registry: `oci` for a layout.
        repository: the folder, for a layout.
        tag: the tag whose past was asked for; None for the whole repository.
        digest: the image that was asked for; None for the whole repository.
        at: RFC 3339 time of the end of its export, in milliseconds.
        verified: whether only records were exported that a listed key vouches for.
        records: lines of records.jsonl: those that no part before has.
        tags: lines of tags.jsonl: those that name another image than any part before says.
        problems: what should have been a record.
        unread: how many more records and statements there were, over the limits.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None
    at: str
    verified: bool
    records: Slice
    tags: Slice
    problems: tuple[Ignored, ...] = ()
    unread: _Number = 0

    @property
    def moment(self) -> datetime:
        """When it was exported, in UTC.

        Raises:
            ValueError: when that is no time.
        """
        try:
            return datetime.fromisoformat(self.at).astimezone(UTC)
        except OverflowError as error:
            raise ValueError(f"{self.at} is no time") from error

    @property
    def place(self) -> Reference:
        """What was asked for.

        Raises:
            ValueError: when there can be no such place.
        """
        if self.registry == LAYOUT_REGISTRY:
            repository = Repository(registry=self.registry, path=self.repository)
        else:
            repository = Repository.parse(f"{self.registry}/{self.repository}")
        digest = Digest.parse(self.digest) if self.digest else None
        return Reference(repository=repository, tag=self.tag, digest=digest)


class Failed(_Exact, frozen=True, kw_only=True):
    """A source that could not be read in the last run."""

    source: str
    reason: str


class Header(_Exact, frozen=True, kw_only=True):
    """What is in an export.

    Attributes:
        version: of the pushpolicy that wrote it last.
        complete: whether the last run came to its end.
        longest: bytes of the longest line of records.jsonl.
    """

    schema: Literal["pushpolicy.audit.export/v1"]
    version: str
    complete: bool
    parts: tuple[Part, ...] = ()
    failed: tuple[Failed, ...] = ()
    longest: _Number = 0


class Stated(_Exact, frozen=True, kw_only=True):
    """What is signed about a record, as it is stored; not verified.

    Attributes:
        manifest: the exact bytes of its manifest.
        content: the exact bytes of its layer; None where that is no text.
    """

    manifest: str
    content: str | None = None


class Checked(_Exact, frozen=True, kw_only=True):
    """What was found about a record as it was exported, for SQL; whoever reads the export checks again.

    Attributes:
        signature: `verified`, `not checked` or `unsigned`.
        signed_by: the names of the listed keys that vouch for it.
        anchored: whether everything that decided is known.
        remarks: what is said beside its verdict.
    """

    signature: str
    signed_by: tuple[str, ...]
    anchored: bool
    remarks: tuple[str, ...]


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record: one line of records.jsonl.

    Attributes:
        registry: of the repository it was read for.
        repository: that repository, or folder.
        record: the digest of its manifest.
        image: the digest of the image.
        policy: the digest of its bundle, which is the name of the file in `policies/`.
        checked: what was found as it was exported.
        decision: the document, verbatim: its digest is that of these bytes.
        evidence: the document, verbatim.
        manifest: its exact bytes.
        statements: what is signed about it.
        subject: the exact bytes of the image's manifest; None where the image is not there, as of a denial.
    """

    registry: str
    repository: str
    record: str
    image: str
    policy: str
    checked: Checked
    decision: msgspec.Raw
    evidence: msgspec.Raw
    manifest: str
    statements: tuple[Stated, ...]
    subject: str | None = None


class TagLine(_Exact, frozen=True, kw_only=True):
    """A tag that was found to name another image than before: one line of tags.jsonl.

    Attributes:
        image: the digest of the image; None where the tag was gone.
        seen: RFC 3339 time of the export that found it.
    """

    registry: str
    repository: str
    tag: str
    image: str | None = None
    seen: str


def encoded(line: Any) -> bytes:
    """A line, with its end."""
    return msgspec.json.encode(line) + b"\n"


def decoded(kind: type[T], content: bytes) -> T:
    """Read a line or a header: exactly the fields of its kind.

    Raises:
        ValueError: when it has another shape.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error


class Label(msgspec.Struct):
    """Of a line, what it is about: to read no more takes a tenth of the time."""

    record: str
    image: str


def policy_file(digest: Digest) -> str:
    """Where a policy is."""
    return f"policies/{digest.hex}.tar.gz"


def report_file(digest: Digest) -> str:
    """Where a raw report is."""
    return f"reports/{digest.hex}.gz"

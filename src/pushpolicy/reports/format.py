"""What a report format is: how a file of it is recognised, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from pushpolicy.reports.limits import Limits

KINDS = ("tests", "coverage", "scans", "sbom", "vex", "provenance")

Content = TypeVar("Content", covariant=True)


class ReportError(Exception):
    """A file cannot be read as the format it has, or seems to have; says why on one line."""


class FailedRunError(ReportError):
    """A well-formed report in which the tool says that its own run failed."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What tells the format of a well-formed file.

    Attributes:
        start: the first bytes, without a byte order mark.
        root: local name of the root element, when the file is XML.
        keys: keys of the top-level JSON object with their undecoded values, or of the first object
            when the file is a JSON array.
        is_array: whether the top level is a JSON array.
    """

    start: bytes
    root: str | None = None
    keys: Mapping[str, bytes] = {}
    is_array: bool = False


class ReportBytes(Protocol):
    """An open report. It is read once, by one of the two ways, and hashed meanwhile."""

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they are, in pieces."""

    def content(self) -> bytes:
        """All bytes as they are."""


class Part(msgspec.Struct, frozen=True):
    """What a file says of one kind of evidence."""

    kind: str
    content: Any


class Parts(tuple[Part, ...]):
    """The content of a file that may be evidence of several kinds, or of another one than its format's."""

    def by_kind(self) -> dict[str, tuple[Any, ...]]:
        """All it says of each kind."""
        kinds = dict.fromkeys(part.kind for part in self)
        return {kind: tuple(part.content for part in self if part.kind == kind) for kind in kinds}


class Format(msgspec.Struct, Generic[Content], frozen=True, kw_only=True):
    """One report format.

    Attributes:
        name: as the evidence names it.
        kind: the kind of evidence it is, as tests or scans; what is read as `Parts` says its own.
        also: other kinds that a file of it may be; when it cannot be read, all of them have failed.
        media_type: under which a record stores it.
        file_names: globs over file names that promise this format, in the usual places or beside them;
            a file of such a name that cannot be read is a failed report, not a stranger.
        marks: byte strings that together betray this format in a file that is broken.
        recognise: whether a well-formed file has this format.
        read: reads it; raises ReportError.
    """

    name: str
    kind: str
    also: tuple[str, ...] = ()
    media_type: str
    file_names: tuple[str, ...]
    marks: tuple[bytes, ...]
    recognise: Callable[[Head], bool]
    read: Callable[[ReportBytes, Limits], Content]

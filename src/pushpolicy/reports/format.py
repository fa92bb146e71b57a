"""What a report format is: how a file of it is recognised, how it is read, and what reading it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Protocol

import msgspec

from pushpolicy.model.digest import Digest
from pushpolicy.reports.limits import Limits

KINDS = ("tests", "coverage", "scans", "sbom", "vex", "provenance", "pipeline")


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

    def utf8(self) -> bytes:
        """The same as UTF-8 without a byte order mark; raises ReportError where they are no text."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says it is about.

    Attributes:
        digests: manifest or index digests, ``sha256:...``.
        tags: names with a tag, ``repository:tag``.
        image_id: the config's digest; with docker's containerd store the manifest's or index's.
        diff_ids: the complete ordered list of layers, uncompressed.
        captured: whether these are of the image that a captured command was given.
    """

    name: str | None = None
    digests: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    image_id: str | None = None
    diff_ids: tuple[str, ...] = ()
    captured: bool = False

    def attested(self, subject: Identity | None) -> Identity:
        """What a report is about as the predicate of a statement about `subject`, if it is one: only that."""
        return Identity(name=self.name or subject.name, digests=subject.digests) if subject else self


class Facts(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a report says, as evidence of one kind; `facts` has a subclass for each kind."""

    evidence_kind: ClassVar[str]  # one of KINDS

    @property
    def shows_failure(self) -> bool:
        """Whether it tells of something that went wrong: a failed test, a finding."""
        return False

    @property
    def moment(self) -> str | None:
        """When what it tells of happened, as it says itself; RFC 3339 in UTC."""
        return None

    def summary(self) -> str:
        """What was counted, in a few words."""
        raise NotImplementedError

    def check(self, limits: Limits) -> None:
        """Names and ids are never cut short, so one that is too long is refused.

        Raises:
            ReportError: when something is over a limit.
        """


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """What a report format declares of itself.

    Attributes:
        name: as the evidence names it.
        kind: the kind of evidence that a file of it is, as tests or scans.
        also: other kinds that a file of it may be; when it cannot be read, all of them have failed.
        media_type: under which a record stores it.
        suffixes: of its files' names, in lower case; files of such a name are looked at in the usual places,
            and a report's own name leaves the suffix out.
        places: folders that tools write it to: DIR lies in the checkout, DIR/DIR in any module of it.
        file_names: globs over file names that promise this format, in the usual places or beside them;
            a file of such a name that cannot be read is a failed report, not a stranger.
        marks: byte strings that together betray this format in a file that is broken.
        is_envelope: whether its files hold documents of any kind, and may hold none that is read.
        is_statement: whether it is what people say rather than the result of a run, so that it may be a file
            of the commit; VEX documents are, whatever their format.
    """

    name: str
    kind: str
    also: tuple[str, ...] = ()
    media_type: str
    suffixes: tuple[str, ...]
    places: tuple[str, ...] = ()
    file_names: tuple[str, ...]
    marks: tuple[bytes, ...]
    is_envelope: bool = False
    is_statement: bool = False

    @property
    def family(self) -> str:
        """What its files are whatever they say: xml, json, or text."""
        return next((family for family in ("xml", "json") if self.media_type.endswith(family)), "text")


class Format(Declared, frozen=True, kw_only=True):
    """One report format. All that is particular to it stands here; `recognise.FORMATS` lists them all.

    Attributes:
        recognise: whether a well-formed file has this format.
        may_be_empty: whether an empty list under a name that promises this format is a report of no finding.
        document: keys of its top level that tools in Go, which read it, would find in other case, too.
        read: reads it; raises ReportError.
    """

    recognise: Callable[[Head], bool]
    may_be_empty: bool = False
    document: type[msgspec.Struct] | None = None
    read: Callable[[ReportBytes, Limits], tuple[Facts, ...]]


class ReadFile(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one file, and the digest and size of exactly those bytes."""

    format: Declared
    facts: tuple[Facts, ...]
    digest: Digest
    size: int

    def by_kind(self) -> dict[str, tuple[Facts, ...]]:
        """The facts by kind. A file that says nothing is of its format's kind, but for an envelope."""
        kinds = dict.fromkeys(each.evidence_kind for each in self.facts)
        if not kinds and not self.format.is_envelope:
            kinds[self.format.kind] = None
        return {kind: tuple(each for each in self.facts if each.evidence_kind == kind) for kind in kinds}

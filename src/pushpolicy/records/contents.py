"""What goes into a record."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from pushpolicy.model.decision import Decision
from pushpolicy.model.descriptor import Descriptor
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document


class RawReports(StrEnum):
    """What is kept of the files the evidence was read from."""

    KEEP = "keep"
    DIGEST = "digest"


class RawReport(Protocol):
    """A file that was judged; `digest` and `size` are those of the bytes that gather read."""

    @property
    def name(self) -> str:
        """The name the evidence gives it."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def kind(self) -> str:
        """The kind of evidence it holds."""

    @property
    def format(self) -> str:
        """The format it was read as."""

    @property
    def digest(self) -> Digest:
        """Of the bytes that were judged."""

    @property
    def size(self) -> int:
        """Bytes that were judged."""

    @property
    def media_type(self) -> str:
        """The media type of the format."""


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one record holds.

    Attributes:
        subject: the top manifest or index of the image.
        policy: the bundle of the policy set that decided.
        reports: the files that were judged.
        previous: for each tag that has one, the digest of the record before this.
        raw: whether the files themselves are kept.
    """

    subject: Descriptor
    evidence: Document
    decision: Decision
    policy: bytes
    reports: tuple[RawReport, ...] = ()
    previous: Mapping[str, Digest] = {}
    raw: RawReports = RawReports.KEEP

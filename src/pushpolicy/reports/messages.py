"""What the process that reads report files (`child`) is asked, and what it answers."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from pushpolicy.reports.capture import ScanCapture, SuiteCapture
from pushpolicy.reports.facts import (
    CoverageFacts,
    ProvenanceFacts,
    SbomFacts,
    ScanFacts,
    SuiteFacts,
    VexFacts,
)
from pushpolicy.reports.limits import Limits
from pushpolicy.reports.pipeline import PipelineFacts

NO_MEMORY = 3  # the child's exit code when it needs more than it may have
# What few files need, and what takes long to import: a child that misses one ends, and another is started
# with it, since nothing can be imported where no file can be opened.
LATE = frozenset(
    {"yaml", "rfc8785", "email.utils", "pushpolicy.reports.compressed"}
    # Of the names in zip archives, and those that XML may declare.
    | {f"encodings.{name}" for name in ("cp437", "cp1250", "cp1251", "cp1252", "koi8_r")}
    | {f"encodings.{name}" for name in ("iso8859_2", "iso8859_15", "utf_16", "utf_16_le", "utf_16_be")}
)


class Begin(msgspec.Struct, frozen=True):
    """The first message: the bounds of `confine.limit`, and the modules that the child is to have."""

    memory: int
    seconds: int
    late: tuple[str, ...] = ()


class Form(StrEnum):
    """As what a file is to be read: a report of any format, an in-toto statement, or any JSON or YAML."""

    REPORT = "report"
    STATEMENT = "statement"
    EXTRA = "extra"


class Asked(msgspec.Struct, frozen=True):
    """What is to be read: the name of the file that comes along, and as what."""

    name: str
    limits: Limits
    form: Form = Form.REPORT


# Each with the name of its type, by which it is told.
Told = (
    SuiteFacts
    | CoverageFacts
    | ScanFacts
    | SbomFacts
    | VexFacts
    | ProvenanceFacts
    | PipelineFacts
    | SuiteCapture
    | ScanCapture
)


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was read, or why nothing was.

    Attributes:
        format: by its name; of a broken file the one that it was to have, None where that is none.
        value: of a file that was read as extra, canonical JSON.
        digest: SHA-256 of the bytes that were read.
        reason: why the file is none, or cannot be read as what it was to be.
        run_failed: whether the file is sound and says that the tool's own run failed.
        needs: the module of `LATE` without which nothing can be said of the file.
    """

    format: str | None = None
    facts: tuple[Told, ...] = ()
    value: msgspec.Raw = msgspec.Raw()
    digest: str = ""
    size: int = 0
    reason: str | None = None
    run_failed: bool = False
    needs: str | None = None


class Ready(msgspec.Struct, frozen=True):
    """The answer to the first message: whether the process is confined to what it was handed."""

    confined: bool

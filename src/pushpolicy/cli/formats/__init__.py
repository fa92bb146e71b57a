"""Output formats: what a command has to report, and the table of those who can write it down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pushpolicy.cli.formats.page import Page
    from pushpolicy.model.decision import Decision
    from pushpolicy.model.document import Document


class Kind(StrEnum):
    """What a report is about."""

    DECISION = "decision"
    GATHERED = "gathered"
    POLICY = "policy"
    LISTING = "listing"
    RECORD = "record"
    COMPARED = "compared"
    REPLAY = "replay"
    WHAT_IF = "what-if"
    VERIFIED = "verified"
    EXPORT = "export"
    GAPS = "gaps"
    MIRRORED = "mirrored"
    FLEET = "fleet"
    IMPACT = "impact"
    DOCTOR = "doctor"
    ERROR = "error"


# Texts may be foreign: each format makes them harmless in its own way.
Cell = str | int | float | bool | tuple[str, ...] | None


class Table(NamedTuple):
    """A report as a table, for formats of rows.

    Attributes:
        schema: the version of its form.
        columns: their names.
        rows: of each row the cells, in the order of the columns; read once, and as they come.
        beside: what has no row, told on standard error when all rows are written and nothing else tells it.
    """

    schema: str
    columns: tuple[str, ...]
    rows: Callable[[], Iterable[Sequence[Cell]]]
    beside: Callable[[], Iterable[str]] = tuple


class Report(NamedTuple):
    """What a command has to say, before it has a format. Each function is called by the formats that need it.

    Attributes:
        lines: the report for people, styled for a terminal; foreign text in it is harmless.
        document: the report for programs; its `schema` tells the version of its form.
        decisions: those it is about, for formats made of findings.
        page: the report for people who were not there, where it has one.
        table: the same for formats of rows; None where it is no table.
    """

    kind: Kind
    lines: Callable[[], Iterable[str]]
    document: Callable[[], Document]
    decisions: tuple[Decision, ...] = ()
    page: Callable[[], Page] | None = None
    table: Table | None = None

    def as_table(self) -> Table:
        """Its table.

        Raises:
            TypeError: when it has none, though its kind says so (`TABLES`).
        """
        if self.table is None:
            raise TypeError(f"{self.kind} is no table")
        return self.table


class Format(NamedTuple):
    """One output format.

    Attributes:
        module: the module of this folder whose ``render(Report)`` writes it, imported when it is used: the
            whole content as one text, or one part of it after the other.
        kinds: the reports that it can be written of.
        of_rows: whether it writes the table of a report, and no more.
        streams: whether it writes a report as it comes, of which it keeps nothing.
    """

    module: str
    kinds: frozenset[Kind]
    of_rows: bool = False
    streams: bool = False

    def render(self, report: Report) -> Iterable[str]:
        """The content of a file, or of standard output, with its last line end, in parts as they come."""
        content: str | Iterable[str] = import_module(f"pushpolicy.cli.formats.{self.module}").render(report)
        return (content,) if isinstance(content, str) else content


# The reports that have a table.
TABLES = frozenset({Kind.LISTING, Kind.GAPS, Kind.FLEET, Kind.IMPACT, Kind.REPLAY, Kind.WHAT_IF})

# The reports that have a page.
PAGES = frozenset({Kind.LISTING, Kind.RECORD, Kind.REPLAY, Kind.WHAT_IF, Kind.GAPS})

# By their names after ``--format``.
FORMATS = {
    # An error is told as text on standard error, whatever the format.
    "text": Format("text", frozenset(Kind) - {Kind.ERROR}, streams=True),
    "json": Format("json", frozenset(Kind)),
    "html": Format("html", PAGES),
    "csv": Format("csv", TABLES, of_rows=True, streams=True),
    "jsonl": Format("jsonl", TABLES, of_rows=True, streams=True),
}

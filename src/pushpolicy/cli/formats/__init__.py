"""Output formats: what a command has to report, and the table of those who can write it down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    REPLAY = "replay"
    WHAT_IF = "what-if"
    VERIFIED = "verified"
    DOCTOR = "doctor"
    ERROR = "error"


class Report(NamedTuple):
    """What a command has to say, before it has a format. Each function is called by the formats that need it.

    Attributes:
        lines: the report for people, styled for a terminal; foreign text in it is harmless.
        document: the report for programs; its `schema` tells the version of its form.
        decisions: those it is about, for formats made of findings.
        page: the report for people who were not there, where it has one.
    """

    kind: Kind
    lines: Callable[[], Iterable[str]]
    document: Callable[[], Document]
    decisions: tuple[Decision, ...] = ()
    page: Callable[[], Page] | None = None


class Format(NamedTuple):
    """One output format.

    Attributes:
        module: the module of this folder whose ``render(Report) -> str`` writes it, imported when it is used.
        kinds: the reports that it can be written of.
    """

    module: str
    kinds: frozenset[Kind]

    def render(self, report: Report) -> str:
        """The content of a file, or of standard output, with its last line end."""
        content: str = import_module(f"pushpolicy.cli.formats.{self.module}").render(report)
        return content


# By their names after ``--format``.
FORMATS = {
    # An error is told as text on standard error, whatever the format.
    "text": Format("text", frozenset(Kind) - {Kind.ERROR}),
    "json": Format("json", frozenset(Kind)),
    "html": Format("html", frozenset({Kind.LISTING})),
}

"""A report as a page for people who were not there: what stands on it, before it has a format that draws.

All text in it is foreign: whoever draws makes it harmless. What does not fit is left out here, and said.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Tone(StrEnum):
    """What is meant by a mark; each has a shape of its own beside its colour."""

    GOOD = "good"
    BAD = "bad"
    DOUBT = "doubt"
    STRICTER = "stricter"
    LOOSER = "looser"
    PLAIN = "plain"


class Cell(NamedTuple):
    """A short text.

    Attributes:
        tone: the mark before it; none where it is plain.
        code: whether it is a digest, a name of a rule, or other text that is copied.
        link: an address in the outer world, or `#NAME` of a place on this page. Whether it is followed is for
            the format to say.
        linked: what stands there instead of the text where it is followed.
    """

    text: str
    tone: Tone = Tone.PLAIN
    code: bool = False
    link: str | None = None
    linked: str = ""


class Table(NamedTuple):
    """Rows of cells, the first of which names its row.

    Attributes:
        rest: what was left out, as a sentence; empty where nothing was.
        wide: whether it may be filtered and sorted.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    rest: str = ""
    wide: bool = False


class Facts(NamedTuple):
    """What is what."""

    items: tuple[tuple[str, Cell], ...]


class Period(NamedTuple):
    """What was decided in a day, week, month or year."""

    label: str
    allowed: int
    denied: int
    observed: int


class Timeline(NamedTuple):
    """Decisions by time, oldest first, without gaps; `unit` is day, week, month or year."""

    caption: str
    unit: str
    periods: tuple[Period, ...]
    rest: str = ""


class Bars(NamedTuple):
    """Numbers that are compared, largest first: a name, what is counted of it, and what else is told."""

    caption: str
    heads: tuple[str, ...]
    items: tuple[tuple[Cell, int, Cell], ...]
    rest: str = ""


class Heat(NamedTuple):
    """How many findings of one rule deny one push more, and how many less; or that nobody can know."""

    stricter: int = 0
    looser: int = 0
    unknown: bool = False


class HeatMap(NamedTuple):
    """Rules by pushes.

    Attributes:
        columns: of each push its label, and what it is.
        rows: of each rule its name, and a field for each push.
    """

    caption: str
    columns: tuple[Cell, ...]
    rows: tuple[tuple[str, tuple[Heat, ...]], ...]
    rest: str = ""


class Fold(NamedTuple):
    """Something that is told in a line, and in full where that is asked for.

    Attributes:
        name: of the place, for links to it.
    """

    name: str
    title: tuple[Cell, ...]
    blocks: tuple[Table | Facts, ...]


class Folds(NamedTuple):
    """Several of them."""

    items: tuple[Fold, ...]
    rest: str = ""


Block = Table | Facts | Timeline | Bars | HeatMap | Folds


class Section(NamedTuple):
    """A part of the page with a heading."""

    name: str
    title: str
    blocks: tuple[Block, ...]
    lead: str = ""


class Number(NamedTuple):
    """What is counted, and how many there are."""

    label: str
    number: int
    tone: Tone = Tone.PLAIN


class Page(NamedTuple):
    """The whole of it.

    Attributes:
        subject: what was asked about.
        verdict: what there is to say in one sentence.
        notes: what has to be said beside it.
        made: when.
    """

    title: str
    subject: str
    verdict: Cell
    numbers: tuple[Number, ...]
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
    made: datetime

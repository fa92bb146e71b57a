"""What has no valid record, as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from pushpolicy.audit.gap import Gap, Kind
from pushpolicy.audit.sources import Ignored
from pushpolicy.cli.formats.page import Cell, Number, Page, Section, Table, Tone
from pushpolicy.cli.render.audit.overview import problems

# Of one kind.
_MOST = 100


def page_of(
    subject: str,
    said: str,
    gaps: Mapping[Kind, Sequence[Gap]],
    told: Mapping[Kind, tuple[str, str]],
    ignored: Sequence[Ignored],
    at: datetime,
) -> Page:
    """The gaps of a place.

    Args:
        subject: what was looked at.
        said: how many there are, in a sentence.
        gaps: by their kind, the worst first.
        told: of each kind, what it is, and what to do about it.
        ignored: what was not read.
        at: the time of the report.
    """
    good = Tone.GOOD if not ignored else Tone.DOUBT
    return Page(
        title="What has no valid record",
        subject=subject,
        verdict=Cell(f"{said[:1].upper()}{said[1:]}.", Tone.BAD if gaps else good),
        numbers=tuple(Number(str(kind), len(found), Tone.BAD) for kind, found in gaps.items()),
        notes=(),
        sections=(*problems(ignored), *_sections(gaps, told)),
        made=at,
    )


def _sections(gaps: Mapping[Kind, Sequence[Gap]], told: Mapping[Kind, tuple[str, str]]) -> Iterator[Section]:
    for kind, found in gaps.items():
        what, fix = told[kind]
        heads = ("for", "since", "what was found", "image", "record")
        more = len(found) - _MOST
        rest = f"{more} more not shown here (all of them: --format csv)." if more > 0 else ""
        table = Table(f"{kind}: {what}", heads, tuple(map(_row, found[:_MOST])), rest)
        yield Section(f"kind-{kind}", str(kind), (table,), f"What to do: {fix}.")


def _row(gap: Gap) -> tuple[Cell, ...]:
    return (
        Cell(f"{gap.place}:{gap.tag}" if gap.tag else str(gap.place)),
        Cell(f"{gap.since:%Y-%m-%d %H:%M}" if gap.since else "not known"),
        Cell(gap.says, Tone.BAD),
        Cell(str(gap.digest or ""), code=True),
        Cell(str(gap.record or ""), code=True),
    )

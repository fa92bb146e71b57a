"""How far a decision is from another: by threshold, and by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from pushpolicy.cli.formats import Report
from pushpolicy.evaluate.margins import Found, Margin, Margins, Moment
from pushpolicy.model.document import Document, plain
from pushpolicy.model.text import first_of, printable

_WORDS = {"higher": "at least", "lower": "at most", "limit": "at most"}
_SHOWN = 30


def with_margins(report: Report, found: Margins) -> Report:
    """The report of a decision, with its margins below, and in the document as `margins`."""
    return report._replace(
        lines=lambda: [*report.lines(), "", *margin_lines(found)],
        document=lambda: Document.of({**report.document().value, "margins": plain(found)}),
    )


def margin_lines(found: Margins) -> Iterator[str]:
    """Thresholds that fail, those that pass, and what changes as time passes."""
    names = [f"{each.rule}.{each.key}" for each in found.settings[:_SHOWN]]
    width = max(map(len, names), default=0)
    yield "margins:" if names else "margins: no threshold decides anything here"
    for name, each in zip(names, found.settings, strict=False):
        yield f"  {printable(name):<{width}}  {_told(each)}"
    if len(found.settings) > _SHOWN:
        yield f"  ... and {len(found.settings) - _SHOWN} more (all of them: --format json)"
    if found.free:
        yield f"  no stricter value would deny anything: {first_of([*map(printable, found.free)], 40)}"
    if found.unsaid:
        names = [*map(printable, found.unsaid)]
        yield f"  cannot be told (METADATA says no `stricter`, or OPA fails): {first_of(names, 10)}"
    yield ""
    if not found.moments:
        yield f"in the next {found.days} days time changes nothing of this"
        return
    yield f"in the next {found.days} days, of this evidence:"
    for moment in found.moments:
        yield from _moment(moment)


def _told(margin: Margin) -> str:
    word, color = ("passes", "green") if margin.passes else ("fails", "red")
    by = "" if margin.by is None else f" by {margin.by:.10g}"
    unlimited = margin.stricter == "limit" and margin.value == -1
    limit = "no limit" if unlimited else f"{_WORDS[margin.stricter]} {margin.value:.10g}"
    is_any = margin.stricter == "limit" and margin.found == -1
    found = "any limit denies" if is_any else f"found {margin.found:.10g}"
    return f"{click.style(word + by, fg=color)}: {limit}, {found} ({_found(margin.next)})"


def _moment(moment: Moment) -> Iterator[str]:
    time = datetime.fromisoformat(moment.at)
    changes = [*moment.ends]
    changes += [f"denied by {printable(each.rule)}: {_found(each)}" for each in moment.denies]
    changes += [f"no longer denied by {printable(each.rule)}: {_found(each)}" for each in moment.clears]
    if not moment.denies and not moment.clears:
        changes.append("nothing of this evidence is denied by that")
    yield f"  {time:%a %Y-%m-%d %H:%M} UTC, {_ahead(moment.seconds)}: {printable('; '.join(changes), 600)}"


def _ahead(seconds: int) -> str:
    for size, unit in ((24 * 3600, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            number = seconds // size
            return f"in {number} {unit}{'s' if number > 1 else ''}"
    return "in less than a minute"


def _found(found: Found) -> str:
    ids: Sequence[str] = [printable(each, 60) for each in found.ids]
    more = found.count - len(ids)
    return ", ".join(ids) + (f" and {more} more" if more > 0 else "")

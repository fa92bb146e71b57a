"""The records of one place or many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import click
import msgspec

from pushpolicy.audit.entry import Entry
from pushpolicy.audit.outcome import Outcome
from pushpolicy.audit.overview import Overview, Told
from pushpolicy.audit.sources import Ignored
from pushpolicy.cli.formats import Cell, Kind, Report, Table
from pushpolicy.cli.render.audit.lines import audit_document, ignored_json, ignored_lines, summary_json
from pushpolicy.cli.render.audit.overview import page_of
from pushpolicy.model.document import plain
from pushpolicy.model.reference import Reference
from pushpolicy.model.text import first_of, printable

_NAME = "list"
_WIDTH, _SHOWN, _COMMIT = 80, 3, 12
_COLORS = {Outcome.ALLOWED: "green", Outcome.DENIED: "red", Outcome.OBSERVED: "yellow"}
_VERDICTS = {Outcome.ALLOWED: "ALLOW", Outcome.DENIED: "DENY", Outcome.OBSERVED: "ALLOW"}
_RESULTS = {Outcome.ALLOWED: "allow", Outcome.DENIED: "deny", Outcome.OBSERVED: "observed"}

# What a row may have, by the names of --columns.
COLUMNS: Mapping[str, Callable[[Entry], Cell]] = {
    "time": lambda each: each.time,
    "result": lambda each: _RESULTS[each.outcome],
    "repository": lambda each: each.repository,
    "tag": lambda each: each.tags,
    "digest": lambda each: each.digest,
    "record": lambda each: each.record,
    "commit": lambda each: each.commit,
    "branch": lambda each: each.branch,
    "event": lambda each: each.event,
    "run": lambda each: each.run,
    "actor": lambda each: each.actor,
    "credential": lambda each: each.credential,
    "credential_from": lambda each: each.credential_from,
    "rules": lambda each: each.rules,
    "warned": lambda each: each.warned,
    "findings": lambda each: each.findings,
    "waivers": lambda each: each.waivers,
    "anchored": lambda each: each.anchored,
    "signature": lambda each: each.signature,
    "signed_by": lambda each: each.signed_by,
    "policy": lambda each: each.policy,
    "remarks": lambda each: each.remarks,
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A record; `told` has the whole decision, where the format needs it."""

    entry: Entry
    told: Told | None = None


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to list.

    Attributes:
        places: what was asked about; the first two of them are enough.
        rows: newest first; or as they are read, and then once.
        ignored: what should have been a record; complete when the rows were read.
        read: how many records were looked at, asked when the rows were read.
        is_selected: whether not all are listed.
        overview: what they come to, where a page is asked for.
        columns: those that were chosen; None for what is usual.
    """

    places: Sequence[Reference]
    rows: Iterable[Row]
    ignored: Sequence[Ignored]
    read: Callable[[], int]
    is_selected: bool
    overview: Overview | None
    columns: tuple[str, ...] | None


def listing(found: Listed) -> Report:
    """Records, as ``pushpolicy.audit.list/v1``."""
    columns, overview = found.columns or tuple(COLUMNS), found.overview
    table = Table(
        f"pushpolicy.audit.{_NAME}/v1",
        columns,
        lambda: ([COLUMNS[name](row.entry) for name in columns] for row in found.rows),
        lambda: ignored_lines(found.ignored),
    )
    return Report(
        Kind.LISTING,
        lambda: _lines(found),
        lambda: audit_document(
            _NAME, {"records": list(map(_json, found.rows)), **ignored_json(found.ignored)}
        ),
        page=(lambda: page_of(_subject(found.places), overview, found.ignored)) if overview else None,
        table=table,
    )


def _subject(places: Sequence[Reference]) -> str:
    return ", ".join(map(str, places[:1])) + (" and others" if len(places) > 1 else "")


def _json(row: Row) -> dict[str, Any]:
    """Who pushed, from where and how: as the columns name it."""
    if row.told is None:
        raise TypeError("a document needs whole decisions")
    entry = row.entry
    names = ("commit", "branch", "event", "run", "actor", "credential", "credential_from")
    return {
        **summary_json(row.told.summary, row.told.standing),
        **plain({n: getattr(entry, n) for n in names}),
    }


def _lines(found: Listed) -> Iterator[str]:
    """Some lines for each record, newest first, then what should have been one."""
    rows = list(found.rows)
    if found.columns and rows:
        yield from _aligned(rows, found.columns)
    elif rows:
        several = len({row.entry.repository for row in rows}) > 1
        for row in rows:
            yield from _entry(row.entry, with_repository=several)
    yield from ignored_lines(found.ignored)
    if found.is_selected:
        yield f"{len(rows)} of {found.read()} records"
    elif not rows and not found.ignored:
        yield _none(found.places)


def _none(places: Sequence[Reference]) -> str:
    if len(places) != 1:
        return "no records: no tag names an image that was pushed by pushpolicy"
    place = printable(str(places[0]))
    if places[0].tag or places[0].digest:
        return f"no record: {place} was not pushed by pushpolicy"
    return f"no records: no tag of {place} names an image that was pushed by pushpolicy"


def _entry(entry: Entry, *, with_repository: bool) -> Iterator[str]:
    """What was decided about what, and how far that counts; then who pushed, from where and how."""
    color = "yellow" if entry.wrong else _COLORS[entry.outcome]
    verdict = click.style(_VERDICTS[entry.outcome], fg=color, bold=True)
    tags = first_of(entry.tags, _SHOWN)
    name = printable(f"{entry.repository}:{tags}" if with_repository else tags)
    yield f"{printable(entry.time)}  {verdict}  {name}  {', '.join(entry.remarks)}"
    yield from packed(_parts(entry))


def _parts(entry: Entry) -> Iterator[str]:
    if entry.actor:
        yield f"{entry.event or 'run'} by {entry.actor}"
    elif entry.event:
        yield entry.event
    if entry.commit:
        yield f"commit {entry.commit[:_COMMIT]}{f' of {entry.branch}' if entry.branch else ''}"
    if entry.run:
        yield f"run {entry.run}"
    if entry.credential:
        yield f"credential {entry.credential}{f' ({entry.credential_from})' if entry.credential_from else ''}"
    if entry.rules:
        yield f"denied by {first_of(entry.rules, _SHOWN)}"
    if entry.warned:
        yield f"warned by {first_of(entry.warned, _SHOWN)}"
    if entry.waivers:
        yield f"waived {first_of(entry.waivers, _SHOWN)}"
    yield f"record {entry.record}"


def packed(parts: Iterable[str]) -> Iterator[str]:
    """Parts on as few lines as they fit on, in their order; one that is too long has its own."""
    line = ""
    for part in map(printable, parts):
        if line and len(line) + len(part) + 4 > _WIDTH:
            yield f"  {line}"
            line = part
        else:
            line = f"{line}, {part}" if line else part
    if line:
        yield f"  {line}"


def _aligned(rows: Sequence[Row], columns: Sequence[str]) -> Iterator[str]:
    cells = [[_text(COLUMNS[name](row.entry)) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in (columns, *cells):
        yield "  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip()


def _text(cell: Cell) -> str:
    if cell is None or isinstance(cell, bool):
        return {None: "-", True: "yes", False: "no"}[cell]
    return printable(", ".join(cell) if isinstance(cell, tuple) else str(cell)) or "-"

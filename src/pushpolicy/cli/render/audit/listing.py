"""The records of a place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pushpolicy.audit.overview import Overview, Told
from pushpolicy.audit.standing import Standing
from pushpolicy.audit.walk import Listing
from pushpolicy.cli.formats import Cell, Kind, Report, Table
from pushpolicy.cli.formats.page import Page
from pushpolicy.cli.render.audit.lines import (
    audit_document,
    ignored_json,
    ignored_lines,
    record_line,
    summary_json,
)
from pushpolicy.cli.render.audit.overview import DECISIONS, page_of
from pushpolicy.model.reference import Repository
from pushpolicy.model.text import printable
from pushpolicy.records.read import Summary


def listing(found: Listing, at: datetime) -> Report:
    """The records of a repository, as ``pushpolicy.audit.list/v1``; `at` is the time of the report."""
    return Report(
        Kind.LISTING,
        lambda: _listing_lines(found),
        lambda: audit_document(
            "list",
            {
                "records": [summary_json(item, found.standings[item.digest]) for item in found.records],
                **ignored_json(found.ignored),
            },
        ),
        tuple(summary.decision for summary in found.records),
        lambda: _page(found, at),
        Table(
            "pushpolicy.audit.list/v1",
            ("time", "result", "repository", "tag", "digest", "record", "remarks"),
            lambda: (_row(summary, found.standings[summary.digest]) for summary in found.records),
            lambda: ignored_lines(found.ignored),
        ),
    )


def _row(summary: Summary, how: Standing) -> tuple[Cell, ...]:
    decision = summary.decision
    repository = Repository(registry=decision.image.registry, path=decision.image.repository)
    return (
        decision.evaluated_at,
        str(decision.verdict),
        str(repository),
        decision.image.tags,
        str(summary.subject.digest),
        str(summary.digest),
        how.remarks,
    )


def _page(found: Listing, at: datetime) -> Page:
    overview = Overview(at, DECISIONS)
    for summary in found.records:
        overview.add(Told(summary=summary, standing=found.standings[summary.digest]))
    return page_of(str(found.place), overview, found.ignored)


def _listing_lines(found: Listing) -> Iterator[str]:
    """A line for each record, newest first, then what should have been one."""
    for summary in found.records:
        yield record_line(summary, found.standings[summary.digest])
    yield from ignored_lines(found.ignored)
    if not found.records and not found.problems and found.place:
        if found.place.tag or found.place.digest:
            yield f"no record: {printable(str(found.place))} was not pushed by pushpolicy"
        else:
            place = printable(str(found.place))
            yield f"no records: no tag of {place} names an image that was pushed by pushpolicy"

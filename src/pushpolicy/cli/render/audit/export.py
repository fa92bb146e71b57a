"""What was exported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from pushpolicy.audit.export.format import Header, Part
from pushpolicy.audit.walk import Problem, Unread
from pushpolicy.cli.formats import Kind, Report
from pushpolicy.cli.render.audit.lines import ignored_lines
from pushpolicy.model.digest import Digest
from pushpolicy.model.document import Document, plain
from pushpolicy.model.text import printable


def exported(folder: str, header: Header, written: Sequence[Part]) -> Report:
    """What is in an export now, as ``pushpolicy.audit.export/v1``: the content of its export.json."""
    return Report(Kind.EXPORT, lambda: _lines(folder, header, written), lambda: Document.of(plain(header)))


def _lines(folder: str, header: Header, written: Sequence[Part]) -> Iterator[str]:
    new, every = (sum(part.records.lines for part in parts) for parts in (written, header.parts))
    places = {part.place.repository for part in header.parts}
    repositories = "1 repository" if len(places) == 1 else f"{len(places)} repositories"
    records = "1 record" if every == 1 else f"{every} records"
    added = "" if new == every else f", {new} of them new"
    yield f"{printable(folder)} has {records} of {repositories}{added}"
    for failed in header.failed:
        yield click.style(f"not exported: {printable(failed.reason, 500)}", fg="red")
    yield from ignored_lines(list(_ignored(written)))


def _ignored(written: Sequence[Part]) -> Iterator[Problem | Unread]:
    for part in written:
        place = part.place if len(written) > 1 else None
        for each in part.problems:
            digest = Digest.parse(each.digest)
            yield Problem(digest=digest, reason=each.reason, hint=each.hint, place=place)
        if part.unread:
            yield Unread(number=part.unread)
